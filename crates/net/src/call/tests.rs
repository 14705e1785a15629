use std::time::Duration;

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

fn after(millis: u64) -> Deadline {
    Some(Instant::now() + Duration::from_millis(millis))
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_is_in_doubt_and_one_that_is_late_is_not_sent() {
    let never = std::future::pending::<Result<(), CallError>>;
    let late = endpoint().within(after(300), never()).await.unwrap_err();
    assert_eq!((late.error.kind(), late.in_doubt), (ErrorKind::Timeout, true), "{late:?}");
    assert!(late.error.message().contains("no answer within 300.0ms; allow more time"), "{late:?}");

    let mut sent = false;
    let request = async {
        sent = true;
        Ok(())
    };
    let passed = endpoint().within(after(0), request).await.unwrap_err();
    assert_eq!(
        (passed.error.kind(), passed.in_doubt, sent),
        (ErrorKind::Timeout, false, false),
        "{passed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_in_time_has_its_own_answer() {
    let refused = || async { Err::<(), _>(CallError::from(Error::invalid("no"))) };
    for deadline in [None, after(300)] {
        assert_eq!(endpoint().within(deadline, async { Ok(7) }).await.unwrap(), 7);
        let own = endpoint().within(deadline, refused()).await.unwrap_err();
        assert_eq!(own.error.kind(), ErrorKind::InvalidArgument);
    }
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
            "see to tls and tls_ca",
        ),
    ] {
        let failed = endpoint().not_sent(cause);
        assert_eq!((failed.error.kind(), failed.error.is_retryable()), (kind, retryable), "{failed:?}");
        assert!(!failed.in_doubt && failed.error.message().contains(part), "{failed:?}");
        assert_eq!(failed.error.context(), [("server", "h:7000".to_owned())]);
    }
}

#[test]
fn what_was_lost_is_in_doubt() {
    let failed = endpoint().lost(io(io::ErrorKind::ConnectionReset));
    assert_eq!((failed.error.kind(), failed.in_doubt), (ErrorKind::Unavailable, true));
    assert!(failed.error.is_retryable() && failed.error.message().contains("connection reset"), "{failed:?}");
    let failed = endpoint().rubbish("has no status");
    assert_eq!((failed.error.kind(), failed.in_doubt), (ErrorKind::Unexpected, true));
    assert_eq!(failed.error.context(), [("server", "h:7000".to_owned())]);
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

#[test]
fn a_changed_error_keeps_its_doubt() {
    let failed = endpoint().lost(io(io::ErrorKind::BrokenPipe)).map(|_| Error::invalid("other"));
    assert!(failed.in_doubt);
    assert_eq!(Error::from(failed).kind(), ErrorKind::InvalidArgument);
}
