//! A kill at random moments of an import: every acknowledged batch is there, none by half.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use portolan_core::driver::{Deadline, Driver, NativeId, NewIndex, Row, Target, Want};
use portolan_core::{FieldType, IndexSpec, Metadata};
use portolan_embedded::{Config, EmbeddedDriver};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const DIRECTORY: &str = "PORTOLAN_TEST_IMPORT_INTO";
const PER_BATCH: usize = 200;

fn spec() -> IndexSpec {
    IndexSpec::new("companies", 64).field("batch", FieldType::Integer)
}

fn target(spec: &IndexSpec) -> Target<'_, ()> {
    Target { name: "companies", spec, index: &(), deadline: Deadline::NONE }
}

fn new(spec: &IndexSpec) -> NewIndex<'_> {
    NewIndex { name: "companies", spec, deadline: Deadline::NONE }
}

fn batch(number: usize) -> Vec<Row> {
    let row = |n| Row {
        id: format!("{number}/{n}").into(),
        vector: Some([number as f32; 64].into()),
        metadata: Metadata::new().with("batch", number as i64),
        removed: Vec::new(),
    };
    (0..PER_BATCH).map(row).collect()
}

/// The child: imports batch by batch from where the store ends, and says which were acknowledged.
#[tokio::main(flavor = "current_thread")]
async fn import(directory: &Path) {
    let spec = spec();
    let driver = EmbeddedDriver::open(&Config::new(directory)).await.unwrap();
    if driver.list(Deadline::NONE).await.unwrap().is_empty() {
        driver.create(new(&spec)).await.unwrap();
    }
    let stored = driver.count(target(&spec), None, false).await.unwrap();
    for number in (stored as usize / PER_BATCH).. {
        let outcomes = driver.write(target(&spec), &batch(number)).await.unwrap();
        assert!(outcomes.iter().all(portolan_core::Outcome::is_stored));
        println!("acknowledged {number}");
    }
}

/// Imports in a child, and kills it at a random moment after some batches; the last that was acknowledged.
fn import_and_kill(directory: &Path, random: &mut StdRng) -> Option<usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "every_acknowledged_batch_survives_a_kill", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, acknowledged) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let numbers = output.lines().map_while(Result::ok);
        for number in numbers.filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<usize>().ok()) {
            sender.send(number).unwrap();
        }
    });
    let mut last = None;
    for _ in 0..random.random_range(1..12) {
        last = Some(acknowledged.recv().unwrap());
    }
    let end = Instant::now() + Duration::from_micros(random.random_range(0..20_000));
    while let Ok(number) = acknowledged.recv_timeout(end.saturating_duration_since(Instant::now())) {
        last = Some(number);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    last = acknowledged.iter().last().or(last);
    reader.join().unwrap();
    last
}

#[tokio::main(flavor = "current_thread")]
async fn batches(directory: &Path) -> usize {
    let spec = spec();
    let driver = EmbeddedDriver::open(&Config::new(directory)).await.unwrap();
    let mut ids: Vec<NativeId> = Vec::new();
    let mut cursor = None;
    loop {
        let page = driver.page(target(&spec), None, cursor.as_deref(), 1_000, Want::ALL).await.unwrap();
        for row in page.rows {
            let batch = row.metadata.get("batch").unwrap().as_integer().unwrap();
            assert_eq!(row.vector.unwrap()[..], [batch as f32; 64]);
            ids.push(row.id);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let number = ids.len() / PER_BATCH;
    let mut expected: Vec<NativeId> = (0..number).flat_map(batch).map(|row| row.id).collect();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected, "whole batches, one after the other");
    number
}

#[test]
fn every_acknowledged_batch_survives_a_kill() {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        return import(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..10 {
        let acknowledged = import_and_kill(directory.path(), &mut random).map_or(0, |last| last + 1);
        let found = batches(directory.path());
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "{found} batches, {acknowledged} acknowledged"
        );
    }
}
