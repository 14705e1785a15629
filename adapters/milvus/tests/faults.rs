//! What servers of Milvus answer when they refuse or fail: scripted, so that no real one is needed. What befalls the way to
//! any server is in `wire.rs`.

// A case fails by a panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[allow(dead_code, reason = "not every test needs all of it")]
#[path = "../src/proto.rs"]
mod proto;
mod replies;

use std::sync::Arc;
use std::time::Duration;

use portolan_core::{
    CallOptions, CountRequest, DeleteRequest, ErrorKind, GetRequest, Outcome, Record, Result, UpsertRequest,
    VectorStorage,
};
use portolan_testkit::wire::{Answer, Fault, Faulty};
use proto::common::Status;
use proto::milvus::{
    DescribeIndexResponse, GetLoadingProgressResponse, GetVersionResponse, MutationResult, QueryResults,
    ShowCollectionsResponse,
};
use proto::schema::{DataType, FieldSchema};
use replies::{basics, column, described, ends, ok, port_fields, reply, rows, vector, version};

/// Longer than any bound that is tested, so that a hang fails.
const PATIENCE: Duration = Duration::from_secs(60);

async fn open(uri: &str) -> Result<Arc<dyn VectorStorage>> {
    let call = portolan_milvus::open(uri.parse().unwrap());
    tokio::time::timeout(PATIENCE, call).await.expect("opening is bounded")
}

#[allow(deprecated)]
fn failed(code: i32, error_code: i32, reason: &str) -> Option<Status> {
    Some(Status { code, error_code, reason: reason.into(), ..Status::default() })
}

/// A server that has the collection `companies`.
fn server() -> Faulty {
    let server = Faulty::start().unwrap();
    basics(&server);
    server
}

fn records() -> [Record; 2] {
    [Record::new("a", vec![1.0, 2.0]), Record::new("b", vec![3.0, 4.0])]
}

async fn upsert(storage: &dyn VectorStorage) -> Result<Vec<Outcome>> {
    Ok(storage.upsert(&UpsertRequest::new("companies", &records()[..])).await?.items)
}

#[tokio::test]
async fn a_reply_of_another_message_is_rubbish() {
    let server = server();
    server.on(.., ends("/Query"), Answer::grpc_message(b"\x0a\xff\xff\xff"));
    let storage = open(&server.uri("milvus")).await.unwrap();
    let error = storage.count(&CountRequest::new("companies")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_shown() {
    let server = Faulty::start().unwrap();
    server.on(.., ends("/GetVersion"), Answer::grpc(16, "auth check failure"));
    let uri = format!("milvus://root:s3cret@{}", server.address());
    let storage = open(&uri).await.unwrap();
    let error = storage.list_indexes(CallOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    let sent = server.seen()[0].headers["authorization"].clone();
    assert_eq!(sent, "cm9vdDpzM2NyZXQ=");
}

#[tokio::test]
async fn each_failure_of_a_read_has_its_kind() {
    for (answer, kind) in [
        (
            reply(&QueryResults {
                status: failed(100, 4, "collection not found"),
                ..QueryResults::default()
            }),
            ErrorKind::NotFound,
        ),
        (
            reply(&QueryResults { status: failed(0, 4, "old"), ..QueryResults::default() }),
            ErrorKind::NotFound,
        ),
        (
            reply(&QueryResults { status: failed(8, 49, "rate limited"), ..QueryResults::default() }),
            ErrorKind::RateLimited,
        ),
        (
            reply(&QueryResults { status: failed(1401, 3, "no privilege"), ..QueryResults::default() }),
            ErrorKind::PermissionDenied,
        ),
        (
            reply(&QueryResults { status: failed(65_535, 1, "a bug"), ..QueryResults::default() }),
            ErrorKind::Unexpected,
        ),
        (reply(&QueryResults::default()), ErrorKind::Unexpected),
        (Answer::grpc(14, "node down"), ErrorKind::Unavailable),
        (Answer::grpc(4, "late"), ErrorKind::Timeout),
        (Answer::grpc(12, "what is that"), ErrorKind::Unsupported),
    ] {
        let server = server();
        server.on(.., ends("/Query"), answer);
        let storage = open(&server.uri("milvus")).await.unwrap();
        let error = storage.count(&CountRequest::new("companies")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!((error.operation(), error.index()), (Some("count"), Some("companies")));
    }
}

#[tokio::test]
async fn a_write_without_an_answer_is_in_doubt() {
    for fault in [Fault::Gone, Fault::Reset, Answer::grpc(14, "node down").into(), Fault::Silence] {
        let server = server();
        server.on(.., ends("/Upsert"), fault.clone());
        server.on(.., ends("/Delete"), fault.clone());
        let storage = open(&format!("{}?timeout=1", server.uri("milvus"))).await.unwrap();
        let outcomes = upsert(storage.as_ref()).await.unwrap();
        assert!(outcomes.iter().all(|o| matches!(o, Outcome::Unknown(_))), "{fault:?}: {outcomes:?}");
        let ids = ["a".to_owned()];
        let deleted = storage.delete(&DeleteRequest::new("companies", &ids[..])).await.unwrap().items;
        assert!(matches!(deleted.as_slice(), [Outcome::Unknown(_)]), "{fault:?}: {deleted:?}");
    }
}

#[tokio::test]
async fn a_write_that_was_refused_or_never_sent_changed_nothing() {
    let server = server();
    let status = failed(65_535, 1, "the length(3) of float data should divide the dim(2)");
    server.on(..=2, ends("/Upsert"), reply(&MutationResult { status, ..MutationResult::default() }));
    let storage = open(&server.uri("milvus")).await.unwrap();
    assert_eq!(upsert(storage.as_ref()).await.unwrap_err().kind(), ErrorKind::DimensionMismatch);
    server.down().await.unwrap();
    // The first call may still be under way on the connection that ends; the next one finds none.
    let lost = upsert(storage.as_ref()).await;
    assert!(lost.is_err() || lost.unwrap().iter().all(|o| matches!(o, Outcome::Unknown(_))));
    let error = upsert(storage.as_ref()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_lost_connection_is_made_again() {
    let server = server();
    server.on(.., ends("/Upsert"), reply(&MutationResult { status: ok(), ..MutationResult::default() }));
    let storage = open(&server.uri("milvus")).await.unwrap();
    server.down().await.unwrap();
    let lost = upsert(storage.as_ref()).await;
    assert!(lost.is_err() || lost.unwrap().iter().all(|o| matches!(o, Outcome::Unknown(_))));
    server.up().await.unwrap();
    let again = async {
        loop {
            match upsert(storage.as_ref()).await {
                Ok(outcomes) if outcomes.iter().all(|o| matches!(o, Outcome::Stored)) => return outcomes,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, again).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_collection_that_is_not_loaded_is_loaded() {
    let server = server();
    let status = failed(101, 1, "collection not loaded");
    server.on(1..=1, ends("/Query"), reply(&QueryResults { status, ..QueryResults::default() }));
    server.on(2.., ends("/Query"), reply(&rows(&["a"])));
    server.on(.., ends("/LoadCollection"), reply(&Status::default()));
    let progress = |progress| GetLoadingProgressResponse { status: ok(), progress, ..Default::default() };
    server.on(1..=2, ends("/GetLoadingProgress"), reply(&progress(50)));
    server.on(3.., ends("/GetLoadingProgress"), reply(&progress(100)));
    let storage = open(&server.uri("milvus")).await.unwrap();
    let ids = ["a".to_owned()];
    let found = storage.get(&GetRequest::new("companies", &ids)).await.unwrap();
    assert_eq!(found[0].as_ref().map(|r| r.id.as_str()), Some("a"));
    assert_eq!(server.seen().iter().filter(|r| r.path.ends_with("/LoadCollection")).count(), 1);
}

#[tokio::test]
async fn a_collection_dropped_while_listing_does_not_fail_the_list() {
    let server = server();
    let list = |status, names: &[&str]| ShowCollectionsResponse {
        status,
        collection_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..ShowCollectionsResponse::default()
    };
    let gone = failed(1, 0, "collection 'old' does not exist");
    server.on(1..=2, ends("/ShowCollections"), reply(&list(gone, &[])));
    server.on(3.., ends("/ShowCollections"), reply(&list(ok(), &["companies"])));
    let storage = open(&server.uri("milvus")).await.unwrap();
    assert_eq!(storage.list_indexes(CallOptions::new()).await.unwrap(), ["companies"]);
}

#[tokio::test]
async fn one_that_is_never_loaded_is_not_ready() {
    let server = server();
    let status = failed(101, 1, "collection not loaded");
    server.on(.., ends("/Query"), reply(&QueryResults { status, ..QueryResults::default() }));
    server.on(.., ends("/LoadCollection"), reply(&Status::default()));
    let progress = GetLoadingProgressResponse { status: ok(), progress: 10, ..Default::default() };
    server.on(.., ends("/GetLoadingProgress"), reply(&progress));
    let storage = open(&format!("{}?load_timeout=1", server.uri("milvus"))).await.unwrap();
    let error = storage.count(&CountRequest::new("companies")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady, "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn collections_that_the_port_cannot_hold_are_refused() {
    let id = || FieldSchema { is_primary_key: true, ..column("pk", DataType::Int64) };
    for (fields, word) in [
        (vec![id(), vector("v", DataType::BinaryVector)], "BinaryVector"),
        (
            vec![id(), vector("v", DataType::FloatVector), vector("w", DataType::FloatVector)],
            "2 vector fields",
        ),
        (vec![id()], "0 vector fields"),
        (vec![id(), vector("v", DataType::FloatVector)], "no index"),
    ] {
        let server = Faulty::start().unwrap();
        version(&server);
        server.on(.., ends("/DescribeCollection"), reply(&described(fields, false)));
        let none = DescribeIndexResponse { status: failed(700, 25, "index not found"), ..Default::default() };
        server.on(.., ends("/DescribeIndex"), reply(&none));
        let storage = open(&server.uri("milvus")).await.unwrap();
        let error = storage.describe_index("companies", CallOptions::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.message().contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_unsupported() {
    let server = Faulty::start().unwrap();
    let version = GetVersionResponse { status: ok(), version: "v2.2.16".into() };
    server.on(.., ends("/GetVersion"), reply(&version));
    let storage = open(&server.uri("milvus")).await.unwrap();
    let error = storage.list_indexes(CallOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains("v2.2.16"), "{error}");
}

#[tokio::test]
async fn a_damaged_spec_is_corrupt() {
    let server = Faulty::start().unwrap();
    version(&server);
    let mut damaged = described(port_fields(), true);
    damaged.properties[0].value = "{".into();
    server.on(.., ends("/DescribeCollection"), reply(&damaged));
    let storage = open(&server.uri("milvus")).await.unwrap();
    let error = storage.describe_index("companies", CallOptions::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}
