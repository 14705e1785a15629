use super::*;
use crate::server::Server;

const SERVER: Server = Server::new("Example", "example://localhost:7000", 7_000)
    .advice(&[(ErrorKind::Unauthenticated, "give a token (token=env:NAME)")]);

fn endpoint() -> Endpoint {
    Endpoint::new(&SERVER, "h")
}

fn io(kind: io::ErrorKind) -> io::Error {
    kind.into()
}

#[test]
fn what_found_no_connection_was_not_sent() {
    for (cause, kind, retryable, part) in [
        (
            io(io::ErrorKind::ConnectionRefused),
            ErrorKind::Unavailable,
            true,
            "connection refused; is it running",
        ),
        (io(io::ErrorKind::TimedOut), ErrorKind::Timeout, true, "timed out; is it running"),
        (io::Error::other("no such host"), ErrorKind::Unavailable, true, "no such host; is it running"),
        (
            io::Error::other(rustls::Error::DecryptError),
            ErrorKind::Unavailable,
            false,
            "check tls and tls_ca",
        ),
    ] {
        let failed = endpoint().not_sent(cause);
        let error = failed.error();
        assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{failed:?}");
        assert!(!failed.is_in_doubt() && error.message().contains(part), "{failed:?}");
        assert_eq!(error.context(), [("server", "h:7000".to_owned())]);
    }
}

#[test]
fn what_was_lost_is_in_doubt() {
    let failed = endpoint().lost(io(io::ErrorKind::ConnectionReset));
    assert_eq!((failed.error().kind(), failed.is_in_doubt()), (ErrorKind::Unavailable, true));
    assert!(
        failed.error().is_retryable() && failed.error().message().contains("connection reset"),
        "{failed:?}"
    );
    let failed = endpoint().rubbish("has no status");
    assert_eq!((failed.error().kind(), failed.is_in_doubt()), (ErrorKind::Unexpected, true));
    assert_eq!(failed.error().context(), [("server", "h:7000".to_owned())]);
}

#[test]
fn what_the_server_tells_comes_with_advice() {
    for (kind, expected) in [
        (ErrorKind::Unauthenticated, "Example answers: no; give a token (token=env:NAME)"),
        (ErrorKind::PayloadTooLarge, "Example answers: no; send less at once"),
        (ErrorKind::NotFound, "Example answers: no"),
    ] {
        assert_eq!(endpoint().answered(kind, "no").message(), expected);
    }
}
