//! A damaged file: an error that says so, never a panic.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use portolan_core::driver::{Deadline, Driver, Nearest, NewIndex, Row, Target, Want};
use portolan_core::{ErrorKind, FieldType, IndexSpec, Metadata, Result};
use portolan_embedded::{Config, EmbeddedDriver};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

fn spec() -> IndexSpec {
    IndexSpec::new("companies", 32).field("industry", FieldType::String)
}

fn target(spec: &IndexSpec) -> Target<'_, ()> {
    Target { name: "companies", spec, index: &(), deadline: Deadline::NONE }
}

fn new(spec: &IndexSpec) -> NewIndex<'_> {
    NewIndex { name: "companies", spec, deadline: Deadline::NONE }
}

fn rows() -> Vec<Row> {
    let row = |n: usize| Row {
        id: n.to_string().into(),
        vector: Some([n as f32 + 1.0; 32].into()),
        metadata: Metadata::new().with("industry", format!("industry {}", n % 7)),
        removed: Vec::new(),
    };
    (0..2_000).map(row).collect()
}

/// A store, closed; its file.
#[tokio::main(flavor = "current_thread")]
async fn make(directory: &Path) -> PathBuf {
    let driver = EmbeddedDriver::open(&Config::new(directory)).await.unwrap();
    driver.create(new(&spec())).await.unwrap();
    driver.write(target(&spec()), &rows()).await.unwrap();
    driver.close().await.unwrap();
    directory.join("portolan.redb")
}

/// Opens the store and uses all of it.
#[tokio::main(flavor = "current_thread")]
async fn use_all(directory: &Path) -> Result<()> {
    let spec = spec();
    let driver = EmbeddedDriver::open(&Config::new(directory)).await?;
    driver.list(Deadline::NONE).await?;
    driver.open("companies", None, Deadline::NONE).await?;
    let query = Nearest {
        vector: &[1.0; 32],
        k: 5,
        filter: None,
        exact: true,
        ef_search: None,
        nprobe: None,
        want: Want::ALL,
    };
    driver.nearest(target(&spec), &query).await?;
    driver.page(target(&spec), None, None, 10_000, Want::ALL).await?;
    driver.write(target(&spec), &rows()).await?;
    driver.close().await
}

#[test]
fn a_truncated_file_is_corrupt_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = make(directory.path());
    let whole = std::fs::read(&file).unwrap();
    for length in [1, 100, 4_096, whole.len() / 2, whole.len() - 4_096, whole.len() - 1] {
        std::fs::write(&file, &whole[..length]).unwrap();
        let e = use_all(directory.path()).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Corrupt, "{length}: {e}");
        assert!(e.message().contains(&*directory.path().to_string_lossy()), "{e}");
    }
    std::fs::write(&file, &whole).unwrap();
    use_all(directory.path()).unwrap();
}

#[test]
fn a_file_that_is_no_store_is_corrupt() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("portolan.redb"), "no store at all".repeat(10_000)).unwrap();
    assert_eq!(use_all(directory.path()).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn damage_anywhere_gives_no_panic() {
    let directory = tempfile::tempdir().unwrap();
    let file = make(directory.path());
    let whole = std::fs::read(&file).unwrap();
    let mut noticed = 0;
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut damaged = whole.clone();
        let at = random.random_range(0..whole.len() - 4_096);
        let length = random.random_range(1..4_096);
        random.fill(&mut damaged[at..at + length]);
        std::fs::write(&file, &damaged).unwrap();
        if let Err(e) = use_all(directory.path()) {
            assert!(matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::Unexpected), "{seed}: {e}");
            noticed += 1;
        }
    }
    assert!(noticed > 0);
}
