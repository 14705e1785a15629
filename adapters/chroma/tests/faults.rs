//! A server that refuses, fails midway or answers nonsense in ways that are particular to Chroma: the right kind, and nothing reported
//! stored that is not. What befalls the way to any server is tested in `wire.rs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod replies;

use std::sync::Arc;

use portolan_core::{
    CallOptions, DeleteRequest, DeleteWhereRequest, ErrorKind, Outcome, Record, Result, SearchRequest,
    UpsertRequest, VectorStorage, WriteResult, filter::field,
};
use portolan_testkit::wire::{Answer, Faulty};
use replies::{DATABASE, bare, on, things};
use serde_json::json;

const OPTIONS: CallOptions = CallOptions::new();

/// A server with an empty collection `things` of two dimensions.
fn server() -> Faulty {
    let server = Faulty::start().unwrap();
    things(&server);
    server
}

/// A server without collections.
fn bare_server() -> Faulty {
    let server = Faulty::start().unwrap();
    bare(&server);
    server
}

async fn open(server: &Faulty, rest: &str) -> Arc<dyn VectorStorage> {
    portolan_chroma::open(format!("{}{rest}", server.uri("chroma")).parse().unwrap()).await.unwrap()
}

async fn upsert(storage: &dyn VectorStorage) -> Result<WriteResult> {
    let records = [Record::new("a", [1.0, 2.0]), Record::new("b", [3.0, 4.0])];
    storage.upsert(&UpsertRequest::new("things", &records[..])).await
}

fn refused(status: u16, message: &str) -> Answer {
    Answer::status(status).json(&json!({"error": "X", "message": message}))
}

#[tokio::test]
async fn credentials_are_sent_as_told() {
    for (user, rest, header, value) in [
        ("", "?token=s3cret", "x-chroma-token", "s3cret"),
        ("", "?token=s3cret&token_header=authorization", "authorization", "Bearer s3cret"),
        ("me:s3cret@", "", "authorization", "Basic bWU6czNjcmV0"),
    ] {
        let server = server();
        let uri = format!("chroma://{user}{}{rest}", server.address());
        let storage = portolan_chroma::open(uri.parse().unwrap()).await.unwrap();
        storage.describe_index("things", OPTIONS).await.unwrap();
        assert!(server.seen().iter().all(|request| request.headers[header] == value), "{uri}");
    }
}

#[tokio::test]
async fn wrong_credentials_are_told_by_the_first_call() {
    for (status, kind) in [(401, ErrorKind::Unauthenticated), (403, ErrorKind::PermissionDenied)] {
        let server = Faulty::start().unwrap();
        server.on(.., |_| true, refused(status, "no"));
        let e = open(&server, "?token=s3cret").await.list_indexes(OPTIONS).await.unwrap_err();
        assert_eq!(e.kind(), kind);
        assert!(!format!("{e:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_by_the_first_call() {
    let server = bare_server();
    server.on(.., |r| r.path.ends_with("/databases/none"), refused(404, "Database [none] not found"));
    let e = open(&server, "/acme/none").await.list_indexes(OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.message().contains("\"none\"") && e.message().contains("\"acme\""), "{e}");
}

#[tokio::test]
async fn a_write_that_the_server_refuses_has_surely_failed() {
    for (status, words, kind) in [
        (400, "bad", ErrorKind::InvalidArgument),
        (400, "expecting embedding with dimension of 3, got 2", ErrorKind::DimensionMismatch),
        (422, "Quota exceeded", ErrorKind::QuotaExceeded),
    ] {
        let server = server();
        on(&server, "/collections/4711/upsert", refused(status, words));
        assert_eq!(upsert(&*open(&server, "").await).await.unwrap_err().kind(), kind, "{words}");
    }
}

/// A write is logged before it is applied.
#[tokio::test]
async fn a_write_that_ends_with_the_servers_own_error_is_unknown() {
    for (answer, kind) in [
        (refused(500, "Error sending message to compactor"), ErrorKind::Unavailable),
        (Answer::status(503), ErrorKind::Unavailable),
        (Answer::status(200).body("<html>login</html>"), ErrorKind::Unexpected),
    ] {
        let server = server();
        on(&server, "/collections/4711/upsert", answer.clone());
        on(&server, "/collections/4711/delete", answer);
        let storage = open(&server, "").await;
        let ids = ["a".to_owned(), "b".to_owned()];
        let written = upsert(&*storage).await.unwrap();
        let deleted = storage.delete(&DeleteRequest::new("things", &ids[..])).await.unwrap();
        for outcome in written.items.iter().chain(&deleted.items) {
            assert!(matches!(outcome, Outcome::Unknown(e) if e.kind() == kind), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_write_that_cannot_be_looked_at_afterwards_is_unknown() {
    let server = bare_server();
    let things = json!({"id": "4711", "name": "things", "dimension": 2, "metadata": null});
    on(&server, "/collections/things", Answer::status(200).json(&things));
    on(&server, "/collections/4711/upsert", Answer::status(200).json(&json!({})));
    let path = format!("{DATABASE}/collections/4711/get");
    let none = Answer::status(200).json(&json!({"ids": []}));
    server.on(1..=1, move |request| request.path == path, none);
    on(&server, "/collections/4711/get", refused(503, "gone"));
    let written = upsert(&*open(&server, "").await).await.unwrap();
    assert_eq!(written.unknown(), 2, "{written:?}");
}

#[tokio::test]
async fn a_read_tells_what_was_wrong() {
    for (answer, kind) in [
        (refused(500, "oops"), ErrorKind::Unavailable),
        (Answer::status(200).json(&json!({"ids": [["a"]], "distances": [[]]})), ErrorKind::Unexpected),
        (Answer::status(302).header("location", "https://login"), ErrorKind::Unexpected),
    ] {
        let server = server();
        on(&server, "/collections/4711/query", answer);
        let query = SearchRequest::new("things", [1.0, 2.0]);
        let e = open(&server, "").await.search(&query).await.unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        assert_eq!(
            (e.operation(), e.index(), e.provider()),
            (Some("search"), Some("things"), Some("chroma"))
        );
    }
}

#[tokio::test]
async fn a_record_on_its_way_out_is_waited_for() {
    let server = server();
    let path = format!("{DATABASE}/collections/4711/query");
    server.on(1..=3, move |request| request.path == path, refused(500, "Internal error: Error finding id"));
    on(
        &server,
        "/collections/4711/query",
        Answer::status(200).json(&json!({"ids": [["a"]], "distances": [[4.0]]})),
    );
    on(&server, "/collections/4711/count", Answer::status(200).json(&json!(1)));
    let query = SearchRequest::new("things", [1.0, 2.0]).include_metadata(false);
    let found = open(&server, "").await.search(&query).await.unwrap();
    assert_eq!(found.matches[0].distance, 2.0);
}

#[tokio::test]
async fn names_stay_in_their_place_in_a_path() {
    let server = bare_server();
    server.on(.., |_| true, refused(404, "no"));
    let storage = open(&server, "").await;
    for name in ["../../../reset", "a/b?x=1#y", "%2e%2e", "naïve \u{202e}", "' OR 1=1"] {
        let e = storage.describe_index(name, OPTIONS).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::NotFound, "{name}");
        let path = server.seen().pop().unwrap().path;
        let rest = path.strip_prefix(&format!("{DATABASE}/collections/")).unwrap();
        assert!(!rest.contains(['/', '?', '#', '.', ' ', '\'']), "{path}");
    }
    let sent = server.seen().len();
    for name in [".", ".."] {
        assert_eq!(storage.describe_index(name, OPTIONS).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(storage.delete_index(name, OPTIONS).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(server.seen().len(), sent);
}

#[tokio::test]
async fn a_filter_is_bound_as_json() {
    let server = server();
    on(&server, "/collections/4711/delete", Answer::status(200).json(&json!({"deleted": 0})));
    let storage = open(&server, "").await;
    let hostile = "\"}}, \"where\": {\"x";
    let filter = field(hostile).eq(hostile);
    storage.delete_where(&DeleteWhereRequest::new("things", &filter)).await.unwrap();
    let asked: serde_json::Value = serde_json::from_slice(&server.seen().pop().unwrap().body).unwrap();
    assert!(
        asked["where"].to_string().contains(&json!({ hostile: {"$in": [hostile]} }).to_string()),
        "{asked}"
    );
}
