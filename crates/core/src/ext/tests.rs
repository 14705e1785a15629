use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::*;
use crate::filter::field;
use crate::index::{FieldType, Metric};
use crate::layer::{Around, Call, Op, Part, Reply, Wrapped};
use crate::memory::MemoryStorage;
use crate::metadata::Metadata;
use crate::progress::ProgressUpdate;
use crate::write::Outcome;

const INDEX: &str = "companies";

/// Eight records on a quarter circle, the even ones Technology, the odd ones Finance.
fn companies() -> Vec<Record> {
    (0..8)
        .map(|n| {
            let angle = n as f32 * 0.1;
            let industry = if n % 2 == 0 { "Technology" } else { "Finance" };
            Record::new(format!("c{n}"), [angle.cos(), angle.sin()])
                .metadata(Metadata::new().with("industry", industry).with("n", n))
        })
        .collect()
}

async fn filled() -> Arc<dyn VectorStorage> {
    let storage: Arc<dyn VectorStorage> = Arc::new(MemoryStorage::default());
    storage.create_index(&IndexSpec::new(INDEX, 2), CallOptions::new()).await.unwrap();
    assert!(storage.index(INDEX).upsert(&companies()).await.unwrap().is_successful());
    storage
}

fn ids(result: &SearchResult) -> Vec<&str> {
    result.matches.iter().map(|m| m.id.as_str()).collect()
}

#[test]
fn every_future_and_stream_is_send() {
    fn is_send<T: Send>(value: T) {
        drop(value);
    }
    let storage: Arc<dyn VectorStorage> = Arc::new(MemoryStorage::default());
    let (index, records, ids) = (storage.index(INDEX), companies(), vec!["c0".to_owned()]);
    let (filter, request) = (field("n").eq(1), SearchRequest::new(INDEX, [1.0, 0.0]));
    is_send(storage.ensure_index(&IndexSpec::new(INDEX, 2)));
    is_send(storage.search_by_id("c0", request.clone()));
    is_send(storage.search_many(std::slice::from_ref(&request), 2));
    is_send(storage.upsert_chunked(&UpsertRequest::new(INDEX, &records), 2, 2, &()));
    is_send(index.describe());
    is_send(index.stats(false));
    is_send(index.upsert(&records));
    is_send(index.upsert_one(records[0].clone()));
    is_send(index.upsert_chunked(&records, 2, 2, &()));
    is_send(index.get(&ids));
    is_send(index.get_one("c0"));
    is_send(index.get_as::<Company>("c0"));
    is_send(index.delete(&ids));
    is_send(index.delete_one("c0"));
    is_send(index.delete_where(&filter));
    is_send(index.clear());
    is_send(index.update_metadata(&[]));
    is_send(index.update_one("c0", MetadataPatch::new()));
    is_send(index.search([1.0, 0.0]).into_future());
    is_send(index.search([1.0, 0.0]).pages());
    is_send(index.search_by_id("c0").into_future());
    is_send(index.scan().stream());
    is_send(index.scan().pages());
    is_send(index.count());
    is_send(index.count_where(&filter));
}

#[tokio::test]
async fn owned_handles_go_along_into_tasks() {
    let storage = filled().await;
    let index = storage.owned_index(INDEX);
    let records = companies();
    let task = tokio::spawn(async move {
        let found = index.search([1.0, 0.0]).top_k(1).await?;
        let many = [SearchRequest::new(INDEX, [1.0, 0.0]), SearchRequest::new(INDEX, [0.0, 1.0])];
        assert_eq!(index.storage().search_many(&many, 2).await?.len(), 2);
        assert!(index.upsert_chunked(&records, 3, 2, &()).await?.is_successful());
        assert_eq!(index.search_by_id("c0").top_k(2).await?.matches.len(), 2);
        let scanned = index.scan().stream().count().await;
        let pages = index.search([1.0, 0.0]).top_k(3).pages().count().await;
        Ok::<_, Error>((found.matches[0].id.clone(), scanned, pages))
    });
    assert_eq!(task.await.unwrap().unwrap(), ("c0".to_owned(), 8, 3));
}

#[tokio::test]
async fn an_owned_stream_outlives_its_handle() {
    let stream = {
        let storage = filled().await;
        storage.owned_index(INDEX).scan().page_size(3).stream()
    };
    let task = tokio::spawn(stream.try_collect::<Vec<Record>>());
    assert_eq!(task.await.unwrap().unwrap().len(), 8);
}

#[tokio::test]
async fn handles_also_come_from_a_concrete_storage() {
    let storage = MemoryStorage::default();
    storage.ensure_index(&IndexSpec::new(INDEX, 2)).await.unwrap();
    storage.index(INDEX).upsert_one(companies().remove(0)).await.unwrap();
    let shared = Arc::new(storage);
    let index = shared.owned_index(INDEX);
    assert_eq!(tokio::spawn(async move { index.count().await }).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_search_is_built_fluently() {
    let storage = filled().await;
    let found = storage
        .index(INDEX)
        .search([1.0, 0.0])
        .top_k(2)
        .offset(1)
        .filter(field("industry").eq("Technology") & field("n").lte(4))
        .with_total(true)
        .await
        .unwrap();
    assert_eq!(ids(&found), ["c2", "c4"]);
    assert_eq!((found.total_matches, found.has_more), (Some(3), false));
}

#[tokio::test]
async fn ensure_index_creates_once_and_names_a_difference() {
    let storage = filled().await;
    let spec = IndexSpec::new("other", 3).field("industry", FieldType::String);
    assert!(storage.ensure_index(&spec).await.unwrap());
    assert!(!storage.ensure_index(&spec).await.unwrap());
    let e = storage.ensure_index(&spec.clone().metric(Metric::Euclidean)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::AlreadyExists);
    assert!(e.message().contains("metric is cosine, not euclidean"), "{e}");
}

#[tokio::test]
async fn ensure_index_by_many_at_once_creates_one() {
    let storage: Arc<dyn VectorStorage> =
        Arc::new(Wrapped::new(Yield, Arc::new(MemoryStorage::default()) as Arc<dyn VectorStorage>));
    let spec = IndexSpec::new(INDEX, 2);
    let all = futures::future::join_all((0..8).map(|_| storage.ensure_index(&spec))).await;
    let created = all.into_iter().filter(|created| *created.as_ref().unwrap()).count();
    assert_eq!(created, 1);
}

/// Lets others run before every operation, so that checks and acts interleave.
#[derive(Debug)]
struct Yield;

impl Around for Yield {
    async fn around<T: Reply>(&self, _: Op<'_>, next: &dyn Call<T>) -> Result<T> {
        tokio::task::yield_now().await;
        next.call(Part::All).await
    }
}

#[tokio::test]
async fn single_record_forms_store_read_patch_and_delete() {
    let storage = filled().await;
    let index = storage.index(INDEX);
    let record = Record::new("x", [0.0, 1.0]);
    index.upsert_one(record.clone()).await.unwrap();
    assert_eq!(index.get_one("x").await.unwrap(), Some(record));
    index.update_one("x", MetadataPatch::new().set("n", 9)).await.unwrap();
    assert_eq!(index.count_where(&field("n").eq(9)).await.unwrap(), 1);
    index.delete_one("x").await.unwrap();
    index.delete_one("x").await.unwrap();
    assert_eq!(index.get_one("x").await.unwrap(), None);
}

#[tokio::test]
async fn a_single_record_that_fails_is_an_error() {
    let storage = filled().await;
    let e = storage.index(INDEX).update_one("nobody", MetadataPatch::new().set("n", 9)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
    let unknown =
        one::single(WriteResult::new(vec![Outcome::Unknown(Error::new(ErrorKind::Timeout, "late"))]));
    assert_eq!(unknown.unwrap_err().context(), [("outcome", "unknown".to_owned())]);
}

#[tokio::test]
async fn search_by_id_leaves_the_record_out_and_still_gives_k() {
    let storage = filled().await;
    let found = storage.index(INDEX).search_by_id("c0").top_k(3).with_total(true).await.unwrap();
    assert_eq!(ids(&found), ["c1", "c2", "c3"]);
    assert_eq!(found.total_matches, Some(7));
    let finance = storage.index(INDEX).search_by_id("c0").top_k(3).filter(field("industry").eq("Finance"));
    assert_eq!(ids(&finance.await.unwrap()), ["c1", "c3", "c5"]);
}

#[tokio::test]
async fn search_by_id_of_a_missing_record_is_not_found() {
    let storage = filled().await;
    let e = storage.index(INDEX).search_by_id("nobody").await.unwrap_err();
    assert_eq!((e.kind(), e.index()), (ErrorKind::NotFound, Some(INDEX)));
    assert!(e.message().contains("nobody"), "{e}");
}

#[tokio::test]
async fn search_many_answers_in_order_and_fails_alone() {
    let storage = filled().await;
    let near = |n: usize| SearchRequest::new(INDEX, companies()[n].vector.clone().unwrap()).top_k(1);
    let requests = [near(5), near(0).top_k(0), near(2)];
    let found = storage.search_many(&requests, 2).await.unwrap();
    assert_eq!(ids(found[0].as_ref().unwrap()), ["c5"]);
    assert_eq!(found[1].as_ref().unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(ids(found[2].as_ref().unwrap()), ["c2"]);
    let e = storage.search_many(&requests, 0).await.unwrap_err();
    assert!(e.message().contains("max_parallel"), "{e}");
}

/// Counts how many operations run at once; refuses an upsert that holds a given id.
#[derive(Debug, Default)]
struct Watch {
    running: AtomicUsize,
    most: AtomicUsize,
    upserts: AtomicUsize,
    refuse: Option<&'static str>,
}

impl Around for Arc<Watch> {
    async fn around<T: Reply>(&self, op: Op<'_>, next: &dyn Call<T>) -> Result<T> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        if let Op::Upsert(request) = op {
            self.upserts.fetch_add(1, Ordering::SeqCst);
            if request.records.iter().any(|r| Some(r.id.as_str()) == self.refuse) {
                return Err(Error::new(ErrorKind::Unavailable, "refused"));
            }
        }
        next.call(Part::All).await
    }
}

async fn watched(refuse: Option<&'static str>) -> (Arc<Watch>, Arc<dyn VectorStorage>) {
    let watch = Arc::new(Watch { refuse, ..Watch::default() });
    let storage = Arc::new(Wrapped::new(
        Arc::clone(&watch),
        Arc::new(MemoryStorage::default()) as Arc<dyn VectorStorage>,
    ));
    storage.ensure_index(&IndexSpec::new(INDEX, 2)).await.unwrap();
    (watch, storage)
}

#[tokio::test]
async fn no_more_searches_run_at_once_than_allowed() {
    let (watch, storage) = watched(None).await;
    let requests = vec![SearchRequest::new(INDEX, [1.0, 0.0]); 9];
    storage.search_many(&requests, 3).await.unwrap();
    assert_eq!(watch.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_chunked_upsert_stores_all_and_tells_of_it() {
    let (watch, storage) = watched(None).await;
    let done = AtomicU64::new(0);
    let progress = |u: &ProgressUpdate<'_>| {
        assert_eq!((u.operation, u.total), ("upsert", Some(8)));
        done.store(u.done, Ordering::SeqCst);
    };
    let result = storage.index(INDEX).upsert_chunked(&companies(), 3, 2, &progress).await.unwrap();
    assert!(result.is_successful());
    assert_eq!(result.items.len(), 8);
    assert_eq!(done.load(Ordering::SeqCst), 8);
    assert_eq!(watch.upserts.load(Ordering::SeqCst), 3);
    assert_eq!(watch.most.load(Ordering::SeqCst), 2);
    assert_eq!(storage.index(INDEX).count().await.unwrap(), 8);
}

#[tokio::test]
async fn the_last_of_equal_ids_wins_over_chunks_and_the_earlier_share_its_outcome() {
    let (_, storage) = watched(Some("c1")).await;
    let mut records = companies();
    records[1].id = "c0".to_owned();
    records[7].id = "c0".to_owned();
    records[6].id = "c1".to_owned();
    let result = storage.index(INDEX).upsert_chunked(&records, 2, 2, &()).await.unwrap();
    // Sent as [2, 3], [4, 5], [6, 7]; the last chunk holds c1 and is refused.
    let stored: Vec<bool> = result.items.iter().map(Outcome::is_stored).collect();
    assert_eq!(stored, [false, false, true, true, true, true, false, false]);
    assert_eq!(storage.index(INDEX).get_one("c0").await.unwrap(), None);
    records[6].id = "c6".to_owned();
    assert!(storage.index(INDEX).upsert_chunked(&records, 2, 2, &()).await.unwrap().is_successful());
    assert_eq!(storage.index(INDEX).get_one("c0").await.unwrap().as_ref(), Some(&records[7]));
}

#[tokio::test]
async fn an_invalid_record_refuses_the_whole_chunked_upsert() {
    let (watch, storage) = watched(None).await;
    let mut records = companies();
    records[5].vector = Some(vec![f32::NAN, 0.0].into());
    let e = storage.index(INDEX).upsert_chunked(&records, 2, 1, &()).await.unwrap_err();
    assert_eq!((e.kind(), e.position()), (ErrorKind::InvalidArgument, Some(5)));
    assert_eq!(watch.upserts.load(Ordering::SeqCst), 0);
    let e = storage.index(INDEX).upsert_chunked(&[], 0, 1, &()).await.unwrap_err();
    assert!(e.message().contains("chunk_size"), "{e}");
    let e = storage.index("nowhere").upsert_chunked(&[], 1, 1, &()).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
}

/// Cancels once something is done.
#[derive(Default)]
struct StopEarly(AtomicU64);

impl Progress for StopEarly {
    fn update(&self, update: &ProgressUpdate<'_>) {
        self.0.store(update.done, Ordering::SeqCst);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

#[tokio::test]
async fn a_cancelled_upsert_keeps_what_was_sent() {
    let (_, storage) = watched(None).await;
    let result =
        storage.index(INDEX).upsert_chunked(&companies(), 3, 1, &StopEarly::default()).await.unwrap();
    assert_eq!((result.stored(), result.failed()), (3, 5));
    assert!(result.errors().all(|(at, e)| at >= 3 && e.kind() == ErrorKind::Cancelled));
    assert_eq!(storage.index(INDEX).count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_scan_streams_every_matching_record_once() {
    let storage = filled().await;
    let index = storage.index(INDEX);
    let scan = index.scan().filter(field("industry").eq("Finance")).page_size(1).include_vectors(false);
    let mut records: Vec<Record> = scan.stream().try_collect().await.unwrap();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(records.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["c1", "c3", "c5", "c7"]);
    assert!(records.iter().all(|r| r.vector.is_none()));
    let refused: Vec<_> = index.scan().page_size(0).stream().collect().await;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].as_ref().unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn search_pages_join_without_gap_or_repeat() {
    let storage = filled().await;
    let index = storage.index(INDEX);
    let pages: Vec<SearchResult> =
        index.search([1.0, 0.0]).exact(true).top_k(3).pages().try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|p| p.matches.len()).collect::<Vec<_>>(), [3, 3, 2]);
    assert_eq!(
        pages.iter().flat_map(ids).collect::<Vec<_>>(),
        ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"]
    );
    let like: Vec<SearchResult> =
        index.search_by_id("c7").exact(true).top_k(4).pages().try_collect().await.unwrap();
    assert_eq!(like.iter().flat_map(ids).collect::<Vec<_>>(), ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]);
    let refused: Vec<_> = index.search([1.0]).pages().collect().await;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].as_ref().unwrap_err().kind(), ErrorKind::DimensionMismatch);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Company {
    industry: String,
    n: i64,
}

#[tokio::test]
async fn records_read_as_types_of_your_own() {
    let storage = filled().await;
    let index = storage.index(INDEX);
    let company = Company { industry: "Energy".to_owned(), n: 40 };
    index.upsert_one(Record::from_typed("x", [-1.0, 0.0], &company).unwrap()).await.unwrap();
    assert_eq!(index.get_as::<Company>("x").await.unwrap().as_ref(), Some(&company));
    assert_eq!(index.get_as::<Company>("nobody").await.unwrap(), None);
    let found = index.search([-1.0, 0.0]).top_k(1).await.unwrap();
    assert_eq!(found.matches[0].metadata_as::<Company>().unwrap(), company);
}

#[tokio::test]
async fn metadata_that_does_not_fit_a_type_says_so() {
    let storage = filled().await;
    storage.index(INDEX).update_one("c0", MetadataPatch::new().remove("n")).await.unwrap();
    let e = storage.index(INDEX).get_as::<Company>("c0").await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    assert!(e.message().contains("Company") && e.message().contains('n'), "{e}");
    assert_eq!(Metadata::from_typed(&u64::MAX).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(Metadata::from_typed("text").unwrap_err().kind(), ErrorKind::InvalidArgument);
}
