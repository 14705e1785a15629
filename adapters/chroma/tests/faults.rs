//! A server that is away, refuses, is silent, loses answers or is none of Chroma's: the right kind, in bounded time, and
//! nothing reported stored that is not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use portolan_core::{
    CallOptions, DeleteRequest, DeleteWhereRequest, ErrorKind, GetRequest, IndexSpec, Location, Outcome,
    Record, Result, SearchRequest, Status, UpsertRequest, VectorStorage, WriteResult, filter::field,
};
use portolan_testkit::wire::{Answer, Fault, Faulty, Line};
use serde_json::json;

const OPTIONS: CallOptions = CallOptions::new();
const DATABASE: &str = "/api/v2/tenants/default_tenant/databases/default_database";

/// So that what is silent is soon given up.
fn short() -> CallOptions {
    OPTIONS.timeout(Duration::from_millis(300))
}

/// A server with an empty collection `things` of two dimensions.
fn server() -> Faulty {
    let server = bare();
    let things = json!({
        "id": "4711", "name": "things", "dimension": 2, "metadata": null,
        "configuration_json": {"hnsw": {"space": "l2"}}, "tenant": "default_tenant",
    });
    on(&server, "/collections/things", Answer::status(200).json(&things));
    on(&server, "/collections/4711/get", Answer::status(200).json(&json!({"ids": [], "metadatas": []})));
    server
}

/// A server without collections.
fn bare() -> Faulty {
    let server = Faulty::start().unwrap();
    let limits = json!({"max_batch_size": 100, "supports_base64_encoding": true});
    server.on(.., |r| r.path == "/api/v2/pre-flight-checks", Answer::status(200).json(&limits));
    server.on(.., |r| r.path == DATABASE, Answer::status(200).json(&json!({})));
    server
}

/// What happens to all requests for a path below the database.
fn on(server: &Faulty, path: &str, fault: impl Into<Fault>) {
    let path = format!("{DATABASE}{path}");
    server.on(.., move |request| request.path == path, fault.into());
}

async fn open(server: &Faulty, rest: &str) -> Result<Arc<dyn VectorStorage>> {
    portolan_chroma::open(format!("{}{rest}", server.uri("chroma")).parse::<Location>()?).await
}

async fn upsert(storage: &dyn VectorStorage, options: CallOptions) -> Result<WriteResult> {
    let records = [Record::new("a", [1.0, 2.0]), Record::new("b", [3.0, 4.0])];
    storage.upsert(&UpsertRequest::new("things", &records[..]).options(options)).await
}

fn refused(status: u16, message: &str) -> Answer {
    Answer::status(status).json(&json!({"error": "X", "message": message}))
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    let e = portolan_chroma::open(format!("chroma://{free}").parse().unwrap()).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
    assert!(e.is_retryable());
}

#[tokio::test]
async fn a_server_that_goes_away_is_unavailable_and_comes_back() {
    let server = server();
    let storage = open(&server, "").await.unwrap();
    server.down().await.unwrap();
    let ids = ["a".to_owned()];
    let e = storage.get(&GetRequest::new("things", &ids)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
    let e = upsert(&*storage, OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unavailable, "nothing was sent: {e}");
    let health = storage.health(OPTIONS).await.unwrap();
    assert_eq!(health.status, Status::Unavailable);
    server.up().await.unwrap();
    assert_eq!(storage.get(&GetRequest::new("things", &ids)).await.unwrap(), [None]);
}

#[tokio::test]
async fn credentials_are_sent_as_told_and_shown_nowhere() {
    for (rest, header, value) in [
        ("?token=s3cret", "x-chroma-token", "s3cret"),
        ("?token=s3cret&token_header=authorization", "authorization", "Bearer s3cret"),
    ] {
        let server = server();
        let storage = open(&server, rest).await.unwrap();
        storage.describe_index("things", OPTIONS).await.unwrap();
        assert!(server.seen().iter().all(|request| request.headers[header] == value));
        assert!(!format!("{storage:?}").contains("s3cret"));
    }
    let server = server();
    let uri = server.uri("chroma").replace("://", "://me:s3cret@");
    portolan_chroma::open(uri.parse().unwrap()).await.unwrap();
    assert_eq!(server.seen()[0].headers["authorization"], "Basic bWU6czNjcmV0");
}

#[tokio::test]
async fn wrong_credentials_are_told_when_it_is_opened() {
    for (status, kind) in [(401, ErrorKind::Unauthenticated), (403, ErrorKind::PermissionDenied)] {
        let server = Faulty::start().unwrap();
        server.on(.., |_| true, refused(status, "no"));
        let e = open(&server, "?token=s3cret").await.unwrap_err();
        assert_eq!(e.kind(), kind);
        assert!(!format!("{e:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_when_it_is_opened() {
    let server = bare();
    server.on(.., |r| r.path.ends_with("/databases/none"), refused(404, "Database [none] not found"));
    let e = open(&server, "/acme/none").await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
    assert!(e.message().contains("\"none\"") && e.message().contains("\"acme\""), "{e}");
}

/// What befalls a write, and whether it may have been done.
#[tokio::test]
async fn a_write_is_failed_where_it_surely_was_not_done_and_else_unknown() {
    let failed: [(Fault, ErrorKind); 5] = [
        (refused(400, "bad").into(), ErrorKind::InvalidArgument),
        (refused(400, "expecting embedding with dimension of 3, got 2").into(), ErrorKind::DimensionMismatch),
        (refused(413, "").into(), ErrorKind::PayloadTooLarge),
        (refused(422, "no variant").into(), ErrorKind::InvalidArgument),
        (refused(429, "slow").header("retry-after", "7").into(), ErrorKind::RateLimited),
    ];
    for (fault, kind) in failed {
        let server = server();
        on(&server, "/collections/4711/upsert", fault);
        let e = upsert(&*open(&server, "").await.unwrap(), OPTIONS).await.unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        assert_eq!(e.retry_after(), (kind == ErrorKind::RateLimited).then_some(Duration::from_secs(7)));
    }
    let unknown: [(Fault, ErrorKind); 8] = [
        (refused(500, "Error sending message to compactor").into(), ErrorKind::Unavailable),
        (refused(503, "").header("retry-after", "2").into(), ErrorKind::Unavailable),
        (Answer::status(200).body("<html>login</html>").into(), ErrorKind::Unexpected),
        (Fault::Partway(Answer::status(200).body("{\"longer\": 1}")), ErrorKind::Unavailable),
        (Fault::Gone, ErrorKind::Unavailable),
        (Fault::Reset, ErrorKind::Unavailable),
        (Fault::rubbish(), ErrorKind::Unavailable),
        (Fault::Silence, ErrorKind::Timeout),
    ];
    for (fault, kind) in unknown {
        let shown = format!("{fault:?}");
        let server = server();
        on(&server, "/collections/4711/upsert", fault.clone());
        on(&server, "/collections/4711/delete", fault);
        let storage = open(&server, "").await.unwrap();
        let ids = ["a".to_owned(), "b".to_owned()];
        let written = upsert(&*storage, short()).await.unwrap();
        let deleted = storage.delete(&DeleteRequest::new("things", &ids[..]).options(short())).await.unwrap();
        for outcome in written.items.iter().chain(&deleted.items) {
            assert!(matches!(outcome, Outcome::Unknown(e) if e.kind() == kind), "{shown}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_write_that_cannot_be_looked_at_afterwards_is_unknown() {
    let server = bare();
    let things = json!({"id": "4711", "name": "things", "dimension": 2, "metadata": null});
    on(&server, "/collections/things", Answer::status(200).json(&things));
    on(&server, "/collections/4711/upsert", Answer::status(200).json(&json!({})));
    let path = format!("{DATABASE}/collections/4711/get");
    let none = Answer::status(200).json(&json!({"ids": []}));
    server.on(1..=1, move |request| request.path == path, none);
    on(&server, "/collections/4711/get", refused(503, "gone"));
    let written = upsert(&*open(&server, "").await.unwrap(), OPTIONS).await.unwrap();
    assert_eq!(written.unknown(), 2, "{written:?}");
}

#[tokio::test]
async fn a_read_tells_what_was_wrong() {
    let reads: [(Fault, ErrorKind); 7] = [
        (refused(500, "oops").into(), ErrorKind::Unavailable),
        (refused(401, "").into(), ErrorKind::Unauthenticated),
        (Answer::status(200).body("no JSON").into(), ErrorKind::Unexpected),
        (Answer::status(200).json(&json!({"ids": [["a"]], "distances": [[]]})).into(), ErrorKind::Unexpected),
        (Answer::status(302).header("location", "https://login").into(), ErrorKind::Unexpected),
        (Fault::Reset, ErrorKind::Unavailable),
        (Fault::Silence, ErrorKind::Timeout),
    ];
    for (fault, kind) in reads {
        let shown = format!("{fault:?}");
        let server = server();
        on(&server, "/collections/4711/query", fault);
        let query = SearchRequest::new("things", [1.0, 2.0]).options(short());
        let e = open(&server, "").await.unwrap().search(&query).await.unwrap_err();
        assert_eq!(e.kind(), kind, "{shown}: {e}");
        assert_eq!(
            (e.operation(), e.index(), e.provider()),
            (Some("search"), Some("things"), Some("chroma"))
        );
    }
}

/// No timeout of a call bounds these.
#[tokio::test]
async fn a_silent_server_is_given_up_by_the_stores_own_timeout() {
    let server = bare();
    on(&server, "/collections", Fault::Silence);
    on(&server, "/collections/things", Fault::Silence);
    let storage = open(&server, "?timeout=1").await.unwrap();
    let e = storage.create_index(&IndexSpec::new("things", 2), OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Timeout, "{e}");
    let e = storage.delete_index("things", OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Timeout, "{e}");
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
    let found = open(&server, "").await.unwrap().search(&query).await.unwrap();
    assert_eq!(found.matches[0].distance, 2.0);
}

#[tokio::test]
async fn names_stay_in_their_place_in_a_path() {
    let server = bare();
    server.on(.., |_| true, refused(404, "no"));
    let storage = open(&server, "").await.unwrap();
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
    let storage = open(&server, "").await.unwrap();
    let hostile = "\"}}, \"where\": {\"x";
    let filter = field(hostile).eq(hostile);
    storage.delete_where(&DeleteWhereRequest::new("things", &filter)).await.unwrap();
    let asked: serde_json::Value = serde_json::from_slice(&server.seen().pop().unwrap().body).unwrap();
    assert!(
        asked["where"].to_string().contains(&json!({ hostile: {"$in": [hostile]} }).to_string()),
        "{asked}"
    );
}

#[tokio::test]
async fn a_server_without_tls_is_none_with_it() {
    let server = server();
    let e = open(&server, "?tls=true").await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up() {
    for (line, kind) in [(Line::Silent, ErrorKind::Timeout), (Line::Reset, ErrorKind::Unavailable)] {
        let server = server();
        server.on_connection(.., line);
        let e = open(&server, "?timeout=1").await.unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
    }
}

/// A TLS server that answers all with the limits of a server, and its certificate.
fn tls_server() -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], made.signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, client);
            let body = r#"{"max_batch_size": 100}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            if matches!(stream.read(&mut [0; 4_096]), Ok(n) if n > 0) {
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (address, pem)
}

#[tokio::test]
async fn a_certificate_is_trusted_just_where_it_is_named() {
    let (address, pem) = tls_server();
    let file = std::env::temp_dir().join(format!("portolan-chroma-{}.pem", std::process::id()));
    std::fs::write(&file, pem).unwrap();
    let port = address.port();
    let trusted = format!("chroma://localhost:{port}?tls=true&tls_ca={}", file.display());
    portolan_chroma::open(trusted.parse().unwrap()).await.unwrap();
    let e = portolan_chroma::open(format!("chroma://localhost:{port}?tls=true").parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unavailable, "{e}");
    assert!(e.message().to_lowercase().contains("certificate"), "{e}");
    let other = format!("chroma://127.0.0.1:{port}?tls=true&tls_ca={}", file.display());
    assert!(
        portolan_chroma::open(other.parse().unwrap()).await.is_err(),
        "the certificate is for another name"
    );
    std::fs::write(&file, "no certificate").unwrap();
    let e = portolan_chroma::open(trusted.parse().unwrap()).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{e}");
    std::fs::remove_file(&file).unwrap();
    let e = portolan_chroma::open(trusted.parse().unwrap()).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{e}");
}
