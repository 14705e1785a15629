//! How many records a filtered search reads, per store and leaf: `cargo bench -p portolan-benches --bench pushdown`.
//!
//! Each filter keeps 1,000 of 100,000 records. The stores are those whose servers the `PORTOLAN_TEST_*` variables name
//! (`cargo xtask servers up` starts them). The run fails where a leaf that is pushed exactly reads more than 50 records,
//! one that is pushed as a superset more than ten times its matches, or a search fails.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::process::ExitCode;
use std::time::Duration;

use portolan::filter::{field, id_in};
use portolan::{
    CallOptions, FieldType, Filter, IndexSpec, Metadata, Metric, Record, Result, SearchRequest,
    UpsertRequest, VectorStorage, VectorStorageExt,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const RECORDS: usize = 100_000;
const KEPT: u64 = 1_000;
const BATCH: usize = 1_000;
const DIMENSION: usize = 16;
const INDEX: &str = "pushdown";
const SERVERS: [&str; 5] = ["chroma", "pgvector", "milvus", "milvus-lite", "qdrant"];

#[tokio::main]
async fn main() -> ExitCode {
    let mut stores = Vec::new();
    for name in SERVERS {
        let variable = format!("PORTOLAN_TEST_{}", name.to_uppercase().replace('-', "_"));
        match std::env::var(&variable) {
            Ok(uri) => stores.push((name.to_owned(), uri)),
            Err(_) => println!("{name}: not run ({variable} names no server)"),
        }
    }
    let mut kept_to = true;
    for (name, uri) in stores {
        match measure(&name, &uri).await {
            Ok(good) => kept_to &= good,
            Err(e) => {
                println!("{name}: {e}");
                kept_to = false;
            }
        }
    }
    if kept_to { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn measure(name: &str, uri: &str) -> Result<bool> {
    let storage = portolan::open(uri).await?;
    // One that an earlier run has left.
    let _ = storage.delete_index(INDEX, patient()).await;
    let spec = IndexSpec::new(INDEX, DIMENSION)
        .metric(Metric::Euclidean)
        .field("group", FieldType::String)
        .field("usual", FieldType::String)
        .field("group_number", FieldType::Integer)
        .field("number", FieldType::Integer)
        .field("ratio", FieldType::Float)
        .field("chosen", FieldType::Bool);
    storage.ensure_index(&spec).await?;
    let mut rng = StdRng::seed_from_u64(7);
    let records: Vec<Record> = (0..RECORDS).map(|n| record(&mut rng, n)).collect();
    for chunk in records.chunks(BATCH) {
        storage.upsert(&UpsertRequest::new(INDEX, chunk).options(patient())).await?.into_result()?;
    }

    println!("\n{name:<12} {:<16} {:<9} {:>12} {:>9}", "leaf", "pushed", "records read", "matches");
    let mut kept_to = true;
    for (leaf, filter) in leaves() {
        let matches = records.iter().filter(|r| filter.matches(&r.id, &r.metadata)).count();
        assert_eq!(matches as u64, KEPT, "{leaf} keeps 1 %");
        kept_to &= row(&*storage, leaf, filter, &mut rng).await.unwrap_or_else(|error| {
            println!("{:<12} {leaf:<16} {error}", "");
            false
        });
    }
    // What a slow server has not yet deleted, the next run does.
    let _ = storage.delete_index(INDEX, patient()).await;
    storage.close().await?;
    Ok(kept_to)
}

async fn row(storage: &dyn VectorStorage, leaf: &str, filter: Filter, rng: &mut StdRng) -> Result<bool> {
    let query = SearchRequest::new(INDEX, vector(rng)).top_k(10).filter(filter).options(patient());
    let pushed = storage.explain(&query).await?.push_down.to_string();
    let found = storage.search(&query).await?;
    assert_eq!(found.matches.len(), 10, "{leaf} finds top_k rows");
    let bound = match pushed.as_str() {
        "exact" => 50,
        "superset" => 10 * KEPT,
        _ => u64::MAX,
    };
    let over = found.records_read > bound;
    let mark = if over { format!("  more than {bound}") } else { String::new() };
    println!("{:<12} {leaf:<16} {pushed:<9} {:>12} {KEPT:>9}{mark}", "", found.records_read);
    Ok(!over)
}

/// How many records are read is measured here, not how long it takes.
fn patient() -> CallOptions {
    CallOptions::new().timeout(Duration::from_secs(60))
}

fn leaves() -> Vec<(&'static str, Filter)> {
    let last = RECORDS as i64 - KEPT as i64;
    vec![
        ("eq string", field("group").eq("group 07 of many")),
        ("eq boolean", field("chosen").eq(true)),
        ("ne", field("usual").ne("yes")),
        ("not eq", !field("usual").eq("yes")),
        ("gte integer", field("number").gte(last)),
        ("gt float", field("ratio").gt(last as f64)),
        ("lt integer", field("number").lt(KEPT as i64)),
        ("not lt integer", !field("number").lt(last)),
        ("in integers", field("group_number").is_in([7, 1_000])),
        ("in strings", field("group").is_in(["group 07 of many", "group none"])),
        ("not in", field("usual").not_in(["yes", "perhaps"])),
        ("contains", field("group").contains("07 of")),
        ("list contains", field("tags").contains("tag 7")),
        ("starts with", field("group").starts_with("group 07")),
        ("ends with", field("tail").ends_with("end 07")),
        ("exists", field("seldom").exists()),
        ("not exists", !field("mostly").exists()),
        ("id in", id_in((0..KEPT).map(|n| format!("record {n}")))),
    ]
}

fn record(rng: &mut StdRng, n: usize) -> Record {
    let group = n % 100;
    let metadata = Metadata::new()
        .with("group", format!("group {group:02} of many"))
        .with("group_number", group as i64)
        .with("tail", format!("some end {group:02}"))
        .with("usual", if group == 7 { "no" } else { "yes" })
        .with("number", n as i64)
        .with("ratio", n as f64 + 0.5)
        .with("chosen", group == 7)
        .with("tags", vec![format!("tag {group}"), "any".to_owned()])
        .with(if group == 7 { "seldom" } else { "mostly" }, "here");
    Record::new(format!("record {n}"), vector(rng)).metadata(metadata)
}

fn vector(rng: &mut StdRng) -> Vec<f32> {
    (0..DIMENSION).map(|_| rng.random_range(-1.0..1.0)).collect()
}
