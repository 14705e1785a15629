//! Scans over pages that shift under them: every record that is there throughout is seen exactly once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use portolan_core::{
    CallOptions, Cursor, DeleteRequest, IndexSpec, Metric, Record, ScanRequest, UpsertRequest, VectorStorage,
};
use portolan_testkit::poor::poor;
use rand::rngs::StdRng;
use rand::seq::IteratorRandom;
use rand::{RngExt, SeedableRng};

fn id(n: usize) -> String {
    format!("r{n:02}")
}

async fn write(storage: &dyn VectorStorage, ids: &[usize]) {
    let records: Vec<Record> = ids.iter().map(|&n| Record::new(id(n), [n as f32])).collect();
    storage.upsert(&UpsertRequest::new("things", &records)).await.unwrap().into_result().unwrap();
}

async fn delete(storage: &dyn VectorStorage, ids: &[usize]) {
    let ids: Vec<String> = ids.iter().map(|&n| id(n)).collect();
    storage.delete(&DeleteRequest::new("things", &ids)).await.unwrap().into_result().unwrap();
}

#[tokio::test]
async fn nothing_is_missed_or_repeated_while_others_write() {
    let mut missed = Vec::new();
    for seed in 0..400 {
        let mut chance = StdRng::seed_from_u64(seed);
        let storage = poor(seed);
        let spec = IndexSpec::new("things", 1).metric(Metric::Euclidean);
        storage.create_index(&spec, CallOptions::new()).await.unwrap();
        let count = chance.random_range(5..40);
        write(&*storage, &(0..count).collect::<Vec<_>>()).await;
        let mut throughout: BTreeSet<usize> = (0..count).collect();
        let mut seen = Vec::new();
        let mut cursor: Option<Cursor> = None;
        loop {
            let size = chance.random_range(1..10);
            let page = storage
                .scan(&ScanRequest::new("things").page_size(size).cursor(cursor.as_ref()))
                .await
                .unwrap();
            assert!(page.records.len() <= size);
            seen.extend(page.records.into_iter().map(|r| r.id));
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
            match chance.random_range(0..4) {
                0 => {
                    let n = chance.random_range(0..throughout.len().max(1));
                    let gone = throughout.iter().copied().sample(&mut chance, n);
                    throughout.retain(|n| !gone.contains(n));
                    delete(&*storage, &gone).await;
                }
                1 => {
                    let n = chance.random_range(0..throughout.len().max(1));
                    write(&*storage, &throughout.iter().copied().sample(&mut chance, n)).await;
                }
                2 => write(&*storage, &[100 + seen.len(), 200 + seen.len()]).await,
                _ => {}
            }
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "repeats with seed {seed}");
        if throughout.iter().any(|&n| !distinct.contains(&id(n))) {
            missed.push(seed);
        }
    }
    assert!(missed.is_empty(), "records were missed with the seeds {missed:?}");
}
