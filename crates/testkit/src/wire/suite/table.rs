//! The table: what befalls a call, and what must become of it.

use std::time::Duration;

use portolan_core::{ErrorKind, Status};

use super::Protocol;
use super::calls::{Column, Ended};

/// How long an overloaded server asks to wait.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(7);

/// A fault, and what must become of a call.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) trouble: Trouble,
    expected: Expected,
}

/// What befalls the way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody listens.
    NotThere,
    /// The server goes away between two calls.
    GoesAway,
    /// The server goes away and comes back.
    ComesBack,
    /// Each connection is accepted and left.
    SilentConnection,
    /// Each connection is reset.
    ResetConnection,
    /// Another protocol is spoken.
    OtherProtocol,
    /// What befalls the call alone.
    Call(OfCall),
    /// TLS is wanted, and none is asked for.
    PlainToTls,
    /// TLS is asked for, and there is none.
    TlsToPlain,
    /// TLS, and whose certificate is trusted.
    Tls(Trust),
}

/// What befalls one call, while the server is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfCall {
    /// No answer, until the time of the URI is over.
    Silence,
    /// No answer, until the call's own time is over.
    SilenceWithTimeout,
    Reset,
    Close,
    /// Half an answer.
    Cut,
    Overload,
    Rubbish,
}

/// Whose certificate is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those that the system trusts: not the server's.
    System,
    /// Another authority's.
    Other,
    /// The server's, and the server is called by another name.
    OtherName,
    /// The server's.
    Own,
}

enum Expected {
    Works,
    /// Kinds, whether the call may be repeated where that is certain, and what a write's outcomes are.
    Fails(&'static [ErrorKind], Option<bool>, Effect),
}

/// What is known of a write.
#[derive(Debug, PartialEq, Eq)]
enum Effect {
    /// Surely not applied.
    None,
    /// Perhaps applied.
    InDoubt,
    /// It depends on when the server went away.
    Either,
}

const UNAVAILABLE: &[ErrorKind] = &[ErrorKind::Unavailable];
const TIMEOUT: &[ErrorKind] = &[ErrorKind::Timeout];
const NOT_OURS: &[ErrorKind] = &[ErrorKind::Unavailable, ErrorKind::Unexpected];

pub(super) const ROWS: &[Row] = &[
    fails("not_there", Trouble::NotThere, UNAVAILABLE, Some(true), Effect::None),
    fails("goes_away", Trouble::GoesAway, UNAVAILABLE, Some(true), Effect::Either),
    works("comes_back", Trouble::ComesBack),
    fails("silent_connection", Trouble::SilentConnection, TIMEOUT, Some(true), Effect::None),
    fails("silent", Trouble::Call(OfCall::Silence), TIMEOUT, Some(true), Effect::InDoubt),
    fails(
        "silent_by_its_own_time",
        Trouble::Call(OfCall::SilenceWithTimeout),
        TIMEOUT,
        Some(true),
        Effect::InDoubt,
    ),
    fails("reset_connection", Trouble::ResetConnection, UNAVAILABLE, Some(true), Effect::None),
    fails("reset", Trouble::Call(OfCall::Reset), UNAVAILABLE, Some(true), Effect::InDoubt),
    fails("closed", Trouble::Call(OfCall::Close), UNAVAILABLE, Some(true), Effect::InDoubt),
    fails("cut", Trouble::Call(OfCall::Cut), UNAVAILABLE, Some(true), Effect::InDoubt),
    fails("overloaded", Trouble::Call(OfCall::Overload), &[ErrorKind::RateLimited], Some(true), Effect::None),
    fails("rubbish", Trouble::Call(OfCall::Rubbish), NOT_OURS, None, Effect::InDoubt),
    fails("other_protocol", Trouble::OtherProtocol, NOT_OURS, None, Effect::None),
    fails("plain_to_tls", Trouble::PlainToTls, NOT_OURS, None, Effect::None),
    fails("tls_to_plain", Trouble::TlsToPlain, UNAVAILABLE, None, Effect::None),
    fails("untrusted_certificate", Trouble::Tls(Trust::System), UNAVAILABLE, Some(false), Effect::None),
    fails(
        "certificate_of_another_authority",
        Trouble::Tls(Trust::Other),
        UNAVAILABLE,
        Some(false),
        Effect::None,
    ),
    fails(
        "certificate_of_another_name",
        Trouble::Tls(Trust::OtherName),
        UNAVAILABLE,
        Some(false),
        Effect::None,
    ),
    works("trusted_certificate", Trouble::Tls(Trust::Own)),
];

const fn works(name: &'static str, trouble: Trouble) -> Row {
    Row { name, trouble, expected: Expected::Works }
}

const fn fails(
    name: &'static str,
    trouble: Trouble,
    kinds: &'static [ErrorKind],
    again: Option<bool>,
    effect: Effect,
) -> Row {
    Row { name, trouble, expected: Expected::Fails(kinds, again, effect) }
}

impl Trouble {
    /// Whether this can befall that call over a protocol. PostgreSQL tells of an overload in its own way, and its
    /// connections are known by texts.
    pub(super) fn befalls(self, protocol: &Protocol, column: Column) -> bool {
        let Self::Call(of) = self else { return true };
        let postgres = matches!(protocol, Protocol::Postgres { .. });
        let by_texts =
            column != Column::Health && !matches!(of, OfCall::Reset | OfCall::Overload | OfCall::Rubbish);
        !postgres || by_texts
    }
}

impl Row {
    pub(super) fn check(&self, column: Column, ended: &Ended) -> Result<(), String> {
        let right = match (&self.expected, column) {
            (Expected::Works, Column::Health) => matches!(ended, Ended::Health(Status::Healthy)),
            (Expected::Works, _) => matches!(ended, Ended::Done),
            (Expected::Fails(..), Column::Health) => !matches!(ended, Ended::Health(Status::Healthy)),
            (Expected::Fails(kinds, again, effect), _) => {
                ended
                    .error()
                    .is_some_and(|e| kinds.contains(&e.kind()) && again.is_none_or(|a| a == e.is_retryable()))
                    && effect.fits(column, ended)
            }
        };
        match (right, ended.error()) {
            (false, _) => Err(format!("not so: {ended}; {ended:?}")),
            (true, Some(error)) if self.trouble == Trouble::Call(OfCall::Overload) => {
                match error.retry_after() {
                    Some(RETRY_AFTER) => Ok(()),
                    other => Err(format!(
                        "the server asks to wait for {RETRY_AFTER:?}, and the error has {other:?}"
                    )),
                }
            }
            (true, Some(error))
                if matches!(self.trouble, Trouble::Tls(_)) && !names_certificate(error.message()) =>
            {
                Err(format!("the error does not name the certificate: {error}"))
            }
            (true, _) => Ok(()),
        }
    }
}

impl Effect {
    fn fits(&self, column: Column, ended: &Ended) -> bool {
        match (column, self) {
            (Column::Read | Column::Health, _) | (_, Self::Either) => true,
            (Column::Write, Self::None) => matches!(ended, Ended::Failed(_)),
            (Column::Write, Self::InDoubt) => matches!(ended, Ended::Unknown(_)),
        }
    }
}

fn names_certificate(message: &str) -> bool {
    message.to_lowercase().contains("certificate")
}

#[cfg(test)]
mod tests {
    use portolan_core::Error;

    use super::*;

    fn row(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).unwrap()
    }

    #[test]
    fn what_a_row_expects_passes() {
        let lost = || Error::new(ErrorKind::Unavailable, "lost");
        let busy = Error::new(ErrorKind::RateLimited, "busy").with_retry_after(RETRY_AFTER);
        let untrusted = Error::new(ErrorKind::Unavailable, "invalid peer certificate").with_retryable(false);
        for (name, column, ended) in [
            ("reset", Column::Read, Ended::Failed(lost())),
            ("reset", Column::Write, Ended::Unknown(lost())),
            ("not_there", Column::Write, Ended::Failed(lost())),
            ("goes_away", Column::Write, Ended::Unknown(lost())),
            ("not_there", Column::Health, Ended::Health(Status::Unavailable)),
            ("overloaded", Column::Read, Ended::Failed(busy)),
            ("untrusted_certificate", Column::Read, Ended::Failed(untrusted)),
            ("comes_back", Column::Write, Ended::Done),
            ("comes_back", Column::Health, Ended::Health(Status::Healthy)),
        ] {
            assert_eq!(row(name).check(column, &ended), Ok(()), "{name} {column:?}");
        }
    }

    #[test]
    fn anything_else_fails() {
        let lost = || Error::new(ErrorKind::Unavailable, "lost");
        let busy = Error::new(ErrorKind::RateLimited, "busy");
        for (name, column, ended) in [
            ("reset", Column::Read, Ended::Done),
            ("reset", Column::Write, Ended::Done),
            ("reset", Column::Write, Ended::Failed(lost())),
            ("reset", Column::Read, Ended::Failed(lost().with_retryable(false))),
            ("reset", Column::Read, Ended::Failed(Error::new(ErrorKind::Timeout, "late"))),
            ("not_there", Column::Write, Ended::Unknown(lost())),
            ("goes_away", Column::Write, Ended::Done),
            ("not_there", Column::Health, Ended::Health(Status::Healthy)),
            ("overloaded", Column::Read, Ended::Failed(busy)),
            ("untrusted_certificate", Column::Read, Ended::Failed(lost().with_retryable(false))),
            ("comes_back", Column::Write, Ended::Failed(lost())),
            ("comes_back", Column::Health, Ended::Health(Status::Unavailable)),
        ] {
            assert!(row(name).check(column, &ended).is_err(), "{name} {column:?}");
        }
    }
}
