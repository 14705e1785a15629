//! A writer in another process: a reader sees whole batches, one after the other, and never an error.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use portolan_core::{
    CallOptions, CountRequest, ErrorKind, FieldType, IndexSpec, Location, Metadata, Record, ScanRequest,
    SearchRequest, UpsertRequest, VectorStorage,
};

const DIRECTORY: &str = "PORTOLAN_TEST_WRITE_INTO";
const RECORDS: &str = "PORTOLAN_TEST_RECORDS";
const INDEX: &str = "companies";
const PER_BATCH: usize = 1_000;
const DIMENSION: usize = 64;

async fn open(path: &Path) -> Arc<dyn VectorStorage> {
    portolan_embedded::open(Location::new("embedded").with_path(path.display().to_string())).await.unwrap()
}

fn batch(number: usize) -> Vec<Record> {
    let record = |n| {
        let metadata = Metadata::new().with("batch", number as i64);
        Record::new(format!("{number}/{n}"), vec![number as f32 + 1.0; DIMENSION]).metadata(metadata)
    };
    (0..PER_BATCH).map(record).collect()
}

/// The child: imports batch by batch, and says which are acknowledged.
#[tokio::main(flavor = "current_thread")]
async fn import(path: &Path, records: usize) {
    let storage = open(path).await;
    let spec = IndexSpec::new(INDEX, DIMENSION).field("batch", FieldType::Integer);
    storage.create_index(&spec, CallOptions::new()).await.unwrap();
    println!("acknowledged 0");
    let begun = Instant::now();
    for number in 0..records / PER_BATCH {
        storage.upsert(&UpsertRequest::new(INDEX, &batch(number))).await.unwrap().into_result().unwrap();
        println!("acknowledged {}", number + 1);
    }
    println!("rate {:.0}", records as f64 / begun.elapsed().as_secs_f64());
}

/// Searches, counts and reads all: whole batches, as many as were acknowledged or more; how many.
async fn look(reader: &dyn VectorStorage, acknowledged: usize) -> usize {
    let counted = reader.count(&CountRequest::new(INDEX)).await.unwrap() as usize;
    assert!(counted.is_multiple_of(PER_BATCH) && counted / PER_BATCH >= acknowledged, "{counted}, {acknowledged}");
    let request = SearchRequest::new(INDEX, vec![1.0; DIMENSION]).top_k(10).include_vectors(true);
    let found = reader.search(&request).await.unwrap();
    assert_eq!(found.matches.len(), if counted == 0 { found.matches.len() } else { 10 });
    for hit in found.matches {
        let number = hit.metadata.get("batch").and_then(|v| v.as_integer()).unwrap();
        assert_eq!(hit.vector.unwrap()[..], [number as f32 + 1.0; DIMENSION]);
    }
    let (mut read, mut cursor) = (0, None);
    loop {
        let page = reader.scan(&ScanRequest::new(INDEX).page_size(5_000).cursor(cursor.as_ref())).await.unwrap();
        assert!(page.unreadable.is_empty());
        read += page.records.len();
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(read >= counted, "{read} of {counted}");
    counted / PER_BATCH
}

/// Reads after each batch that another process acknowledges, or as often as there is time for.
#[tokio::main(flavor = "current_thread")]
async fn read_beside(test: &str, records: usize) {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(DIRECTORY, directory.path())
        .env(RECORDS, records.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut reader = None;
    let (mut looks, mut seen, begun) = (0, 0, Instant::now());
    for line in lines {
        let line = line.split("... ").last().unwrap_or_default().to_owned();
        if let Some(rate) = line.strip_prefix("rate ") {
            println!("{rate} records/s written beside {looks} rounds of reads in {:?}", begun.elapsed());
        }
        let Some(number) = line.strip_prefix("acknowledged ").and_then(|n| n.parse::<usize>().ok()) else {
            continue;
        };
        if number < seen {
            continue;
        }
        let reader = match &reader {
            Some(reader) => Arc::clone(reader),
            None => Arc::clone(reader.insert(open(directory.path()).await)),
        };
        seen = look(&*reader, number).await;
        looks += 1;
    }
    assert!(child.wait().unwrap().success());
    let reader = reader.unwrap();
    assert_eq!(look(&*reader, records / PER_BATCH).await, records / PER_BATCH);
    assert!(looks > 1);
    let e = open(&directory.path().join("none")).await.count(&CountRequest::new(INDEX)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
}

fn run(test: &str, records: usize) {
    match (std::env::var(DIRECTORY), std::env::var(RECORDS)) {
        (Ok(directory), Ok(records)) => import(Path::new(&directory), records.parse().unwrap()),
        _ => read_beside(test, records),
    }
}

#[test]
fn a_reader_sees_whole_batches_of_another_process() {
    run("a_reader_sees_whole_batches_of_another_process", 5_000);
}

#[test]
#[ignore = "takes a minute: 100,000 records"]
fn a_reader_sees_whole_batches_of_another_process_at_length() {
    run("a_reader_sees_whole_batches_of_another_process_at_length", 100_000);
}
