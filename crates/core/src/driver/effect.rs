//! How a change that failed has ended: whether it may have had an effect.

use crate::error::Error;
use crate::write::Outcome;

/// The error of a change, and whether the change may have been applied all the same.
#[derive(Debug, Clone)]
pub enum WriteError {
    /// Surely nothing was changed: it was not sent, or the database refused it as a whole.
    NotApplied(Error),
    /// It may have been applied: it was sent, and no answer came that tells.
    InDoubt(Error),
}

impl WriteError {
    /// `InDoubt` or `NotApplied`.
    pub fn new(error: Error, in_doubt: bool) -> Self {
        if in_doubt { Self::InDoubt(error) } else { Self::NotApplied(error) }
    }

    /// The error.
    pub fn error(&self) -> &Error {
        match self {
            Self::NotApplied(error) | Self::InDoubt(error) => error,
        }
    }

    /// The error alone.
    pub fn into_error(self) -> Error {
        match self {
            Self::NotApplied(error) | Self::InDoubt(error) => error,
        }
    }

    /// Whether the change may have been applied.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::InDoubt(_))
    }

    /// The same with another error.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Self::NotApplied(error) => Self::NotApplied(change(error)),
            Self::InDoubt(error) => Self::InDoubt(change(error)),
        }
    }

    /// The outcome of each item of a write that ended so.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotApplied(error) => Outcome::Failed(error.clone()),
            Self::InDoubt(error) => Outcome::Unknown(error.clone()),
        }
    }
}

/// The error alone: of a read, which has no effect.
impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        error.into_error()
    }
}

/// An error before anything was sent: with `?`, of checks and of reads that come before a change.
impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::NotApplied(error)
    }
}

/// What a request did that removes rows by a filter, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// None that was meant is left; how many were removed, where that is exact.
    All(Option<u64>),
    /// So many are gone and others may be left: the engine asks again.
    Part(u64),
}
