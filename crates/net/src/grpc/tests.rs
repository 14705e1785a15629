use portolan_testkit::wire::{Answer, Authority, Fault, Faulty, Line, TlsFront};
use tonic_prost::ProstCodec;

use super::*;
use crate::testing::{SERVER, encrypted, plain};

const SPECIAL: Kinds<Code> = &[(Code::InvalidArgument, "dimension", ErrorKind::DimensionMismatch)];

fn client(server: &Faulty) -> Client {
    Client::new(&plain(server), SPECIAL, &vec![("api-key", "s3cret".into())]).unwrap()
}

/// A call with an empty message, as generated code makes it.
async fn call(client: &Client) -> Result<(), WriteError> {
    let unary = async {
        let mut grpc = tonic::client::Grpc::new(client.service());
        grpc.ready().await.map_err(|e| Status::unknown(e.to_string()))?;
        let path = "/example.Service/Method".parse().unwrap();
        grpc.unary(Request::new(()), path, ProstCodec::<(), ()>::default()).await
    };
    client.call(unary).await
}

/// What a call to a server that does this comes to.
async fn failed(fault: impl Into<Fault>) -> WriteError {
    let server = Faulty::start().unwrap();
    server.on(.., |_| true, fault);
    call(&client(&server)).await.unwrap_err()
}

#[tokio::test]
async fn calls_say_who_asks() {
    let server = Faulty::start().unwrap();
    server.on(.., |_| true, Answer::grpc_message(b""));
    let client = client(&server);
    assert_eq!(server.connections(), 0, "made without sending anything");
    call(&client).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(
        (seen.path.as_str(), &seen.headers["api-key"]),
        ("/example.Service/Method", &"s3cret".parse().unwrap())
    );
    assert!(seen.headers["user-agent"].to_str().unwrap().starts_with("portolan/"));
    assert!(!format!("{client:?}").contains("s3cret"), "{client:?}");
}

/// Code, words, kind, whether a call is in doubt, whether it may be repeated.
const ANSWERS: [(Code, &str, ErrorKind, bool, bool); 20] = [
    (Code::Cancelled, "", ErrorKind::Unavailable, true, true),
    (Code::Unknown, "odd", ErrorKind::Unexpected, true, false),
    (Code::InvalidArgument, "bad", ErrorKind::InvalidArgument, false, false),
    (Code::InvalidArgument, "bad dimension", ErrorKind::DimensionMismatch, false, false),
    (Code::DeadlineExceeded, "", ErrorKind::Timeout, true, true),
    (Code::NotFound, "", ErrorKind::NotFound, false, false),
    (Code::AlreadyExists, "", ErrorKind::AlreadyExists, false, false),
    (Code::PermissionDenied, "", ErrorKind::PermissionDenied, false, false),
    (Code::ResourceExhausted, "", ErrorKind::RateLimited, false, true),
    (Code::ResourceExhausted, "message larger than max", ErrorKind::PayloadTooLarge, false, false),
    (Code::FailedPrecondition, "", ErrorKind::NotReady, false, true),
    (Code::Aborted, "", ErrorKind::Unavailable, true, true),
    (Code::OutOfRange, "", ErrorKind::InvalidArgument, false, false),
    (Code::OutOfRange, "message length too large", ErrorKind::PayloadTooLarge, false, false),
    (Code::Unimplemented, "", ErrorKind::Unsupported, false, false),
    (Code::Internal, "oops", ErrorKind::Unexpected, true, false),
    (Code::Unavailable, "node down", ErrorKind::Unavailable, true, true),
    (Code::DataLoss, "", ErrorKind::Corrupt, true, false),
    (Code::Unauthenticated, "", ErrorKind::Unauthenticated, false, false),
    (Code::Unauthenticated, "bad dimension", ErrorKind::Unauthenticated, false, false),
];

#[tokio::test]
async fn each_answer_has_its_kind() {
    for (code, words, kind, in_doubt, retryable) in ANSWERS {
        let failed = failed(Answer::grpc(code as u32, words)).await;
        let got = (failed.error().kind(), failed.is_in_doubt(), failed.error().is_retryable());
        assert_eq!(got, (kind, in_doubt, retryable), "{code:?} {words}");
        assert!(failed.error().message().contains(words), "{failed:?}");
        assert!(failed.error().context().contains(&("grpc", format!("{code:?}"))), "{failed:?}");
    }
}

#[tokio::test]
async fn an_overloaded_server_says_when_to_come_back() {
    for (name, value, after) in [
        ("retry-after", "7", Some(7_000)),
        ("grpc-retry-pushback-ms", "1500", Some(1_500)),
        ("retry-after", "soon", None),
    ] {
        let failed = failed(Answer::grpc(8, "busy").trailer(name, value)).await;
        assert_eq!(failed.error().retry_after(), after.map(Duration::from_millis), "{name}: {value}");
    }
}

#[tokio::test]
async fn a_call_without_an_answer_is_in_doubt() {
    for fault in [
        Fault::Gone,
        Fault::Reset,
        Fault::rubbish(),
        Fault::Partway(Answer::grpc_message(b"")),
        Answer::status(503).into(),
    ] {
        let what = format!("{fault:?}");
        let failed = failed(fault).await;
        assert_eq!(
            (failed.error().kind(), failed.is_in_doubt()),
            (ErrorKind::Unavailable, true),
            "{what}: {failed:?}"
        );
    }
}

#[tokio::test]
async fn what_does_not_speak_grpc_is_told_with_the_port() {
    for fault in [Fault::rubbish(), Answer::status(404).into(), Answer::status(200).body("hello").into()] {
        let what = format!("{fault:?}");
        let failed = failed(fault).await;
        assert!(failed.error().message().contains("7000 by default"), "{what}: {failed:?}");
    }
}

#[tokio::test]
async fn a_call_without_a_connection_was_not_sent() {
    let server = Faulty::start().unwrap();
    let client = client(&server);
    server.down().await.unwrap();
    let failed = call(&client).await.unwrap_err();
    assert_eq!((failed.error().kind(), failed.is_in_doubt()), (ErrorKind::Unavailable, false), "{failed:?}");
    assert!(
        failed.error().message().contains("refused") && failed.error().message().contains("7000"),
        "{failed:?}"
    );
    server.up().await.unwrap();
    server.on(.., |_| true, Answer::grpc_message(b""));
    call(&client).await.unwrap();
}

/// A client that trusts an authority, of a server at `localhost`.
fn tls_client(port: u16, authority: &Authority) -> Client {
    Client::new(&encrypted(port, authority), &[], &Headers::new()).unwrap()
}

#[tokio::test]
async fn a_certificate_is_trusted_where_its_authority_is_named() {
    let server = Faulty::start().unwrap();
    server.on(.., |_| true, Answer::grpc_message(b""));
    let (own, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let front = TlsFront::before(server.address(), &own).unwrap();
    let client = tls_client(front.address().port(), &own);
    call(&client).await.unwrap();
    let client = tls_client(front.address().port(), &other);
    let failed = call(&client).await.unwrap_err();
    assert!(!failed.error().is_retryable() && !failed.is_in_doubt(), "{failed:?}");
    assert!(failed.error().message().contains("certificate"), "{failed:?}");
}

#[tokio::test]
async fn a_silent_server_under_tls_is_given_up_while_connecting() {
    let server = Faulty::start().unwrap();
    server.on_connection(.., Line::Silent);
    let authority = Authority::new().unwrap();
    let client = tls_client(server.address().port(), &authority);
    let failed = call(&client).await.unwrap_err();
    assert_eq!((failed.error().kind(), failed.is_in_doubt()), (ErrorKind::Timeout, false), "{failed:?}");
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_refused_unseen() {
    let endpoint = Endpoint::new(&SERVER, "h");
    let e = Client::new(&endpoint, &[], &vec![("api-key", "s3cret\n".into())]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    assert!(e.message().contains("api-key") && !format!("{e:?}").contains("s3cret"), "{e:?}");
}
