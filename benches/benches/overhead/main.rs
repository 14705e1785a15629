//! The port against the thinnest client of each server: `cargo bench -p portolan-benches --bench overhead`.
//!
//! 10,000 records of 384 components with metadata, written through the port; then the port and a plain client take turns
//! on the same server and index. *The same work* is the same rows and fields, the same consistency, and a whole record
//! replaced; *a bare call* is what a program would send that does without. Medians of interleaved rounds. The servers
//! are those that the `PORTOLAN_TEST_*` variables name (`cargo xtask servers up` starts them).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod chroma;
mod milvus;
mod pgvector;
mod plain;
mod qdrant;

use std::time::{Duration, Instant};

use portolan::{
    CallOptions, FieldType, IndexSpec, Metadata, Metric, Record, VectorStorage, VectorStorageExt,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use plain::{Plain, Work};

const RECORDS: usize = 10_000;
const DIMENSION: usize = 384;
const BATCH: usize = 100;
const TOP_K: usize = 10;
const ROUNDS: usize = 60;
const INDEX: &str = "overhead";

#[tokio::main]
async fn main() {
    println!(
        "{:<12} {:<22} {:>9} {:>9} {:>7} {:>10} {:>7}",
        "", "", "port", "same work", "ratio", "bare call", "ratio"
    );
    for name in ["chroma", "pgvector", "milvus", "milvus-lite", "qdrant"] {
        let variable = format!("PORTOLAN_TEST_{}", name.to_uppercase().replace('-', "_"));
        match std::env::var(&variable) {
            Ok(uri) => measure(name, &uri).await,
            Err(_) => println!("{name:<12} not run ({variable} names no server)"),
        }
    }
}

async fn measure(name: &str, uri: &str) {
    let storage = portolan::open(uri).await.unwrap();
    // One that an earlier run has left.
    let _ = storage.delete_index(INDEX, CallOptions::new()).await;
    let spec = IndexSpec::new(INDEX, DIMENSION)
        .metric(Metric::Euclidean)
        .field("industry", FieldType::String)
        .field("founding_year", FieldType::Integer);
    storage.ensure_index(&spec).await.unwrap();
    let mut rng = StdRng::seed_from_u64(11);
    let records: Vec<Record> = (0..RECORDS).map(|n| record(&mut rng, n)).collect();
    storage.index(INDEX).upsert_chunked(&records, 1_000, 1, &()).await.unwrap().into_result().unwrap();

    let plain: Box<dyn Plain> = match name {
        "chroma" => Box::new(chroma::Chroma::connect(uri, INDEX).await),
        "pgvector" => Box::new(pgvector::Pgvector::connect(uri, INDEX).await),
        "qdrant" => Box::new(qdrant::Qdrant::connect(uri, INDEX)),
        _ => Box::new(milvus::Milvus::connect(uri, INDEX).await),
    };
    let mut searches = Times::default();
    let mut upserts = Times::default();
    let mut fetches = Times::default();
    for round in 0..ROUNDS {
        search(&*storage, &*plain, &vector(&mut rng), round, &mut searches).await;
        let first = rng.random_range(0..RECORDS - BATCH);
        fetch(&*storage, &*plain, &records[first..first + BATCH], round, &mut fetches).await;
        upsert(&*storage, &*plain, &records[first..first + BATCH], round, &mut upserts).await;
    }
    searches.print(name, &format!("search, top_k {TOP_K}"));
    upserts.print("", &format!("upsert of {BATCH}"));
    fetches.print("", &format!("fetch of {BATCH}"));
    storage.delete_index(INDEX, CallOptions::new()).await.unwrap();
    storage.close().await.unwrap();
}

async fn search(
    storage: &dyn VectorStorage,
    plain: &dyn Plain,
    query: &[f32],
    round: usize,
    times: &mut Times,
) {
    let mut found = [Vec::new(), Vec::new(), Vec::new()];
    for turn in turns(round) {
        let begun = Instant::now();
        found[turn] = match turn {
            PORT => {
                let result = storage.index(INDEX).search(query).top_k(TOP_K).await.unwrap();
                result.matches.into_iter().map(|m| m.id).collect()
            }
            // Whether there are more, and whether the last ties with the next, takes two rows more.
            SAME => plain.search(query, TOP_K + 2, Work::Same).await,
            _ => plain.search(query, TOP_K, Work::Bare).await,
        };
        times.add(turn, begun);
    }
    assert_eq!(found[PORT].len(), TOP_K);
    assert_eq!(found[BARE].len(), TOP_K);
}

async fn upsert(
    storage: &dyn VectorStorage,
    plain: &dyn Plain,
    records: &[Record],
    round: usize,
    times: &mut Times,
) {
    for turn in turns(round) {
        let begun = Instant::now();
        match turn {
            PORT => {
                storage.index(INDEX).upsert(records).await.unwrap().into_result().unwrap();
            }
            SAME => plain.upsert(records, Work::Same).await,
            _ => plain.upsert(records, Work::Bare).await,
        }
        times.add(turn, begun);
    }
}

async fn fetch(
    storage: &dyn VectorStorage,
    plain: &dyn Plain,
    records: &[Record],
    round: usize,
    times: &mut Times,
) {
    let ids: Vec<String> = records.iter().map(|r| r.id.clone()).collect();
    for turn in turns(round) {
        let begun = Instant::now();
        let rows = match turn {
            PORT => storage.index(INDEX).get(&ids).await.unwrap().iter().flatten().count(),
            SAME => plain.fetch(&ids, Work::Same).await,
            _ => plain.fetch(&ids, Work::Bare).await,
        };
        times.add(turn, begun);
        assert_eq!(rows, ids.len());
    }
}

const PORT: usize = 0;
const SAME: usize = 1;
const BARE: usize = 2;

/// Who is first changes from round to round.
fn turns(round: usize) -> [usize; 3] {
    [round % 3, (round + 1) % 3, (round + 2) % 3]
}

/// What each turn took, over all rounds.
#[derive(Default)]
struct Times([Vec<Duration>; 3]);

impl Times {
    fn add(&mut self, turn: usize, begun: Instant) {
        self.0[turn].push(begun.elapsed());
    }

    fn print(mut self, store: &str, what: &str) {
        let [port, same, bare] = [PORT, SAME, BARE].map(|turn| {
            self.0[turn].sort_unstable();
            self.0[turn][ROUNDS / 2].as_secs_f64() * 1e3
        });
        println!(
            "{store:<12} {what:<22} {port:>6.2} ms {same:>6.2} ms {:>7.2} {bare:>7.2} ms {:>7.2}",
            port / same,
            port / bare
        );
    }
}

fn record(rng: &mut StdRng, n: usize) -> Record {
    let metadata = Metadata::new()
        .with("company_name", format!("Company {n}"))
        .with("industry", format!("industry {}", n % 40))
        .with("country", ["DE", "US", "IN", "BR"][n % 4])
        .with("founding_year", 1950 + (n % 75) as i64)
        .with("confidence_score", (n % 8) as f64 / 8.0)
        .with("public", n.is_multiple_of(3));
    Record::new(format!("company-{n}"), vector(rng)).metadata(metadata)
}

fn vector(rng: &mut StdRng) -> Vec<f32> {
    (0..DIMENSION).map(|_| rng.random_range(-1.0..1.0)).collect()
}
