//! What the database answers, and what the user is told of it.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use deadpool_postgres::{HookError, PoolError, TimeoutType};
use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind};
use portolan_net::Endpoint;
use tokio_postgres::error::DbError;

/// A statement that failed, and whether it may have had an effect.
pub(crate) fn failed(endpoint: &Endpoint, error: tokio_postgres::Error) -> WriteError {
    match error.as_db_error() {
        // A session that is ended may have been so after its commit.
        Some(db) => WriteError::new(answered(endpoint, db), db.code().code().starts_with("57P")),
        None => endpoint.lost(error),
    }
}

/// Whether the same call may well succeed when it is made again, the database having undone it.
pub(crate) fn is_conflict(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| matches!(code.code(), "40001" | "40P01"))
}

/// Why there is no connection.
pub(crate) fn unconnected(endpoint: &Endpoint, error: PoolError) -> WriteError {
    let bound = endpoint.connect_timeout;
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Error::new(
            ErrorKind::RateLimited,
            format!("all connections were busy for {bound:?}; raise pool_size or send less at once"),
        )
        .with_retry_after(Duration::from_secs(1))
        .into(),
        PoolError::Timeout(_) => {
            let late = format!("no answer within the connect_timeout of {bound:?}");
            endpoint.not_sent(io::Error::new(io::ErrorKind::TimedOut, late))
        }
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            match error.as_db_error() {
                Some(db) => answered(endpoint, db).into(),
                None if portolan_net::cause(&error) == "password missing" => {
                    let what = "a password is needed, and neither the URI nor PGPASSWORD has one";
                    endpoint.answered(ErrorKind::Unauthenticated, what).into()
                }
                None => endpoint.not_sent(error),
            }
        }
        other => endpoint.not_sent(other),
    }
}

/// A cell that does not hold what its column must.
pub(crate) fn unreadable(error: impl Display) -> Error {
    Error::new(ErrorKind::Unexpected, format!("PostgreSQL's answer could not be read: {error}"))
}

fn answered(endpoint: &Endpoint, db: &DbError) -> Error {
    let code = db.code().code();
    let kind = kind(code, db.message());
    let hint = db.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    let error = endpoint.answered(kind, &format!("{}{hint}", db.message())).with_context("sqlstate", code);
    if kind == ErrorKind::RateLimited { error.with_retry_after(Duration::from_secs(1)) } else { error }
}

fn kind(code: &str, message: &str) -> ErrorKind {
    match code {
        "22000" if message.contains("dimensions") => ErrorKind::DimensionMismatch,
        "42P07" | "42710" => ErrorKind::AlreadyExists,
        "42P01" | "3F000" | "3D000" => ErrorKind::NotFound,
        "42501" => ErrorKind::PermissionDenied,
        "53300" => ErrorKind::RateLimited,
        "53100" | "53400" => ErrorKind::QuotaExceeded,
        "57014" | "55P03" => ErrorKind::Timeout,
        "57P03" => ErrorKind::NotReady,
        "22P02" | "22P05" | "XX001" | "XX002" => ErrorKind::Corrupt,
        "22003" => ErrorKind::InvalidArgument,
        "42704" | "58P01" => ErrorKind::Unsupported,
        _ => match code.get(..2) {
            Some("28") => ErrorKind::Unauthenticated,
            Some("54") => ErrorKind::PayloadTooLarge,
            Some("0A") => ErrorKind::Unsupported,
            Some("08" | "25" | "40" | "53" | "57" | "58") => ErrorKind::Unavailable,
            _ => ErrorKind::Unexpected,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SERVER;

    #[test]
    fn each_code_has_its_kind() {
        for (code, message, expected) in [
            ("22000", "expected 3 dimensions, not 4", ErrorKind::DimensionMismatch),
            ("22000", "NaN not allowed in vector", ErrorKind::Unexpected),
            ("42P07", "relation exists", ErrorKind::AlreadyExists),
            ("42710", "type exists", ErrorKind::AlreadyExists),
            ("42P01", "relation does not exist", ErrorKind::NotFound),
            ("3F000", "schema does not exist", ErrorKind::NotFound),
            ("3D000", "database does not exist", ErrorKind::NotFound),
            ("28P01", "password authentication failed", ErrorKind::Unauthenticated),
            ("28000", "no pg_hba.conf entry", ErrorKind::Unauthenticated),
            ("42501", "permission denied", ErrorKind::PermissionDenied),
            ("53300", "sorry, too many clients already", ErrorKind::RateLimited),
            ("53100", "disk full", ErrorKind::QuotaExceeded),
            ("53200", "out of memory", ErrorKind::Unavailable),
            ("54000", "array size exceeds the maximum allowed", ErrorKind::PayloadTooLarge),
            ("54001", "stack depth limit exceeded", ErrorKind::PayloadTooLarge),
            ("57014", "canceling statement due to statement timeout", ErrorKind::Timeout),
            ("57P01", "terminating connection due to administrator command", ErrorKind::Unavailable),
            ("57P03", "the database system is starting up", ErrorKind::NotReady),
            ("40P01", "deadlock detected", ErrorKind::Unavailable),
            ("25006", "cannot execute INSERT in a read-only transaction", ErrorKind::Unavailable),
            ("08006", "connection failure", ErrorKind::Unavailable),
            ("0A000", "extension \"vector\" is not available", ErrorKind::Unsupported),
            ("42704", "type \"vector\" does not exist", ErrorKind::Unsupported),
            ("22003", "value out of range", ErrorKind::InvalidArgument),
            ("XX001", "invalid page", ErrorKind::Corrupt),
            ("42601", "syntax error", ErrorKind::Unexpected),
        ] {
            assert_eq!(kind(code, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn a_busy_pool_says_when_to_come_back() {
        let endpoint = Endpoint::new(&SERVER, "h");
        let e = unconnected(&endpoint, PoolError::Timeout(TimeoutType::Wait)).into_error();
        assert_eq!(e.kind(), ErrorKind::RateLimited);
        assert_eq!(e.retry_after(), Some(Duration::from_secs(1)));
        let e = unconnected(&endpoint, PoolError::Timeout(TimeoutType::Create)).into_error();
        assert_eq!(e.kind(), ErrorKind::Timeout);
        assert!(e.message().contains("connect_timeout"), "{e}");
    }
}
