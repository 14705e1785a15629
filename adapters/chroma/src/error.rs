//! What Chroma answers when something is wrong, as errors of the port.

use std::time::Duration;

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind};
use reqwest::StatusCode;
use serde::Deserialize;

/// The most of the server's words that an error repeats, in characters.
const SHOWN: usize = 300;

/// What Chroma says: `{"error": "NotFoundError", "message": "Collection [x] does not exist"}`.
#[derive(Deserialize)]
struct Body {
    message: String,
}

/// The words of answers that their status does not tell apart.
const SAID: [(u16, &str, ErrorKind); 6] = [
    (400, "expecting embedding with dimension", ErrorKind::DimensionMismatch),
    (400, "Quota exceeded", ErrorKind::QuotaExceeded),
    (422, "Quota exceeded", ErrorKind::QuotaExceeded),
    (500, "already exists", ErrorKind::AlreadyExists),
    (500, "Error finding id", ErrorKind::Unavailable),
    (500, "too many SQL variables", ErrorKind::Unexpected),
];

/// An answer that is no success.
pub(crate) fn answered(status: StatusCode, body: &str, retry_after: Option<Duration>) -> WriteError {
    let words = serde_json::from_str::<Body>(body).map_or_else(|_| body.to_owned(), |b| b.message);
    let kind = kind(status.as_u16(), &words);
    let shown: String = words.trim().chars().take(SHOWN).collect();
    let answered = format!("the server answered {status}");
    let hint = hint(kind, status);
    let message =
        if shown.is_empty() { format!("{answered}{hint}") } else { format!("{answered}: {shown}{hint}") };
    let mut error = Error::new(kind, message);
    if let Some(after) = retry_after {
        error = error.with_retry_after(after);
    }
    // A write is logged before it is applied: one that ends with a server error may stand.
    WriteError::new(error, status.is_server_error())
}

fn kind(status: u16, words: &str) -> ErrorKind {
    let said = SAID.iter().find(|(s, part, _)| *s == status && words.contains(part));
    if let Some((_, _, kind)) = said {
        return *kind;
    }
    match status {
        400 | 422 => ErrorKind::InvalidArgument,
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        409 => ErrorKind::AlreadyExists,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        501 => ErrorKind::Unsupported,
        500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    }
}

fn hint(kind: ErrorKind, status: StatusCode) -> &'static str {
    match kind {
        ErrorKind::Unauthenticated => "; give a token (token=env:NAME) or user:password@",
        ErrorKind::Unexpected if status.is_redirection() => {
            "; is tls=true missing, or this no Chroma server?"
        }
        ErrorKind::PayloadTooLarge => "; send less at once, or raise the server's max_payload_size_bytes",
        _ => "",
    }
}

/// A request that got no answer, or one that cannot be read.
pub(crate) fn unanswered(error: reqwest::Error) -> WriteError {
    let error = error.without_url();
    let (kind, what, in_doubt) = if error.is_builder() {
        (ErrorKind::InvalidArgument, "the request cannot be built", false)
    } else if error.is_connect() && error.is_timeout() {
        (ErrorKind::Timeout, "no connection to the server in time", false)
    } else if error.is_connect() {
        (ErrorKind::Unavailable, "no connection to the server", false)
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "no answer from the server in time", true)
    } else {
        (ErrorKind::Unavailable, "the connection to the server was lost", true)
    };
    let why = causes(&error);
    WriteError::new(Error::new(kind, format!("{what}: {why}")).with_source(error), in_doubt)
}

/// A success whose body is none of Chroma's.
pub(crate) fn unreadable(error: serde_json::Error) -> WriteError {
    let message = "the server's answer cannot be read: is this a Chroma server with API v2?";
    WriteError::InDoubt(Error::new(ErrorKind::Unexpected, message).with_source(error))
}

/// The innermost cause: what says most.
fn causes(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, words, kind, whether a write is in doubt, whether the same call may be repeated.
    const TABLE: [(u16, &str, ErrorKind, bool, bool); 20] = [
        (
            400,
            r#"{"error":"InvalidArgumentError","message":"bad"}"#,
            ErrorKind::InvalidArgument,
            false,
            false,
        ),
        (
            400,
            r#"{"error":"InvalidArgumentError","message":"Collection expecting embedding with dimension of 2, got 3"}"#,
            ErrorKind::DimensionMismatch,
            false,
            false,
        ),
        (401, "", ErrorKind::Unauthenticated, false, false),
        (403, "Forbidden", ErrorKind::PermissionDenied, false, false),
        (
            404,
            r#"{"error":"NotFoundError","message":"Collection [x] does not exist"}"#,
            ErrorKind::NotFound,
            false,
            false,
        ),
        (408, "", ErrorKind::Timeout, false, true),
        (
            409,
            r#"{"error":"ChromaError","message":"Collection [x] already exists"}"#,
            ErrorKind::AlreadyExists,
            false,
            false,
        ),
        (413, "length limit exceeded", ErrorKind::PayloadTooLarge, false, false),
        (
            422,
            r#"{"error":"ChromaError","message":"Quota exceeded"}"#,
            ErrorKind::QuotaExceeded,
            false,
            false,
        ),
        (422, r#"{"error":"ChromaError","message":"no variant"}"#, ErrorKind::InvalidArgument, false, false),
        (429, "slow down", ErrorKind::RateLimited, false, true),
        (
            500,
            r#"{"error":"InternalError","message":"Error finding id"}"#,
            ErrorKind::Unavailable,
            true,
            true,
        ),
        (500, "<html>oops</html>", ErrorKind::Unavailable, true, true),
        (
            500,
            r#"{"error":"X","message":"Collection x already exists."}"#,
            ErrorKind::AlreadyExists,
            true,
            false,
        ),
        (501, "", ErrorKind::Unsupported, true, false),
        (502, "bad gateway", ErrorKind::Unavailable, true, true),
        (503, "", ErrorKind::Unavailable, true, true),
        (504, "", ErrorKind::Timeout, true, true),
        (301, "", ErrorKind::Unexpected, false, false),
        (418, "teapot", ErrorKind::Unexpected, false, false),
    ];

    #[test]
    fn each_answer_has_its_kind() {
        for (status, body, kind, in_doubt, retryable) in TABLE {
            let failed = answered(StatusCode::from_u16(status).unwrap(), body, None);
            assert_eq!(failed.error().kind(), kind, "{status} {body}");
            assert_eq!(failed.is_in_doubt(), in_doubt, "{status} {body}");
            assert_eq!(failed.error().is_retryable(), retryable, "{status} {body}");
            assert!(failed.error().message().contains(&status.to_string()), "{}", failed.error());
        }
    }

    #[test]
    fn an_overloaded_server_says_when_to_come_back() {
        let after = Duration::from_secs(7);
        let failed = answered(StatusCode::TOO_MANY_REQUESTS, "", Some(after));
        assert_eq!(failed.error().retry_after(), Some(after));
    }

    #[test]
    fn a_long_answer_is_cut() {
        let failed = answered(StatusCode::INTERNAL_SERVER_ERROR, &"x".repeat(100_000), None);
        assert!(failed.error().message().len() < 500);
    }
}
