//! The calls that faults befall, and how they end.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use portolan_core::{
    CallOptions, Error, GetRequest, Outcome, Record, Result, Status, UpsertRequest, VectorStorage,
};

use super::INDEX;

/// A call, which is a column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Read,
    Write,
    Health,
}

impl Column {
    pub(super) const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Health];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Health => "health",
        }
    }

    /// Makes the call.
    pub(super) async fn call(
        self,
        storage: &dyn VectorStorage,
        timeout: Option<Duration>,
    ) -> Result<Ended, String> {
        let options = timeout.map_or(CallOptions::new(), |time| CallOptions::new().timeout(time));
        match self {
            Self::Read => read(storage, options).await,
            Self::Write => write(storage, options).await,
            Self::Health => match storage.health(options).await {
                Ok(health) => Ok(Ended::Health(health.status)),
                Err(e) => Err(format!("health is Ok with a status, but: {e}")),
            },
        }
    }
}

/// How a call has ended.
#[derive(Debug)]
pub(super) enum Ended {
    Done,
    Health(Status),
    /// Of a write: surely not applied.
    Failed(Error),
    /// Of a write: perhaps applied.
    Unknown(Error),
}

impl Ended {
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(e) | Self::Unknown(e) => Some(e),
            Self::Done | Self::Health(_) => None,
        }
    }
}

/// A cell of the table.
impl Display for Ended {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (how, error) = match self {
            Self::Done => return f.write_str("works"),
            Self::Health(status) => return write!(f, "{}", format!("{status:?}").to_lowercase()),
            Self::Failed(e) => ("failed", e),
            Self::Unknown(e) => ("unknown", e),
        };
        let again = if error.is_retryable() { "try again" } else { "final" };
        write!(f, "{how}: {}, {again}", error.kind())
    }
}

async fn read(storage: &dyn VectorStorage, options: CallOptions) -> Result<Ended, String> {
    let ids = ["a".to_owned()];
    match storage.get(&GetRequest::new(INDEX, &ids).options(options)).await {
        Ok(_) => Ok(Ended::Done),
        Err(e) => Ok(Ended::Failed(e)),
    }
}

async fn write(storage: &dyn VectorStorage, options: CallOptions) -> Result<Ended, String> {
    let records = [Record::new("a", [1.0, 2.0]), Record::new("b", [3.0, 4.0])];
    let written = match storage.upsert(&UpsertRequest::new(INDEX, &records[..]).options(options)).await {
        Ok(written) => written,
        Err(e) => return Ok(Ended::Failed(e)),
    };
    match written.items.as_slice() {
        [Outcome::Stored, Outcome::Stored] => Ok(Ended::Done),
        [Outcome::Failed(e), Outcome::Failed(_)] => Ok(Ended::Failed(e.clone())),
        [Outcome::Unknown(e), Outcome::Unknown(_)] => Ok(Ended::Unknown(e.clone())),
        mixed => Err(format!("one request has different outcomes: {mixed:?}")),
    }
}
