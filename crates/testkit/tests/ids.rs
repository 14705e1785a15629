//! Ids that stand for others where a database takes only UUIDs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portolan_core::{
    CallOptions, DeleteRequest, ErrorKind, GetRequest, IndexSpec, MetadataPatch, MetadataUpdate, Outcome,
    Record, UpdateRequest, UpsertRequest, VectorStorage,
};
use portolan_testkit::poor::poor;
use std::sync::Arc;

/// The UUIDv5 under which the id `stripe` is stored.
const STRIPE: &str = "fe8fa400-b1fe-5d8e-8bfc-741fe43ac269";

async fn storage() -> Arc<dyn VectorStorage> {
    let storage = poor(3);
    storage.create_index(&IndexSpec::new("things", 1), CallOptions::new()).await.unwrap();
    storage
}

async fn upsert(storage: &dyn VectorStorage, ids: &[&str]) -> Vec<Outcome> {
    let records: Vec<Record> = ids.iter().map(|id| Record::new(*id, [1.0])).collect();
    storage.upsert(&UpsertRequest::new("things", &records)).await.unwrap().items
}

fn kind(outcome: &Outcome) -> Option<ErrorKind> {
    outcome.error().map(|e| e.kind())
}

#[tokio::test]
async fn an_id_whose_place_another_has_is_a_collision() {
    let storage = storage().await;
    assert!(upsert(&*storage, &["stripe"]).await[0].is_stored());
    let outcomes = upsert(&*storage, &["other", STRIPE]).await;
    assert_eq!((kind(&outcomes[0]), kind(&outcomes[1])), (None, Some(ErrorKind::IdCollision)));
    let ids = ["stripe", STRIPE, "other"].map(str::to_owned);
    let found = storage.get(&GetRequest::new("things", &ids)).await.unwrap();
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
}

#[tokio::test]
async fn two_ids_of_one_place_in_one_call_do_not_overwrite_each_other() {
    let storage = storage().await;
    let outcomes = upsert(&*storage, &["stripe", STRIPE]).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_stored()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|o| kind(o) == Some(ErrorKind::IdCollision)));
}

#[tokio::test]
async fn a_record_is_not_deleted_or_updated_by_its_native_id() {
    let storage = storage().await;
    assert!(upsert(&*storage, &["stripe"]).await[0].is_stored());
    let ids = [STRIPE.to_owned()];
    let deleted = storage.delete(&DeleteRequest::new("things", &ids[..])).await.unwrap();
    assert!(deleted.is_successful(), "deleting what is absent is no error: {deleted:?}");
    let updates = [MetadataUpdate::new(STRIPE, MetadataPatch::new().set("a", 1))];
    let updated = storage.update_metadata(&UpdateRequest::new("things", &updates[..])).await.unwrap();
    assert_eq!(kind(&updated.items[0]), Some(ErrorKind::NotFound));
    let ids = ["stripe".to_owned()];
    let found = storage.get(&GetRequest::new("things", &ids)).await.unwrap();
    assert!(found[0].as_ref().is_some_and(|r| r.metadata.is_empty()));
}
