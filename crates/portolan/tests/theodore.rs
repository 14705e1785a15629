//! What a company search needs of its store, on every store that needs no server.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use portolan::filter::field;
use portolan::{
    CallOptions, CompanyMetadata, ErrorKind, IndexSpec, Outcome, Record, VectorStorage, VectorStorageExt,
};
use tempfile::TempDir;

const INDEX: &str = "companies";

/// Runs each scenario on every store.
macro_rules! scenarios {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod memory {
            $($(#[$attribute])* #[tokio::test] async fn $name() { super::$name(super::Place::memory()).await; })*
        }
        #[cfg(feature = "embedded")]
        mod embedded {
            $($(#[$attribute])* #[tokio::test] async fn $name() { super::$name(super::Place::embedded()).await; })*
        }
    };
}

scenarios! {
    an_index_is_created_listed_and_deleted,
    a_company_is_stored_read_back_equal_and_deleted,
    a_batch_of_two_is_stored_and_deleted_item_by_item,
    the_nearest_of_four_begin_with_the_company_itself,
    a_filter_on_the_industry_gives_just_its_companies,
    statistics_count_the_companies_that_have_each_field,
    an_error_rate_of_one_half_fails_some_calls_and_not_others,
    latency_shows_in_the_search_time_and_in_health,
    companies_like_a_given_one_leave_it_out_and_still_are_k,
    a_thousand_large_vectors_are_stored_at_once_and_searched,
}

/// Where a store is opened, and the directory that it may use.
struct Place {
    uri: String,
    _directory: Option<TempDir>,
}

impl Place {
    fn memory() -> Self {
        Self { uri: "memory:".to_owned(), _directory: None }
    }

    #[cfg(feature = "embedded")]
    fn embedded() -> Self {
        let directory = TempDir::new().unwrap();
        Self { uri: format!("embedded:{}", directory.path().display()), _directory: Some(directory) }
    }

    async fn open(&self, options: &str) -> Arc<dyn VectorStorage> {
        portolan::open(&format!("{}{options}", self.uri)).await.unwrap()
    }

    /// A store that holds an index with these companies.
    async fn with(&self, companies: &[Record]) -> Arc<dyn VectorStorage> {
        let storage = self.open("").await;
        create(&*storage, 3).await;
        assert!(storage.index(INDEX).upsert(companies).await.unwrap().is_successful());
        storage
    }
}

async fn create(storage: &dyn VectorStorage, dimension: usize) {
    let spec = CompanyMetadata::declare(IndexSpec::new(INDEX, dimension));
    storage.create_index(&spec, CallOptions::new()).await.unwrap();
}

fn company(id: &str, industry: &str, vector: [f32; 3]) -> Record {
    let mut metadata = CompanyMetadata::new(format!("{id} Ltd"), id);
    metadata.industry = Some(industry.to_owned());
    metadata.founding_year = Some(2015);
    metadata.country = Some("DE".to_owned());
    metadata.confidence_score = Some(0.9);
    metadata.custom.insert("tags".to_owned(), vec!["a", "b"].into());
    Record::new(id, vector).metadata(metadata.to_metadata().unwrap())
}

fn four_companies() -> [Record; 4] {
    [
        company("tech-one", "Technology", [1.0, 0.0, 0.0]),
        company("tech-two", "Technology", [0.9, 0.1, 0.0]),
        company("finance", "Finance", [0.5, 0.5, 0.0]),
        company("health", "Healthcare", [0.0, 0.2, 1.0]),
    ]
}

fn ids(found: &portolan::SearchResult) -> Vec<&str> {
    found.matches.iter().map(|m| m.id.as_str()).collect()
}

async fn an_index_is_created_listed_and_deleted(place: Place) {
    let storage = place.open("").await;
    create(&*storage, 3).await;
    assert_eq!(storage.list_indexes(CallOptions::new()).await.unwrap(), [INDEX]);
    assert_eq!(storage.index(INDEX).describe().await.unwrap().spec.dimension, 3);
    storage.delete_index(INDEX, CallOptions::new()).await.unwrap();
    assert!(storage.list_indexes(CallOptions::new()).await.unwrap().is_empty());
    assert_eq!(storage.index(INDEX).describe().await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_company_is_stored_read_back_equal_and_deleted(place: Place) {
    let stored = company("tech-one", "Technology", [1.0, 0.5, 0.25]);
    let storage = place.with(std::slice::from_ref(&stored)).await;
    let index = storage.index(INDEX);
    assert_eq!(index.get_one("tech-one").await.unwrap().as_ref(), Some(&stored));
    let typed: CompanyMetadata = index.get_as("tech-one").await.unwrap().unwrap();
    assert_eq!(typed.to_metadata().unwrap(), stored.metadata);
    index.delete_one("tech-one").await.unwrap();
    assert_eq!(index.get_one("tech-one").await.unwrap(), None);
    assert_eq!(index.count().await.unwrap(), 0);
}

async fn a_batch_of_two_is_stored_and_deleted_item_by_item(place: Place) {
    let companies = &four_companies()[..2];
    let storage = place.open("").await;
    create(&*storage, 3).await;
    let index = storage.index(INDEX);
    let stored = index.upsert(companies).await.unwrap();
    assert!(matches!(stored.items[..], [Outcome::Stored, Outcome::Stored]), "{stored:?}");
    assert_eq!(index.count().await.unwrap(), 2);
    let deleted = index.delete(&["tech-one".to_owned(), "tech-two".to_owned()]).await.unwrap();
    assert!(matches!(deleted.items[..], [Outcome::Stored, Outcome::Stored]), "{deleted:?}");
    assert_eq!(index.count().await.unwrap(), 0);
}

async fn the_nearest_of_four_begin_with_the_company_itself(place: Place) {
    let storage = place.with(&four_companies()).await;
    let found = storage.index(INDEX).search([1.0, 0.0, 0.0]).top_k(3).with_total(true).await.unwrap();
    assert_eq!(ids(&found), ["tech-one", "tech-two", "finance"]);
    assert!((found.matches[0].score - 1.0).abs() < 1e-5);
    assert!(found.matches.windows(2).all(|pair| pair[0].score > pair[1].score));
    assert_eq!((found.total_matches, found.has_more), (Some(4), true));
}

async fn a_filter_on_the_industry_gives_just_its_companies(place: Place) {
    let storage = place.with(&four_companies()).await;
    let technology = field("industry").eq("Technology");
    let found = storage.index(INDEX).search([0.0, 0.0, 1.0]).filter(technology).await.unwrap();
    let mut found = ids(&found);
    found.sort_unstable();
    assert_eq!(found, ["tech-one", "tech-two"]);
}

async fn statistics_count_the_companies_that_have_each_field(place: Place) {
    let mut companies = four_companies().to_vec();
    companies.push(company("energy", "Energy", [0.3, 0.3, 0.3]));
    let storage = place.with(&companies).await;
    let stats = storage.index(INDEX).stats(true).await.unwrap();
    assert_eq!((stats.vectors, stats.dimension), (5, 3));
    for (key, _) in companies[0].metadata.iter() {
        assert_eq!(stats.fields.get(key), Some(&5), "{key}");
    }
}

async fn an_error_rate_of_one_half_fails_some_calls_and_not_others(place: Place) {
    close(place.with(&four_companies()).await).await;
    let storage = place.open("?error_rate=0.5&seed=1").await;
    let mut failed = 0;
    for _ in 0..40 {
        match storage.list_indexes(CallOptions::new()).await {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Unavailable => failed += 1,
            Err(e) => panic!("{e}"),
        }
    }
    assert!((1..40).contains(&failed), "{failed} of 40 failed");
}

async fn latency_shows_in_the_search_time_and_in_health(place: Place) {
    let storage = place.open("?latency=5ms").await;
    create(&*storage, 3).await;
    let found = storage.index(INDEX).search([1.0, 0.0, 0.0]).await.unwrap();
    assert!(found.elapsed >= Duration::from_millis(5), "{:?}", found.elapsed);
    let health = storage.health(CallOptions::new()).await.unwrap();
    assert!(health.latency_ms >= 5.0, "{}", health.latency_ms);
}

async fn companies_like_a_given_one_leave_it_out_and_still_are_k(place: Place) {
    let storage = place.with(&four_companies()).await;
    let found = storage.index(INDEX).search_by_id("tech-one").top_k(3).with_total(true).await.unwrap();
    assert_eq!(ids(&found), ["tech-two", "finance", "health"]);
    assert_eq!(found.total_matches, Some(3));
}

async fn a_thousand_large_vectors_are_stored_at_once_and_searched(place: Place) {
    let vector =
        |n: usize| -> Vec<f32> { (0..1_536).map(|i| ((n * 31 + i * 17) % 101) as f32 - 50.0).collect() };
    let records: Vec<Record> = (0..1_000).map(|n| Record::new(format!("c{n}"), vector(n))).collect();
    let storage = place.open("").await;
    create(&*storage, 1_536).await;
    let index = storage.index(INDEX);
    let stored = index.upsert(&records).await.unwrap();
    assert_eq!((stored.stored(), stored.items.len()), (1_000, 1_000));
    let mut elapsed = Duration::ZERO;
    for n in 0..100 {
        let found = index.search(vector(n)).top_k(10).await.unwrap();
        assert_eq!(found.matches.len(), 10);
        assert!(found.matches[0].score > 0.999_99, "{:?}", found.matches[0]);
        elapsed += found.elapsed;
    }
    println!("{}: 100 searches over 1,000 x 1,536, {:?} each on average", storage.provider(), elapsed / 100);
}

/// Closes a store, so that another handle may open it.
async fn close(storage: Arc<dyn VectorStorage>) {
    storage.close().await.unwrap();
}
