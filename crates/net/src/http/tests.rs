use portolan_testkit::wire::{Answer, Authority, Fault, Faulty, Line, TlsFront};
use serde_json::json;

use super::*;
use crate::secret::Secret;
use crate::testing::{SERVER, encrypted, plain};

const SPECIAL: Kinds<u16> = &[(400, "dimension", ErrorKind::DimensionMismatch)];

fn client(server: &Faulty) -> Client {
    let headers = vec![("authorization", Secret::from("s3cret").bearer())];
    Client::new(&plain(server), SPECIAL, &headers).unwrap()
}

/// What a body sent to a server that does this comes to.
async fn post(fault: impl Into<Fault>) -> Result<Value, WriteError> {
    let server = Faulty::start().unwrap();
    server.on(.., |_| true, fault);
    client(&server).post("/things", &json!({"a": 1})).await
}

#[tokio::test]
async fn requests_say_who_asks_and_answers_are_read() {
    let server = Faulty::start().unwrap();
    server.on(.., |request| request.method == "DELETE", Answer::status(204));
    server.on(.., |_| true, Answer::status(200).json(&json!([1])));
    let client = client(&server);
    assert_eq!(server.connections(), 0, "made without sending anything");
    assert_eq!(client.get::<Vec<u32>>("/things?x=1").await.unwrap(), [1]);
    client.delete::<()>("/things").await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.path, "/things?x=1");
    assert_eq!(seen.headers["authorization"], "Bearer s3cret");
    assert!(seen.headers["user-agent"].to_str().unwrap().starts_with("portolan/"));
    assert!(!format!("{client:?}").contains("s3cret"), "{client:?}");
}

/// Status, body, kind, whether a request is in doubt, whether it may be repeated.
const ANSWERS: [(u16, &str, ErrorKind, bool, bool); 24] = [
    (301, "", ErrorKind::Unexpected, false, false),
    (400, r#"{"message": "bad"}"#, ErrorKind::InvalidArgument, false, false),
    (400, r#"{"message": "bad dimension"}"#, ErrorKind::DimensionMismatch, false, false),
    (401, "", ErrorKind::Unauthenticated, false, false),
    (402, "", ErrorKind::QuotaExceeded, false, false),
    (403, "", ErrorKind::PermissionDenied, false, false),
    (404, "", ErrorKind::NotFound, false, false),
    (405, "", ErrorKind::Unsupported, false, false),
    (408, "", ErrorKind::Timeout, false, true),
    (409, "", ErrorKind::AlreadyExists, false, false),
    (413, "", ErrorKind::PayloadTooLarge, false, false),
    (418, "", ErrorKind::Unexpected, false, false),
    (422, "", ErrorKind::InvalidArgument, false, false),
    (429, "", ErrorKind::RateLimited, false, true),
    (431, "", ErrorKind::PayloadTooLarge, false, false),
    (500, "bad dimension", ErrorKind::Unavailable, true, true),
    (501, "", ErrorKind::Unsupported, true, false),
    (502, "", ErrorKind::Unavailable, true, true),
    (503, "", ErrorKind::Unavailable, true, true),
    (504, "", ErrorKind::Timeout, true, true),
    (507, "", ErrorKind::QuotaExceeded, true, false),
    (599, "", ErrorKind::Unavailable, true, true),
    (200, "<html>", ErrorKind::Unexpected, true, false),
    (200, "", ErrorKind::Unexpected, true, false),
];

#[tokio::test]
async fn each_answer_has_its_kind() {
    for (status, body, kind, in_doubt, retryable) in ANSWERS {
        let server = Faulty::start().unwrap();
        server.on(.., |_| true, Answer::status(status).body(body));
        let failed = client(&server).post::<Vec<u32>>("/", &json!(1)).await.unwrap_err();
        let got = (failed.error().kind(), failed.is_in_doubt(), failed.error().is_retryable());
        assert_eq!(got, (kind, in_doubt, retryable), "{status} {body}");
        assert_eq!(failed.error().context(), [("server", server.address().to_string())]);
    }
}

#[test]
fn the_servers_own_words_are_found_and_cut() {
    for (body, expected) in [
        (r#"{"error": "NotFoundError", "message": "no x"}"#, "no x"),
        (r#"{"error": {"code": 3, "message": "no x"}}"#, "no x"),
        (r#"{"error": [{"message": "no x"}]}"#, "no x"),
        (r#"{"error": "no x"}"#, "no x"),
        (r#"{"detail": "no x"}"#, "no x"),
        (r#"{"other": 1}"#, r#"{"other": 1}"#),
        (" no x\n", "no x"),
        ("", ""),
    ] {
        assert_eq!(words(body.as_bytes()), expected, "{body}");
    }
    assert_eq!(words("ü".repeat(1_000).as_bytes()).chars().count(), 300);
}

#[tokio::test]
async fn an_overloaded_server_says_when_to_come_back() {
    for (header, after) in [("7", Some(7)), ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)), ("soon", None)] {
        let failed = post(Answer::status(429).header("retry-after", header)).await.unwrap_err();
        assert_eq!(failed.error().retry_after(), after.map(Duration::from_secs), "{header}");
    }
}

#[tokio::test]
async fn a_request_without_an_answer_is_in_doubt() {
    for fault in
        [Fault::Gone, Fault::Reset, Fault::rubbish(), Fault::Partway(Answer::status(200).body("[1, 2, 3]"))]
    {
        let what = format!("{fault:?}");
        let failed = post(fault).await.unwrap_err();
        assert_eq!(
            (failed.error().kind(), failed.is_in_doubt()),
            (ErrorKind::Unavailable, true),
            "{what}: {failed:?}"
        );
        assert!(!failed.error().message().contains("/things"), "{failed:?}");
    }
}

#[tokio::test]
async fn a_request_without_a_connection_was_not_sent() {
    let server = Faulty::start().unwrap();
    let client = client(&server);
    server.down().await.unwrap();
    let failed = client.post::<Value>("/", &json!(1)).await.unwrap_err();
    assert_eq!((failed.error().kind(), failed.is_in_doubt()), (ErrorKind::Unavailable, false), "{failed:?}");
    assert!(
        failed.error().message().contains("refused") && failed.error().message().contains("7000"),
        "{failed:?}"
    );
    server.up().await.unwrap();
    server.on(.., |_| true, Answer::status(200).json(&json!(1)));
    assert_eq!(client.get::<u32>("/").await.unwrap(), 1);
}

/// A client that trusts an authority, of a server at `localhost`.
fn tls_client(port: u16, authority: &Authority) -> Client {
    Client::new(&encrypted(port, authority), &[], &Headers::new()).unwrap()
}

#[tokio::test]
async fn a_certificate_is_trusted_where_its_authority_is_named() {
    let server = Faulty::start().unwrap();
    server.on(.., |_| true, Answer::status(200).json(&json!(1)));
    let (own, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let front = TlsFront::before(server.address(), &own).unwrap();
    let client = tls_client(front.address().port(), &own);
    client.post::<Value>("/", &json!(1)).await.unwrap();
    let client = tls_client(front.address().port(), &other);
    let failed = client.post::<Value>("/", &json!(1)).await.unwrap_err();
    assert!(!failed.error().is_retryable() && !failed.is_in_doubt(), "{failed:?}");
    assert!(failed.error().message().contains("certificate"), "{failed:?}");
}

#[tokio::test]
async fn a_silent_server_under_tls_is_given_up_while_connecting() {
    let server = Faulty::start().unwrap();
    server.on_connection(.., Line::Silent);
    let authority = Authority::new().unwrap();
    let client = tls_client(server.address().port(), &authority);
    let failed = client.post::<Value>("/", &json!(1)).await.unwrap_err();
    assert_eq!((failed.error().kind(), failed.is_in_doubt()), (ErrorKind::Timeout, false), "{failed:?}");
}

#[test]
fn names_stay_in_their_segment() {
    for (name, expected) in
        [("a-b_1", "a-b_1"), ("../..", "%2E%2E%2F%2E%2E"), ("a/b?x=1#y", "a%2Fb%3Fx%3D1%23y")]
    {
        assert_eq!(segment(name).as_deref(), Some(expected));
    }
    assert_eq!((segment("."), segment("..")), (None, None));
}

#[test]
fn a_header_that_cannot_be_sent_is_refused_unseen() {
    let endpoint = Endpoint::new(&SERVER, "h");
    let e = Client::new(&endpoint, &[], &vec![("x-token", "s3cret\n".into())]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    assert!(e.message().contains("x-token") && !format!("{e:?}").contains("s3cret"), "{e:?}");
}
