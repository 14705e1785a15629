//! Reading: what there is not is not made, and a writer in another process goes on.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use portolan_core::{
    CallOptions, CountRequest, DeleteWhereRequest, Error, ErrorKind, FieldType, GetRequest, IndexSpec,
    Location, Metadata, Metric, Record, Result, ScanRequest, SearchRequest, UpsertRequest, VectorStorage,
    filter::field,
};

const INDEX: &str = "companies";
const FILE: &str = "portolan.redb";

fn location(path: &Path) -> Location {
    Location::new("embedded").with_path(path.display().to_string())
}

async fn open(path: &Path) -> Arc<dyn VectorStorage> {
    portolan_embedded::open(location(path)).await.unwrap()
}

async fn open_with(path: &Path, option: &str, value: &str) -> Result<Arc<dyn VectorStorage>> {
    portolan_embedded::open(location(path).with_option(option, value)).await
}

fn spec() -> IndexSpec {
    IndexSpec::new(INDEX, 2).metric(Metric::Euclidean).field("n", FieldType::Integer)
}

async fn create(storage: &dyn VectorStorage, spec: &IndexSpec) {
    storage.create_index(spec, CallOptions::new()).await.unwrap();
}

async fn put(storage: &dyn VectorStorage, ids: std::ops::Range<usize>) -> Result<()> {
    let record =
        |n: usize| Record::new(n.to_string(), [n as f32, 0.0]).metadata(Metadata::new().with("n", n as i64));
    let records: Vec<Record> = ids.map(record).collect();
    storage.upsert(&UpsertRequest::new(INDEX, &records)).await?.into_result().map(drop)
}

async fn nearest(storage: &dyn VectorStorage, x: f32) -> Result<String> {
    let found = storage.search(&SearchRequest::new(INDEX, vec![x, 0.0]).top_k(1)).await?;
    Ok(found.matches.first().map(|m| m.id.clone()).unwrap_or_default())
}

async fn count(storage: &dyn VectorStorage) -> Result<u64> {
    storage.count(&CountRequest::new(INDEX)).await
}

fn refused<T>(result: Result<T>, kind: ErrorKind, part: &str) -> Error {
    let e = result.map(drop).unwrap_err();
    assert_eq!(e.kind(), kind, "{e}");
    assert!(e.message().contains(part), "{e}");
    e
}

#[tokio::test]
async fn only_a_new_index_makes_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nope");
    let storage = open(&path).await;
    assert!(storage.list_indexes(CallOptions::new()).await.unwrap().is_empty());
    assert_eq!(storage.health(CallOptions::new()).await.unwrap().indexes, Some(0));
    let named = path.display().to_string();
    let ids = ["a".to_owned()];
    refused(count(&*storage).await, ErrorKind::NotFound, &named);
    refused(nearest(&*storage, 1.0).await, ErrorKind::NotFound, &named);
    refused(storage.get(&GetRequest::new(INDEX, &ids)).await, ErrorKind::NotFound, &named);
    refused(storage.scan(&ScanRequest::new(INDEX)).await, ErrorKind::NotFound, &named);
    refused(put(&*storage, 0..1).await, ErrorKind::NotFound, &named);
    refused(storage.clear(INDEX, CallOptions::new()).await, ErrorKind::NotFound, &named);
    refused(storage.delete_index(INDEX, CallOptions::new()).await, ErrorKind::NotFound, &named);
    let filter = field("n").eq(1);
    let deleted = storage.delete_where(&DeleteWhereRequest::new(INDEX, &filter)).await;
    refused(deleted, ErrorKind::NotFound, &named);
    storage.flush(CallOptions::new()).await.unwrap();
    assert!(!path.exists(), "nothing was made");
    create(&*storage, &spec()).await;
    put(&*storage, 0..3).await.unwrap();
    assert_eq!(count(&*storage).await.unwrap(), 3);
    assert!(path.join(FILE).exists());
}

#[tokio::test]
async fn a_reader_sees_each_commit_of_the_writer() {
    let directory = tempfile::tempdir().unwrap();
    let reader = open(directory.path()).await;
    let writer = open(directory.path()).await;
    create(&*writer, &spec()).await;
    for n in 1..20 {
        put(&*writer, n..n + 1).await.unwrap();
        assert_eq!(count(&*reader).await.unwrap(), n as u64);
        assert_eq!(nearest(&*reader, 100.0).await.unwrap(), n.to_string());
    }
    assert_eq!(std::fs::read_to_string(directory.path().join("LOCK")).unwrap(), std::process::id().to_string());
    let e = refused(put(&*reader, 0..1).await, ErrorKind::NotReady, "one process at a time can write");
    assert!(e.is_retryable());

    let other = IndexSpec::new(INDEX, 3);
    writer.delete_index(INDEX, CallOptions::new()).await.unwrap();
    create(&*writer, &other).await;
    assert_eq!(count(&*reader).await.unwrap(), 0);
    let found = reader.search(&SearchRequest::new(INDEX, vec![1.0, 0.0, 0.0])).await.unwrap();
    assert!(found.matches.is_empty(), "the reader learnt that the index is another");

    writer.close().await.unwrap();
    assert_eq!(count(&*reader).await.unwrap(), 0);
    reader.delete_index(INDEX, CallOptions::new()).await.unwrap();
    assert!(reader.list_indexes(CallOptions::new()).await.unwrap().is_empty(), "it writes once nobody else does");
}

#[tokio::test]
async fn a_store_that_is_read_only_is_read_and_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("a"), directory.path().join("b"));
    let writer = open(&path).await;
    create(&*writer, &spec()).await;
    put(&*writer, 0..100).await.unwrap();
    std::fs::create_dir(&copy).unwrap();
    // As a killed writer leaves it.
    std::fs::copy(path.join(FILE), copy.join(FILE)).unwrap();
    writer.close().await.unwrap();
    for path in [&path, &copy] {
        let before = std::fs::read(path.join(FILE)).unwrap();
        let storage = open_with(path, "read_only", "true").await.unwrap();
        assert_eq!(count(&*storage).await.unwrap(), 100);
        assert_eq!(nearest(&*storage, 42.0).await.unwrap(), "42");
        refused(put(&*storage, 0..1).await, ErrorKind::PermissionDenied, "read_only=true");
        refused(storage.clear(INDEX, CallOptions::new()).await, ErrorKind::PermissionDenied, "read_only=true");
        let created = storage.create_index(&IndexSpec::new("other", 2), CallOptions::new()).await;
        refused(created, ErrorKind::PermissionDenied, "read_only=true");
        assert!(std::fs::read(path.join(FILE)).unwrap() == before);
    }
    assert!(!copy.join("LOCK").exists());
    assert_eq!(count(&*open(&copy).await).await.unwrap(), 100, "and put in order where it may be written");
    refused(
        open_with(&directory.path().join("none"), "read_only", "true")
            .await
            .unwrap()
            .create_index(&spec(), CallOptions::new())
            .await,
        ErrorKind::PermissionDenied,
        "read_only=true",
    );
}

#[tokio::test]
async fn where_the_lock_cannot_be_taken_all_but_writes_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let writer = open(directory.path()).await;
    create(&*writer, &spec()).await;
    put(&*writer, 0..3).await.unwrap();
    writer.close().await.unwrap();
    let lock = directory.path().join("LOCK");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let storage = open(directory.path()).await;
    assert_eq!(nearest(&*storage, 2.0).await.unwrap(), "2");
    let e = put(&*storage, 0..1).await.unwrap_err();
    assert!(e.message().contains("LOCK"), "{e}");
    assert_eq!(count(&*storage).await.unwrap(), 3);
}

#[tokio::test]
async fn without_durability_a_store_is_read_by_its_writer_alone() {
    let directory = tempfile::tempdir().unwrap();
    let reader = open(directory.path()).await;
    let writer = open_with(directory.path(), "durability", "none").await.unwrap();
    create(&*writer, &spec()).await;
    put(&*writer, 0..3).await.unwrap();
    let e = refused(count(&*reader).await, ErrorKind::NotReady, "durability=none");
    assert!(e.message().contains(&std::process::id().to_string()) && e.is_retryable(), "{e}");
    refused(open_with(directory.path(), "cache_mb", "1").await, ErrorKind::NotReady, "durability=none");
    writer.close().await.unwrap();
    assert_eq!(count(&*reader).await.unwrap(), 3);
    let writer = open_with(directory.path(), "durability", "none").await.unwrap();
    assert_eq!(count(&*writer).await.unwrap(), 3, "it reads beside others until it writes");
    refused(put(&*writer, 3..4).await, ErrorKind::NotReady, "another process reads");
    reader.close().await.unwrap();
    put(&*writer, 3..4).await.unwrap();
    assert_eq!(count(&*writer).await.unwrap(), 4);
}

#[tokio::test]
async fn a_store_is_made_smaller_beside_a_reader_who_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, writer) = (open(directory.path()).await, open(directory.path()).await);
    create(&*writer, &spec()).await;
    put(&*writer, 0..5_000).await.unwrap();
    assert_eq!(nearest(&*reader, 4_000.0).await.unwrap(), "4000");
    let filter = field("n").gte(10);
    writer.delete_where(&DeleteWhereRequest::new(INDEX, &filter)).await.unwrap();
    let size = || std::fs::metadata(directory.path().join(FILE)).unwrap().len();
    let before = size();
    assert!(writer.optimize(INDEX, CallOptions::new()).await.unwrap());
    assert!(size() < before);
    assert_eq!(count(&*reader).await.unwrap(), 10);
    assert_eq!(nearest(&*reader, 4_000.0).await.unwrap(), "9");
}
