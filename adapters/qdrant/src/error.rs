//! What Qdrant answers, in the port's kinds.

use std::time::Duration;

use portolan_core::{Error, ErrorKind};
use tonic::{Code, Status};

use crate::client::was_not_sent;

/// A code, a part of the server's words or none, and what both mean. The first that fits counts.
const KINDS: &[(Code, &str, ErrorKind)] = &[
    (Code::NotFound, "", ErrorKind::NotFound),
    (Code::AlreadyExists, "", ErrorKind::AlreadyExists),
    (Code::InvalidArgument, "Vector dimension error", ErrorKind::DimensionMismatch),
    (Code::InvalidArgument, "already exists", ErrorKind::AlreadyExists),
    // A name that no collection can have.
    (Code::InvalidArgument, "[collection_name: ", ErrorKind::NotFound),
    (Code::InvalidArgument, "", ErrorKind::InvalidArgument),
    (Code::OutOfRange, "", ErrorKind::PayloadTooLarge),
    (Code::Unauthenticated, "", ErrorKind::Unauthenticated),
    (Code::PermissionDenied, "Invalid API key", ErrorKind::Unauthenticated),
    (Code::PermissionDenied, "", ErrorKind::PermissionDenied),
    (Code::ResourceExhausted, "", ErrorKind::RateLimited),
    (Code::FailedPrecondition, "", ErrorKind::NotReady),
    (Code::DeadlineExceeded, "", ErrorKind::Timeout),
    (Code::Unavailable, "", ErrorKind::Unavailable),
    (Code::Cancelled, "", ErrorKind::Unavailable),
    (Code::Aborted, "", ErrorKind::Unavailable),
    (Code::Unknown, "transport error", ErrorKind::Unavailable),
    (Code::Unknown, "h2 protocol error", ErrorKind::Unavailable),
    (Code::Internal, "h2 protocol error", ErrorKind::Unavailable),
    (Code::Internal, "Unexpected EOF", ErrorKind::Unavailable),
    (Code::Unimplemented, "", ErrorKind::Unsupported),
    (Code::DataLoss, "", ErrorKind::Corrupt),
];

/// Words of the client about an answer that is none of gRPC.
const NO_GRPC: [&str; 2] = ["protocol error", "grpc-status header missing"];

/// The port's error for an answer.
pub(crate) fn of(status: &Status) -> Error {
    let kind = kind(status);
    let mut error = Error::new(kind, message(status))
        .with_context("grpc", format!("{:?}", status.code()))
        .with_source(status.clone());
    if let Some(after) = retry_after(status) {
        error = error.with_retry_after(after);
    }
    error
}

/// Whether a write that was answered so surely had no effect. A `parted` one went to several shards, each of which may
/// refuse its part while others apply theirs; what is refused before that tells for all.
pub(crate) fn had_no_effect(status: &Status, parted: bool) -> bool {
    let refused_as_a_whole = matches!(
        status.code(),
        Code::OutOfRange | Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented
    );
    let refused = matches!(
        status.code(),
        Code::NotFound
            | Code::AlreadyExists
            | Code::InvalidArgument
            | Code::ResourceExhausted
            | Code::FailedPrecondition
    );
    refused_as_a_whole || (refused && !parted) || was_not_sent(status)
}

fn kind(status: &Status) -> ErrorKind {
    KINDS
        .iter()
        .find(|(code, part, _)| *code == status.code() && status.message().contains(part))
        .map_or(ErrorKind::Unexpected, |(_, _, kind)| *kind)
}

fn message(status: &Status) -> String {
    if was_not_sent(status) {
        return format!(
            "Qdrant cannot be reached ({}); is it running, and is this its gRPC port (6334 by default)?",
            cause(status)
        );
    }
    let words = status.message();
    match status.code() {
        Code::Internal | Code::Unimplemented if NO_GRPC.iter().any(|part| words.contains(part)) => {
            format!("{words} ({}); is this Qdrant's gRPC port (6334 by default)?", cause(status))
        }
        Code::Unknown | Code::Cancelled => format!("Qdrant's answer was lost: {}", cause(status)),
        _ => format!("Qdrant answers: {words}"),
    }
}

/// The innermost cause: the one that says something.
fn cause(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut error = std::error::Error::source(status);
    while let Some(inner) = error {
        text = inner.to_string();
        error = inner.source();
    }
    text
}

fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.metadata().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_kind() {
        let rows = [
            (Code::NotFound, "Not found: Collection `x` doesn't exist!", ErrorKind::NotFound, false),
            (Code::AlreadyExists, "Collection `x` already exists!", ErrorKind::AlreadyExists, false),
            (
                Code::InvalidArgument,
                "Wrong input: Collection `x` already exists!",
                ErrorKind::AlreadyExists,
                false,
            ),
            (
                Code::InvalidArgument,
                "Wrong input: Vector dimension error: expected dim: 4, got 3",
                ErrorKind::DimensionMismatch,
                false,
            ),
            (
                Code::InvalidArgument,
                "Validation error in body: [collection_name: value \"\" invalid]",
                ErrorKind::NotFound,
                false,
            ),
            (Code::InvalidArgument, "Wrong input: something", ErrorKind::InvalidArgument, false),
            (Code::OutOfRange, "decoded message length too large", ErrorKind::PayloadTooLarge, false),
            (Code::Unauthenticated, "Must provide an API key", ErrorKind::Unauthenticated, false),
            (Code::PermissionDenied, "Invalid API key or JWT", ErrorKind::Unauthenticated, false),
            (Code::PermissionDenied, "Forbidden: read-only", ErrorKind::PermissionDenied, false),
            (Code::ResourceExhausted, "Rate limiting exceeded", ErrorKind::RateLimited, true),
            (Code::FailedPrecondition, "Locked", ErrorKind::NotReady, true),
            (Code::DeadlineExceeded, "Timeout", ErrorKind::Timeout, true),
            (Code::Unavailable, "no leader", ErrorKind::Unavailable, true),
            (Code::Unknown, "transport error", ErrorKind::Unavailable, true),
            (Code::Unknown, "h2 protocol error: error reading a body", ErrorKind::Unavailable, true),
            (Code::Internal, "h2 protocol error: http2 error", ErrorKind::Unavailable, true),
            (Code::Internal, "Unexpected EOF decoding stream.", ErrorKind::Unavailable, true),
            (Code::Internal, "Service internal error", ErrorKind::Unexpected, false),
            (Code::DataLoss, "Checksum mismatch", ErrorKind::Corrupt, false),
            (Code::Unimplemented, "", ErrorKind::Unsupported, false),
        ];
        for (code, words, kind, retryable) in rows {
            let error = of(&Status::new(code, words));
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable), "{code:?} {words:?}");
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn overload_says_how_long_to_wait() {
        let mut status = Status::resource_exhausted("Rate limiting exceeded");
        status.metadata_mut().insert("retry-after", "7".parse().unwrap());
        assert_eq!(of(&status).retry_after(), Some(Duration::from_secs(7)));
        status.metadata_mut().insert("retry-after", "soon".parse().unwrap());
        assert_eq!(of(&status).retry_after(), None);
    }

    #[test]
    fn a_lost_or_failed_write_is_in_doubt_and_a_refused_one_is_not() {
        for code in
            [Code::Unknown, Code::Internal, Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled]
        {
            assert!(!had_no_effect(&Status::new(code, ""), false), "{code:?}");
        }
        for code in [Code::InvalidArgument, Code::NotFound, Code::ResourceExhausted] {
            assert!(had_no_effect(&Status::new(code, ""), false), "{code:?}");
            assert!(!had_no_effect(&Status::new(code, ""), true), "{code:?} of one shard");
        }
        assert!(had_no_effect(&Status::new(Code::PermissionDenied, ""), true));
    }
}
