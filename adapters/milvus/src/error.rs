//! What the server answers when it refuses or fails.

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind};
use portolan_net::Endpoint;

use crate::proto::common;

/// Words of errors whose code says nothing, in lower case.
const WORDS: &[(&[&str], ErrorKind)] = &[
    (&["dimension", "divide the dim", "to schema dim", "expected dim"], ErrorKind::DimensionMismatch),
    // What Milvus Lite says of it is of NumPy and of Python.
    (&["broadcast", "get_sizeof", "not aligned"], ErrorKind::DimensionMismatch),
    (&["already exist", "file exists", "duplicate collection"], ErrorKind::AlreadyExists),
    (&["not loaded", "not fully loaded", "channel not available", "no available shard"], ErrorKind::NotReady),
    (&["nodes not enough", "not enough nodes"], ErrorKind::InvalidArgument),
    (&["rate limit", "ratelimit"], ErrorKind::RateLimited),
    (&["quota"], ErrorKind::QuotaExceeded),
    (&["cannot parse expression"], ErrorKind::InvalidArgument),
    (&["exceeds the maximum", "exceeds max length", "too large"], ErrorKind::PayloadTooLarge),
    (&["auth check failure"], ErrorKind::Unauthenticated),
    (&["permission deny"], ErrorKind::PermissionDenied),
    (&["does not exist"], ErrorKind::NotFound),
];

/// The error in a reply's status, if it is one. Either code may be set, or only the older one.
pub(crate) fn check(endpoint: &Endpoint, status: Option<&common::Status>) -> Result<(), WriteError> {
    let Some(status) = status else { return Err(endpoint.rubbish("has no status")) };
    #[allow(deprecated)]
    let legacy = status.error_code;
    if status.code == 0 && legacy == 0 {
        return Ok(());
    }
    let kind = kind_of(status.code, legacy, &status.reason);
    let code = if status.code == 0 { legacy } else { status.code };
    let words = match status.reason.trim() {
        "" => "it failed, and gives no reason",
        reason => reason,
    };
    let error = endpoint.answered(kind, words).with_context("code", code.to_string());
    let error = if status.retriable { error.with_retryable(true) } else { error };
    let in_doubt = matches!(kind, ErrorKind::Unexpected | ErrorKind::Unavailable | ErrorKind::Timeout);
    Err(WriteError::new(error, in_doubt))
}

/// A reply that does not hold what it must.
pub(crate) fn rubbish(what: &str) -> Error {
    Error::new(ErrorKind::Unexpected, format!("the server's reply {what}; is it a Milvus server?"))
}

/// Whether the server says that there is no index.
pub(crate) fn is_no_index(error: &WriteError) -> bool {
    let mut codes = error.error().context().iter().filter(|(key, _)| *key == "code");
    codes.any(|(_, code)| matches!(code.as_str(), "700" | "25" | "11"))
}

/// Whether there are fewer query nodes than replicas asked for.
pub(crate) fn is_about_replicas(error: &WriteError) -> bool {
    let text = error.error().message();
    text.contains("nodes not enough") || text.contains("not enough nodes")
}

fn kind_of(code: i32, legacy: i32, reason: &str) -> ErrorKind {
    use ErrorKind::{AlreadyExists, DimensionMismatch, InvalidArgument, PayloadTooLarge, Unexpected};
    let text = reason.to_lowercase();
    let told = |(words, _): &&(&[&str], ErrorKind)| words.iter().any(|word| text.contains(word));
    let by_words = WORDS.iter().find(told).map(|(_, kind)| *kind);
    match (code, by_words) {
        // Milvus Lite and older servers put different things under these.
        (0 | 1 | 5 | 65_535, _) => of_legacy(legacy).or(by_words).unwrap_or(Unexpected),
        (6 | 1_100 | 1_101, Some(kind @ (AlreadyExists | DimensionMismatch | PayloadTooLarge))) => kind,
        (6 | 1_100 | 1_101, _) => InvalidArgument,
        _ => of_code(code).or(by_words).unwrap_or(Unexpected),
    }
}

/// The codes of the older enum, as far as they say something.
fn of_legacy(code: i32) -> Option<ErrorKind> {
    Some(match code {
        3 => ErrorKind::PermissionDenied,
        4 | 28 => ErrorKind::NotFound,
        7 => ErrorKind::DimensionMismatch,
        48 | 53 | 54 => ErrorKind::QuotaExceeded,
        49 => ErrorKind::RateLimited,
        56 => ErrorKind::NotReady,
        _ => return None,
    })
}

/// The server's codes since 2.3.
fn of_code(code: i32) -> Option<ErrorKind> {
    Some(match code {
        101 | 103 | 105..=107 | 200..=202 | 400..=404 | 500..=503 | 600..=605 | 700 => ErrorKind::NotReady,
        2 | 10 | 900..=905 | 1_000..=1_001 | 1_300..=1_302 => ErrorKind::Unavailable,
        3 | 7 | 9 | 102 | 300..=302 | 801 => ErrorKind::QuotaExceeded,
        4 | 8 => ErrorKind::RateLimited,
        11 | 701 => ErrorKind::Unsupported,
        100 => ErrorKind::NotFound,
        104 | 800 | 802 | 1_700..=1_702 | 1_800..=1_804 | 2_100..=2_200 => ErrorKind::InvalidArgument,
        1_400 => ErrorKind::Unauthenticated,
        1_401 => ErrorKind::PermissionDenied,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SERVER;

    fn body(code: i32, legacy: i32, reason: &str) -> WriteError {
        #[allow(deprecated)]
        let status = common::Status { code, error_code: legacy, reason: reason.into(), ..Default::default() };
        check(&Endpoint::new(&SERVER, "localhost"), Some(&status)).unwrap_err()
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
            assert!(failed.error().message().contains(reason), "{}", failed.error());
            assert_eq!(failed.is_in_doubt(), kind == ErrorKind::Unexpected, "{reason}");
        }
    }
}
