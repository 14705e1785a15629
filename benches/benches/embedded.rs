//! The embedded store: importing, opening after a kill, searching 60,000 vectors of 384 components.
//!
//! `cargo bench -p portolan-benches --bench embedded`. The import runs in a child process, which is killed when it has
//! acknowledged the last batch; what is searched is what was opened after that.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use portolan_core::filter::field;
use portolan_core::{
    CallOptions, FieldType, Filter, IndexSpec, Location, Metadata, Record, SearchRequest, UpsertRequest,
    VectorStorage,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use simsimd::SpatialSimilarity;
use tokio::runtime::Runtime;

const RECORDS: usize = 60_000;
const DIMENSION: usize = 384;
const BATCH: usize = 1_000;
const INDEX: &str = "companies";
const IMPORT_INTO: &str = "PORTOLAN_BENCH_IMPORT_INTO";

fn main() {
    if let Ok(directory) = std::env::var(IMPORT_INTO) {
        return import(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    import_and_kill(directory.path());
    let runtime = Runtime::new().unwrap();
    let store = open_after_kill(&runtime, directory.path());
    let vectors: Vec<f32> = (0..RECORDS).flat_map(vector).collect();
    compare(&runtime, &store, &vectors);
    criterion(&runtime, &store, &vectors);
}

fn import_and_kill(directory: &Path) {
    let begun = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(IMPORT_INTO, directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "imported");
    let elapsed = begun.elapsed();
    println!("{}", lines.next().unwrap().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    let bytes = directory.join("portolan.redb").metadata().unwrap().len();
    println!(
        "import: {:.2} s, {:.0} records/s, {} batches of {BATCH}, each durable; file {} MiB",
        elapsed.as_secs_f64(),
        RECORDS as f64 / elapsed.as_secs_f64(),
        RECORDS / BATCH,
        bytes >> 20
    );
}

/// The child: imports, says so, and waits to be killed.
fn import(directory: &Path) {
    let runtime = Runtime::new().unwrap();
    let store = runtime.block_on(open(directory));
    let spec = IndexSpec::new(INDEX, DIMENSION)
        .field("industry", FieldType::String)
        .field("founding_year", FieldType::Integer)
        .field("part", FieldType::Integer)
        .field("created_at", FieldType::String);
    runtime.block_on(store.create_index(&spec, CallOptions::new())).unwrap();
    for first in (0..RECORDS).step_by(BATCH) {
        let records: Vec<Record> = (first..first + BATCH).map(record).collect();
        let written = runtime.block_on(store.upsert(&UpsertRequest::new(INDEX, &records))).unwrap();
        assert!(written.is_successful());
    }
    println!("imported");
    println!("import: peak memory of the process {} MiB", peak_memory_mib());
    // Until the parent kills it, or ends itself.
    let _ = std::io::stdin().lines().next();
}

fn record(n: usize) -> Record {
    let metadata = Metadata::new()
        .with("company_name", format!("Company number {n}"))
        .with("industry", format!("industry {}", n % 25))
        .with("founding_year", 1950 + (n % 75) as i64)
        .with("part", (n % 100) as i64)
        .with("undeclared", (n % 100) as i64)
        .with(
            "created_at",
            format!("2026-01-{:02}T{:02}:{:02}:00.{:03}Z", 1 + n / 3_600, n / 60 % 24, n % 60, n % 1_000),
        );
    Record::new(format!("company-{n:06}"), vector(n)).metadata(metadata)
}

fn vector(n: usize) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(n as u64);
    (0..DIMENSION).map(|_| random.random_range(-1.0..1.0)).collect()
}

async fn open(directory: &Path) -> Arc<dyn VectorStorage> {
    portolan_embedded::open(Location::new("embedded").with_path(directory.to_str().unwrap())).await.unwrap()
}

fn open_after_kill(runtime: &Runtime, directory: &Path) -> Arc<dyn VectorStorage> {
    let begun = Instant::now();
    let store = runtime.block_on(open(directory));
    let opened = begun.elapsed();
    let found = runtime.block_on(store.search(&request(None))).unwrap();
    println!(
        "open after a kill: {} ms, and the first search {} ms, which reads {} vectors into memory",
        opened.as_millis(),
        (begun.elapsed() - opened).as_millis(),
        found.records_read
    );
    let stats = runtime.block_on(store.stats(INDEX, false, CallOptions::new())).unwrap();
    println!("statistics: {stats:?}");
    store
}

fn request(filter: Option<Filter>) -> SearchRequest {
    let request = SearchRequest::new(INDEX, vector(RECORDS + 1)).top_k(10);
    match filter {
        Some(filter) => request.filter(filter),
        None => request,
    }
}

fn bare_loop(vectors: &[f32], query: &[f32]) -> f64 {
    vectors.chunks_exact(DIMENSION).map(|v| f32::dot(query, v).unwrap()).fold(f64::MIN, f64::max)
}

/// Medians of runs that take turns, so that what else the machine does meets all alike.
fn compare(runtime: &Runtime, store: &Arc<dyn VectorStorage>, vectors: &[f32]) {
    let query = vector(RECORDS + 1);
    let filters = [
        ("all", None),
        ("a declared field keeps 1 %", Some(field("part").eq(7))),
        ("a range of a declared field keeps 4 %", Some(field("founding_year").gte(2022))),
        ("an undeclared field keeps 1 %", Some(field("undeclared").eq(7))),
    ];
    let requests: Vec<_> = filters.map(|(name, filter)| (name, request(filter))).into();
    let mut times = vec![Vec::new(); requests.len() + 1];
    for _ in 0..31 {
        times[0].push(timed(|| {
            black_box(bare_loop(vectors, &query));
        }));
        for (at, (_, request)) in requests.iter().enumerate() {
            times[at + 1].push(timed(|| drop(black_box(runtime.block_on(store.search(request)).unwrap()))));
        }
    }
    let medians: Vec<f64> = times.into_iter().map(median_ms).collect();
    println!("bare SIMD loop: {:.3} ms", medians[0]);
    for ((name, request), time) in requests.iter().zip(&medians[1..]) {
        let read = runtime.block_on(store.search(request)).unwrap().records_read;
        let estimated = runtime.block_on(store.explain(request)).unwrap().estimated_records;
        println!(
            "search, {name}: {time:.3} ms = {:.2} of the bare loop = 1/{:.0} of the full scan; records_read {read}, estimated {estimated:?}",
            time / medians[0],
            medians[1] / time,
        );
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn criterion(runtime: &Runtime, store: &Arc<dyn VectorStorage>, vectors: &[f32]) {
    let query = vector(RECORDS + 1);
    let all = request(None);
    let part = request(Some(field("part").eq(7)));
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("embedded/60000x384");
    group.bench_function("bare_simd_loop", |b| b.iter(|| bare_loop(vectors, &query)));
    group.bench_function("exact_over_all", |b| b.iter(|| runtime.block_on(store.search(&all)).unwrap()));
    group.bench_function("filter_keeps_1_percent", |b| {
        b.iter(|| runtime.block_on(store.search(&part)).unwrap());
    });
    group.finish();
}

fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() >> 10
}
