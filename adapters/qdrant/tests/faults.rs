//! A server that refuses, loses answers, is silent or is none of Qdrant's: the right kind, in bounded time, and nothing
//! reported stored that is not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use portolan_core::{
    CallOptions, DeleteRequest, Error, ErrorKind, GetRequest, IndexSpec, Outcome, Record, SearchRequest,
    Status, UpsertRequest, VectorStorage, WriteResult,
};
use portolan_testkit::wire::{Answer, Fault, Faulty};
use prost::Message;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionInfo, CollectionOperationResponse, CollectionParams, Distance,
    GetCollectionInfoResponse, GetResponse, PointsOperationResponse, UpdateResult, UpdateStatus,
    VectorParams, VectorsConfig, vectors_config,
};

const OPTIONS: CallOptions = CallOptions::new();
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;

/// A server with a collection `things` of two dimensions, without points.
fn server() -> Faulty {
    let server = Faulty::start().unwrap();
    let params = VectorParams { size: 2, distance: Distance::Dot.into(), ..VectorParams::default() };
    let vectors_config = Some(VectorsConfig { config: Some(vectors_config::Config::Params(params)) });
    let params = Some(CollectionParams { vectors_config, ..CollectionParams::default() });
    let config = Some(CollectionConfig { params, ..CollectionConfig::default() });
    let result = Some(CollectionInfo { config, ..CollectionInfo::default() });
    answer(&server, "Collections/Get", &GetCollectionInfoResponse { result, time: 0.0 });
    answer(&server, "Points/Get", &GetResponse::default());
    server
}

fn answer(server: &Faulty, method: &str, message: &impl Message) {
    fault(server, method, Answer::grpc_message(&message.encode_to_vec()));
}

/// What happens to each call of a method, such as `Points/Upsert`.
fn fault(server: &Faulty, method: &str, fault: impl Into<Fault>) {
    let path = format!("/qdrant.{method}");
    server.on(.., move |request| request.path == path, fault.into());
}

fn updated(status: UpdateStatus) -> PointsOperationResponse {
    let result = Some(UpdateResult { operation_id: Some(1), status: status.into() });
    PointsOperationResponse { result, ..PointsOperationResponse::default() }
}

async fn open(server: &Faulty, options: &str) -> Arc<dyn VectorStorage> {
    let uri = format!("{}{options}", server.uri("qdrant"));
    portolan_qdrant::open(uri.parse().unwrap()).await.unwrap()
}

async fn upsert(storage: &dyn VectorStorage, timeout: Duration) -> Result<WriteResult, Error> {
    let records = [Record::new("a", [1.0, 2.0]), Record::new("b", [3.0, 4.0])];
    let options = CallOptions::new().timeout(timeout);
    storage.upsert(&UpsertRequest::new("things", &records[..]).options(options)).await
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);

/// The outcome that all items of a write have.
fn common(result: &WriteResult) -> (&'static str, Option<ErrorKind>) {
    let mark = |outcome: &Outcome| match outcome {
        Outcome::Stored => ("stored", None),
        Outcome::Failed(e) => ("failed", Some(e.kind())),
        Outcome::Unknown(e) => ("unknown", Some(e.kind())),
    };
    let marks: Vec<_> = result.items.iter().map(mark).collect();
    assert!(marks.iter().all(|m| *m == marks[0]), "{marks:?}");
    marks[0]
}

#[tokio::test]
async fn a_write_is_stored_only_where_it_was_applied() {
    for (status, expected) in [
        (UpdateStatus::Completed, ("stored", None)),
        (UpdateStatus::Acknowledged, ("unknown", Some(ErrorKind::Timeout))),
        (UpdateStatus::WaitTimeout, ("unknown", Some(ErrorKind::Timeout))),
        (UpdateStatus::ClockRejected, ("unknown", Some(ErrorKind::Unexpected))),
    ] {
        let server = server();
        answer(&server, "Points/Upsert", &updated(status));
        let written = upsert(&*open(&server, "").await, LONG).await.unwrap();
        assert_eq!(common(&written), expected, "{status:?}");
    }
}

#[tokio::test]
async fn a_write_that_failed_or_was_lost_is_in_doubt_and_not_repeated() {
    for (fault_of, kind) in [
        (Fault::from(Answer::grpc(INTERNAL, "Service internal error")), ErrorKind::Unexpected),
        (Answer::grpc(UNAVAILABLE, "not enough replicas").into(), ErrorKind::Unavailable),
        (Answer::grpc(4, "took too long").into(), ErrorKind::Timeout),
        (Answer::status(503).into(), ErrorKind::Unavailable),
        (
            Fault::Partway(Answer::grpc_message(&updated(UpdateStatus::Completed).encode_to_vec())),
            ErrorKind::Unavailable,
        ),
        (Fault::Gone, ErrorKind::Unavailable),
        (Fault::Reset, ErrorKind::Unavailable),
    ] {
        let server = server();
        let what = format!("{fault_of:?}");
        fault(&server, "Points/Upsert", fault_of);
        let written = upsert(&*open(&server, "").await, LONG).await.unwrap();
        assert_eq!(common(&written), ("unknown", Some(kind)), "{what}: {written:?}");
        assert_eq!(server.seen().iter().filter(|r| r.path.ends_with("/Upsert")).count(), 1, "{what}");
    }
}

#[tokio::test]
async fn a_write_that_was_refused_is_an_error() {
    for (answer_of, kind) in [
        (Answer::grpc(8, "Rate limiting exceeded").trailer("retry-after", "7"), ErrorKind::RateLimited),
        (Answer::grpc(7, "Forbidden: read-only"), ErrorKind::PermissionDenied),
        (Answer::grpc(16, "Must provide an API key"), ErrorKind::Unauthenticated),
        (Answer::grpc(3, "Wrong input: nonsense"), ErrorKind::InvalidArgument),
        (
            Answer::grpc(3, "Wrong input: Vector dimension error: expected dim: 3, got 2"),
            ErrorKind::DimensionMismatch,
        ),
        (Answer::grpc(5, "Not found: Collection `things` doesn't exist!"), ErrorKind::NotFound),
        (Answer::grpc(11, "decoded message length too large"), ErrorKind::PayloadTooLarge),
    ] {
        let server = server();
        fault(&server, "Points/Upsert", answer_of);
        let refused = upsert(&*open(&server, "").await, LONG).await.unwrap_err();
        assert_eq!(refused.kind(), kind, "{refused}");
        let after = (kind == ErrorKind::RateLimited).then_some(Duration::from_secs(7));
        assert_eq!(refused.retry_after(), after, "{refused}");
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let server = server();
    for method in ["Points/Upsert", "Points/Delete", "Points/Query", "Qdrant/HealthCheck"] {
        fault(&server, method, Fault::Silence);
    }
    let storage = open(&server, "").await;
    let written = upsert(&*storage, SHORT).await.unwrap();
    assert_eq!(common(&written), ("unknown", Some(ErrorKind::Timeout)));
    let options = CallOptions::new().timeout(SHORT);
    let found = storage.search(&SearchRequest::new("things", [1.0, 2.0]).options(options)).await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(storage.health(options).await.unwrap().status, Status::Unavailable);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let server = server();
    server.down().await.unwrap();
    let storage = open(&server, "").await;
    let refused = upsert(&*storage, LONG).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.message().contains("6334"), "{refused}");
    assert!(refused.is_retryable());
    assert_eq!(storage.list_indexes(OPTIONS).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(storage.health(OPTIONS).await.unwrap().status, Status::Unavailable);
    server.up().await.unwrap();
    assert_eq!(storage.describe_index("things", OPTIONS).await.unwrap().spec.dimension, 2);
}

#[tokio::test]
async fn a_write_whose_connection_is_refused_has_surely_failed() {
    let server = server();
    let storage = open(&server, "").await;
    let ids = ["a".to_owned()];
    storage.get(&GetRequest::new("things", &ids)).await.unwrap();
    server.down().await.unwrap();
    let refused = storage.delete(&DeleteRequest::new("things", &ids[..])).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn what_is_no_qdrant_is_told_by_its_first_answer() {
    for fault_of in [Fault::rubbish(), Answer::status(404).into(), Answer::status(200).body("hello").into()] {
        let server = Faulty::start().unwrap();
        let what = format!("{fault_of:?}");
        server.on(.., |_| true, fault_of);
        let storage = open(&server, "").await;
        let refused = storage.list_indexes(OPTIONS).await.unwrap_err();
        assert!(refused.message().contains("6334"), "{what}: {refused}");
    }
}

#[tokio::test]
async fn tls_to_a_server_without_it_fails() {
    let server = server();
    let storage = open(&server, "?tls=true").await;
    assert_eq!(storage.list_indexes(OPTIONS).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn the_api_key_is_sent_and_never_shown() {
    let server = server();
    fault(&server, "Collections/List", Answer::grpc(7, "Invalid API key or JWT"));
    let storage = open(&server, "?api_key=s3cret").await;
    let refused = storage.list_indexes(OPTIONS).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    assert_eq!(server.seen()[0].headers["api-key"], "s3cret");
    for shown in [format!("{refused} {refused:?}"), format!("{storage:?}")] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[tokio::test]
async fn a_creation_is_undone_where_an_index_of_a_field_fails_and_is_not_repeated() {
    let server = server();
    answer(&server, "Collections/Create", &CollectionOperationResponse { result: true, time: 0.0 });
    answer(&server, "Collections/Delete", &CollectionOperationResponse { result: true, time: 0.0 });
    fault(&server, "Points/CreateFieldIndex", Answer::grpc(INTERNAL, "no room"));
    let storage = open(&server, "").await;
    let spec = IndexSpec::new("things", 2);
    assert_eq!(storage.create_index(&spec, OPTIONS).await.unwrap_err().kind(), ErrorKind::Unexpected);
    let calls: Vec<String> =
        server.seen().into_iter().map(|r| r.path.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(calls, ["Create", "CreateFieldIndex", "Delete"]);
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_not_repeated() {
    let server = server();
    fault(&server, "Collections/Create", Fault::Gone);
    let storage = open(&server, "").await;
    let lost = storage.create_index(&IndexSpec::new("things", 2), OPTIONS).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Unavailable);
    assert_eq!(server.seen().len(), 1);
}
