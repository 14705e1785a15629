//! What the server answers when it refuses or fails, and what the user is told of it.

use std::error::Error as StdError;
use std::io;

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind};
use tonic::Code;

use crate::proto::common;

/// Whether the server says that there is no index.
pub(crate) fn is_no_index(error: &WriteError) -> bool {
    let mut context = error.error().context().iter();
    context.any(|(key, code)| *key == "code" && (code == "700" || code == "25" || code == "11"))
}

/// Whether there are fewer query nodes than replicas asked for.
pub(crate) fn is_about_replicas(error: &WriteError) -> bool {
    let text = error.error().message();
    text.contains("nodes not enough") || text.contains("not enough nodes")
}

/// Whether the collection must be loaded, or is being loaded.
pub(crate) fn is_not_loaded(error: &WriteError) -> bool {
    error.error().kind() == ErrorKind::NotReady
}

/// The server's codes since 2.3, from one to another, and what they mean here.
const CODES: &[(i32, i32, ErrorKind)] = &[
    (1, 1, ErrorKind::NotReady),
    (2, 2, ErrorKind::Unavailable),
    (3, 3, ErrorKind::QuotaExceeded),
    (4, 4, ErrorKind::RateLimited),
    (5, 6, ErrorKind::Unexpected),
    (7, 7, ErrorKind::QuotaExceeded),
    (8, 8, ErrorKind::RateLimited),
    (9, 9, ErrorKind::QuotaExceeded),
    (10, 10, ErrorKind::Unavailable),
    (11, 11, ErrorKind::Unsupported),
    (100, 100, ErrorKind::NotFound),
    (101, 101, ErrorKind::NotReady),
    (102, 102, ErrorKind::QuotaExceeded),
    (103, 103, ErrorKind::NotReady),
    (104, 104, ErrorKind::InvalidArgument),
    (105, 107, ErrorKind::NotReady),
    (200, 202, ErrorKind::NotReady),
    (300, 302, ErrorKind::QuotaExceeded),
    (400, 404, ErrorKind::NotReady),
    (500, 503, ErrorKind::NotReady),
    (600, 605, ErrorKind::NotReady),
    (700, 700, ErrorKind::NotReady),
    (701, 701, ErrorKind::Unsupported),
    (800, 800, ErrorKind::InvalidArgument),
    (801, 801, ErrorKind::QuotaExceeded),
    (802, 802, ErrorKind::InvalidArgument),
    (900, 905, ErrorKind::Unavailable),
    (1_000, 1_001, ErrorKind::Unavailable),
    (1_100, 1_101, ErrorKind::InvalidArgument),
    (1_300, 1_302, ErrorKind::Unavailable),
    (1_400, 1_400, ErrorKind::Unauthenticated),
    (1_401, 1_401, ErrorKind::PermissionDenied),
    (1_700, 1_702, ErrorKind::InvalidArgument),
    (1_800, 1_804, ErrorKind::InvalidArgument),
    (2_100, 2_200, ErrorKind::InvalidArgument),
];

/// Words of errors whose code says nothing, in lower case.
const WORDS: &[(&str, ErrorKind)] = &[
    ("divide the dim", ErrorKind::DimensionMismatch),
    ("not equal to schema dim", ErrorKind::DimensionMismatch),
    ("dimension", ErrorKind::DimensionMismatch),
    ("expected dim", ErrorKind::DimensionMismatch),
    ("could not be broadcast", ErrorKind::DimensionMismatch),
    ("get_sizeof", ErrorKind::DimensionMismatch),
    ("not aligned", ErrorKind::DimensionMismatch),
    ("already exist", ErrorKind::AlreadyExists),
    ("file exists", ErrorKind::AlreadyExists),
    ("duplicate collection", ErrorKind::AlreadyExists),
    ("not loaded", ErrorKind::NotReady),
    ("not fully loaded", ErrorKind::NotReady),
    ("channel not available", ErrorKind::NotReady),
    ("no available shard", ErrorKind::NotReady),
    ("nodes not enough", ErrorKind::InvalidArgument),
    ("not enough nodes", ErrorKind::InvalidArgument),
    ("rate limit", ErrorKind::RateLimited),
    ("ratelimit", ErrorKind::RateLimited),
    ("quota", ErrorKind::QuotaExceeded),
    ("cannot parse expression", ErrorKind::InvalidArgument),
    ("exceeds the maximum", ErrorKind::PayloadTooLarge),
    ("exceeds max length", ErrorKind::PayloadTooLarge),
    ("too large", ErrorKind::PayloadTooLarge),
    ("auth check failure", ErrorKind::Unauthenticated),
    ("permission deny", ErrorKind::PermissionDenied),
    ("does not exist", ErrorKind::NotFound),
];

/// The error in a reply's status, if it is one. Either code may be set, or only the older one.
pub(crate) fn check(status: Option<&common::Status>) -> Result<(), WriteError> {
    let Some(status) = status else {
        let error = Error::new(ErrorKind::Unexpected, "the server's reply has no status");
        return Err(WriteError::InDoubt(error));
    };
    #[allow(deprecated)]
    let legacy = status.error_code;
    if status.code == 0 && legacy == 0 {
        return Ok(());
    }
    let kind = kind_of(status.code, legacy, &status.reason);
    let code = if status.code == 0 { legacy } else { status.code };
    let message = format!("{}; {}", reason(&status.reason), advice(kind));
    let error = Error::new(kind, message).with_context("code", code.to_string());
    let error = if status.retriable { error.with_retryable(true) } else { error };
    Err(WriteError::new(error, leaves_doubt(kind)))
}

/// A call that ended without a reply.
pub(crate) fn transport(place: &str, status: tonic::Status) -> WriteError {
    let refused = io_kind(&status) == Some(io::ErrorKind::ConnectionRefused) || never_connected(&status);
    let text = status.message().to_lowercase();
    let kind = match status.code() {
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::PermissionDenied,
        Code::DeadlineExceeded => ErrorKind::Timeout,
        Code::Cancelled if text.contains("timeout") => ErrorKind::Timeout,
        Code::ResourceExhausted if text.contains("larger than max") => ErrorKind::PayloadTooLarge,
        Code::ResourceExhausted => ErrorKind::RateLimited,
        Code::OutOfRange if text.contains("too large") => ErrorKind::PayloadTooLarge,
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::NotFound | Code::InvalidArgument | Code::FailedPrecondition => ErrorKind::InvalidArgument,
        Code::Unavailable | Code::Cancelled | Code::Aborted => ErrorKind::Unavailable,
        _ if io_kind(&status).is_some() => ErrorKind::Unavailable,
        _ if text.contains("auth check failure") => ErrorKind::Unauthenticated,
        _ => ErrorKind::Unexpected,
    };
    let retry_after = status.metadata().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
    let what = if refused { "no connection to the server" } else { reason(status.message()) };
    let error = Error::new(kind, format!("{place}: {what}; {}", advice(kind)))
        .with_context("grpc", status.code().to_string());
    let error = match retry_after {
        Some(seconds) => error.with_retry_after(std::time::Duration::from_secs(seconds)),
        None => error,
    };
    WriteError::new(error.with_source(status), !refused && leaves_doubt(kind))
}

/// A reply that does not hold what it must.
pub(crate) fn rubbish(what: &str) -> Error {
    Error::new(ErrorKind::Unexpected, format!("the server's reply {what}; is it a Milvus server?"))
}

fn leaves_doubt(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unexpected | ErrorKind::Unavailable | ErrorKind::Timeout)
}

fn kind_of(code: i32, legacy: i32, reason: &str) -> ErrorKind {
    let text = reason.to_lowercase();
    let words = || WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, kind)| *kind);
    let said = CODES.iter().find(|(from, to, _)| (*from..=*to).contains(&code)).map(|(_, _, kind)| *kind);
    // Milvus Lite and older servers put different things under code 1 and under the numbers of the older enum.
    match (code, legacy) {
        (0 | 1 | 65_535, 4 | 28) => ErrorKind::NotFound,
        (0 | 1 | 65_535, 3) => ErrorKind::PermissionDenied,
        (0 | 1 | 65_535, 49) => ErrorKind::RateLimited,
        (0 | 1 | 65_535, 48 | 53 | 54) => ErrorKind::QuotaExceeded,
        (0 | 1 | 65_535, 7) => ErrorKind::DimensionMismatch,
        (0 | 1 | 65_535, 56) => ErrorKind::NotReady,
        (0 | 1 | 5 | 65_535, _) => words().unwrap_or(ErrorKind::Unexpected),
        (6 | 1_100 | 1_101, _) => match words() {
            Some(
                kind @ (ErrorKind::DimensionMismatch | ErrorKind::PayloadTooLarge | ErrorKind::AlreadyExists),
            ) => kind,
            _ => ErrorKind::InvalidArgument,
        },
        _ => said.or_else(words).unwrap_or(ErrorKind::Unexpected),
    }
}

/// The first line of what the server says, without end.
fn reason(text: &str) -> &str {
    let text = text.trim();
    if text.is_empty() { "the server gave no reason" } else { text }
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "list the indexes, or create it first",
        ErrorKind::AlreadyExists => "use ensure_index, or another name",
        ErrorKind::DimensionMismatch => "use vectors of the index's dimension",
        ErrorKind::InvalidArgument => "the server refuses the request as it is",
        ErrorKind::Unauthenticated => "check user and password, or the token",
        ErrorKind::PermissionDenied => "ask for the privilege, or use another user",
        ErrorKind::RateLimited => "slow down and try again",
        ErrorKind::QuotaExceeded => "free some room, or raise the server's quota",
        ErrorKind::PayloadTooLarge => "send less at once",
        ErrorKind::NotReady => "the collection is not loaded yet; try again",
        ErrorKind::Unavailable => "is the server up, and is this its address?",
        ErrorKind::Timeout => "allow more time, or see why the server is slow",
        ErrorKind::Unsupported => "this server cannot do that",
        _ => "the server failed; see its log",
    }
}

/// The I/O error below a status, if there is one.
fn io_kind(status: &tonic::Status) -> Option<io::ErrorKind> {
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        source = error.source();
    }
    None
}

/// Whether the request was never sent, for want of a connection.
fn never_connected(status: &tonic::Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        let text = error.to_string();
        if text.contains("connect error") || text.contains("dns error") {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(code: i32, legacy: i32, reason: &str) -> WriteError {
        #[allow(deprecated)]
        let status = common::Status { code, error_code: legacy, reason: reason.into(), ..Default::default() };
        check(Some(&status)).unwrap_err()
    }

    #[test]
    fn each_code_of_a_reply_has_its_kind() {
        for (code, legacy, reason, kind) in [
            (100, 4, "collection not found[collection=a]", ErrorKind::NotFound),
            (0, 4, "can't find collection: a", ErrorKind::NotFound),
            (101, 1, "collection not loaded[collection=1]", ErrorKind::NotReady),
            (503, 1, "channel not available", ErrorKind::NotReady),
            (1, 1, "collection 'a' already exists", ErrorKind::AlreadyExists),
            (1, 0, "collection 'a' does not exist", ErrorKind::NotFound),
            (65_535, 1, "create duplicate collection with different parameters", ErrorKind::AlreadyExists),
            (
                1,
                1,
                "operands could not be broadcast together with shapes (1,1,3) (1,5,2)",
                ErrorKind::DimensionMismatch,
            ),
            (6, 6, "vector field 'vector' expected dim 2, got 3", ErrorKind::DimensionMismatch),
            (6, 6, "unexpected end of expression", ErrorKind::InvalidArgument),
            (65_535, 1, "the length(3) of float data should divide the dim(2)", ErrorKind::DimensionMismatch),
            (1_100, 5, "invalid parameter", ErrorKind::InvalidArgument),
            (8, 49, "request is rejected by grpc RateLimiter", ErrorKind::RateLimited),
            (9, 48, "quota exceeded", ErrorKind::QuotaExceeded),
            (1_400, 0, "not authenticated", ErrorKind::Unauthenticated),
            (1_401, 3, "privilege not permitted", ErrorKind::PermissionDenied),
            (700, 25, "index not found", ErrorKind::NotReady),
            (65_535, 1, "something new", ErrorKind::Unexpected),
        ] {
            let failed = body(code, legacy, reason);
            assert_eq!(failed.error().kind(), kind, "{code} {legacy} {reason}");
            assert!(failed.error().message().starts_with(reason), "{}", failed.error());
            assert_eq!(failed.is_in_doubt(), kind == ErrorKind::Unexpected, "{reason}");
        }
    }

    #[test]
    fn each_status_of_the_transport_has_its_kind() {
        for (code, text, kind, in_doubt) in [
            (Code::Unavailable, "broken pipe", ErrorKind::Unavailable, true),
            (Code::DeadlineExceeded, "late", ErrorKind::Timeout, true),
            (Code::Cancelled, "Timeout expired", ErrorKind::Timeout, true),
            (Code::Unauthenticated, "auth check failure", ErrorKind::Unauthenticated, false),
            (Code::PermissionDenied, "no", ErrorKind::PermissionDenied, false),
            (Code::ResourceExhausted, "received message larger than max", ErrorKind::PayloadTooLarge, false),
            (Code::ResourceExhausted, "busy", ErrorKind::RateLimited, false),
            (Code::Unimplemented, "unknown method", ErrorKind::Unsupported, false),
            (Code::Internal, "panic", ErrorKind::Unexpected, true),
        ] {
            let failed = transport("here:1", tonic::Status::new(code, text));
            assert_eq!((failed.error().kind(), failed.is_in_doubt()), (kind, in_doubt), "{code:?} {text}");
            assert!(failed.error().message().starts_with("here:1"), "{}", failed.error());
        }
    }

    #[test]
    fn an_overloaded_server_says_when_to_come_again() {
        let mut status = tonic::Status::new(Code::ResourceExhausted, "busy");
        status.metadata_mut().insert("retry-after", "7".parse().unwrap());
        let failed = transport("here:1", status);
        assert_eq!(failed.error().retry_after(), Some(std::time::Duration::from_secs(7)));
    }

    #[test]
    fn what_could_not_connect_was_not_sent() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let mut status = tonic::Status::new(Code::Unavailable, "tcp connect error");
        status.set_source(std::sync::Arc::new(refused));
        let failed = transport("here:1", status);
        assert_eq!(failed.error().kind(), ErrorKind::Unavailable);
        assert!(!failed.is_in_doubt());
    }
}
