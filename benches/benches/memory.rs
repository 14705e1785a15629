//! Single upserts into `memory:`, idle and beside a search: `cargo bench -p portolan-benches --bench memory`.
//!
//! The two are timed in turns, so that whatever else the machine does falls on both. Of the upserts every other one
//! replaces a record, and the rest are new.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use portolan_core::{
    CallOptions, IndexSpec, MemoryConfig, MemoryStorage, Metadata, Record, SearchRequest, UpsertRequest,
    VectorStorage,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::{Builder, Runtime};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const INDEX: &str = "companies";
const DIMENSION: usize = 384;
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const TURNS: usize = 10;
/// In each turn; few, so that an index of 1,000 records does not grow into another size.
const UPSERTS: usize = 50;

fn main() -> Result<()> {
    println!(
        "{:>8}  {:<16} {:>9} {:>9} {:>9} {:>9}",
        "records", "single upsert", "median µs", "mean µs", "p99 µs", "searches"
    );
    SIZES.into_iter().try_for_each(measure)
}

fn measure(size: usize) -> Result<()> {
    let runtime = runtime()?;
    let mut rng = StdRng::seed_from_u64(7);
    let storage = runtime.block_on(filled(size, &mut rng))?;
    // Every other one is there.
    let ids = (0..size).flat_map(|n| [n * 7_919 % size, size + n]);
    let mut upserts = ids.map(|n| record(n, &mut rng));
    let mut turn =
        || upserts.by_ref().take(UPSERTS).map(|record| upsert(&runtime, &storage, record)).collect();
    let (mut idle, mut beside, mut searches) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TURNS {
        let times: Result<Vec<f64>> = turn();
        idle.extend(times?);
        let (times, searched) = while_searching(&storage, &mut turn)?;
        beside.extend(times?);
        searches += searched;
    }
    print(size, "idle", idle, 0);
    print(size, "beside a search", beside, searches);
    Ok(())
}

/// Runs work while one search follows the other, and counts them.
fn while_searching<T>(storage: &MemoryStorage, work: impl FnOnce() -> T) -> Result<(T, u32)> {
    let (begun, done) = (AtomicU32::new(0), AtomicBool::new(false));
    let worked = thread::scope(|scope| {
        let searching = scope.spawn(|| search_until(&done, &begun, storage));
        while begun.load(Ordering::Acquire) == 0 && !searching.is_finished() {
            thread::yield_now();
        }
        let worked = work();
        done.store(true, Ordering::Release);
        searching.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map(|()| worked)
    })?;
    Ok((worked, begun.into_inner()))
}

fn search_until(done: &AtomicBool, begun: &AtomicU32, storage: &MemoryStorage) -> Result<()> {
    let runtime = runtime()?;
    let request = SearchRequest::new(INDEX, vec![0.5; DIMENSION]);
    while !done.load(Ordering::Acquire) {
        begun.fetch_add(1, Ordering::AcqRel);
        runtime.block_on(storage.search(&request))?;
    }
    Ok(())
}

/// Microseconds of one upsert.
fn upsert(runtime: &Runtime, storage: &MemoryStorage, record: Record) -> Result<f64> {
    let records = [record];
    let request = UpsertRequest::new(INDEX, &records[..]);
    let start = Instant::now();
    let written = runtime.block_on(storage.upsert(&request));
    let micros = start.elapsed().as_nanos() as f64 / 1e3;
    written?.into_result()?;
    Ok(micros)
}

async fn filled(size: usize, rng: &mut StdRng) -> Result<MemoryStorage> {
    let storage = MemoryStorage::new(MemoryConfig::new().max_vectors_per_index(2 * size))?;
    storage.create_index(&IndexSpec::new(INDEX, DIMENSION), CallOptions::new()).await?;
    let records: Vec<Record> = (0..size).map(|n| record(n, rng)).collect();
    storage.upsert(&UpsertRequest::new(INDEX, &records)).await?.into_result()?;
    Ok(storage)
}

fn record(n: usize, rng: &mut StdRng) -> Record {
    let metadata =
        Metadata::new().with("company_name", format!("Company {n}")).with("founding_year", n as i64);
    let vector: Vec<f32> = (0..DIMENSION).map(|_| rng.random_range(-1.0..1.0)).collect();
    Record::new(format!("record {n}"), vector).metadata(metadata)
}

fn print(size: usize, what: &str, mut times: Vec<f64>, searches: u32) {
    times.sort_by(f64::total_cmp);
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{size:>8}  {what:<16} {median:>9.2} {mean:>9.2} {p99:>9.2} {searches:>9}");
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_time().build()
}
