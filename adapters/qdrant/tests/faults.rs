//! A server that refuses or fails in ways that are particular to Qdrant: the right kind, and nothing reported stored that is
//! not. What befalls the way to any server is tested in `wire.rs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod replies;

use std::sync::Arc;
use std::time::Duration;

use portolan_core::{
    CallOptions, Error, ErrorKind, IndexSpec, Outcome, Record, UpsertRequest, VectorStorage, WriteResult,
};
use portolan_testkit::wire::{Answer, Fault, Faulty};
use qdrant_client::qdrant::{CollectionOperationResponse, UpdateStatus};
use replies::{answer, fault, things, updated, version};

const OPTIONS: CallOptions = CallOptions::new();
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;

fn server() -> Faulty {
    let server = Faulty::start().unwrap();
    things(&server);
    server
}

async fn open(server: &Faulty, options: &str) -> Arc<dyn VectorStorage> {
    let uri = format!("{}{options}", server.uri("qdrant"));
    portolan_qdrant::open(uri.parse().unwrap()).await.unwrap()
}

async fn upsert(storage: &dyn VectorStorage) -> Result<WriteResult, Error> {
    let records = [Record::new("a", [1.0, 2.0]), Record::new("b", [3.0, 4.0])];
    storage.upsert(&UpsertRequest::new("things", &records[..])).await
}

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
async fn a_server_that_is_too_old_is_asked_for_its_version_alone_until_it_is_newer() {
    let server = Faulty::start().unwrap();
    version(&server, "1.15.5");
    let storage = open(&server, "").await;
    let refused = upsert(&*storage).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.message().contains("Qdrant 1.15.5, and 1.16 is the oldest"), "{refused}");
    assert_eq!(server.seen().len(), 1);

    server.heal();
    things(&server);
    answer(&server, "Points/Upsert", &updated(UpdateStatus::Completed));
    for _ in 0..2 {
        assert_eq!(common(&upsert(&*storage).await.unwrap()), ("stored", None));
    }
    assert_eq!(server.seen().iter().filter(|r| r.path.ends_with("/HealthCheck")).count(), 2);
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
        let written = upsert(&*open(&server, "").await).await.unwrap();
        assert_eq!(common(&written), expected, "{status:?}");
    }
}

#[tokio::test]
async fn a_write_that_failed_is_in_doubt_and_not_repeated() {
    for (fault_of, kind) in [
        (Answer::grpc(INTERNAL, "Service internal error"), ErrorKind::Unexpected),
        (Answer::grpc(UNAVAILABLE, "not enough replicas"), ErrorKind::Unavailable),
        (Answer::grpc(4, "took too long"), ErrorKind::Timeout),
        (Answer::status(503), ErrorKind::Unavailable),
    ] {
        let server = server();
        let what = format!("{fault_of:?}");
        fault(&server, "Points/Upsert", fault_of);
        let written = upsert(&*open(&server, "").await).await.unwrap();
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
        let refused = upsert(&*open(&server, "").await).await.unwrap_err();
        assert_eq!(refused.kind(), kind, "{refused}");
        let after = (kind == ErrorKind::RateLimited).then_some(Duration::from_secs(7));
        assert_eq!(refused.retry_after(), after, "{refused}");
    }
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
    assert_eq!(calls, ["HealthCheck", "Create", "CreateFieldIndex", "Delete"]);
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_is_not_repeated() {
    let server = server();
    fault(&server, "Collections/Create", Fault::Gone);
    let storage = open(&server, "").await;
    let lost = storage.create_index(&IndexSpec::new("things", 2), OPTIONS).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Unavailable);
    assert_eq!(server.seen().iter().filter(|r| r.path.ends_with("/Create")).count(), 1);
}
