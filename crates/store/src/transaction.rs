//! One write transaction, from its beginning to one of its ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use portolan_core::Error;
use redb::{Database, Durability as Commit, WriteTransaction};

use crate::error::StoreError;
use crate::view::Change;

/// When a write is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When it is acknowledged: it survives a kill and a power cut.
    #[default]
    Commit,
    /// At the next flush, or when the store is closed. A kill loses what came after the last one, and nothing else.
    None,
}

impl FromStr for Durability {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "commit" => Ok(Self::Commit),
            "none" => Ok(Self::None),
            other => Err(Error::invalid(format!("durability is {other:?}, and must be commit or none"))),
        }
    }
}

/// How a transaction ends.
pub(crate) enum Ended<T> {
    /// There was nothing to commit.
    Unchanged(T),
    /// It is committed.
    Committed(Change, T),
    /// It surely had no effect.
    Failed(StoreError),
    /// It failed while it committed, and may have had its effect.
    Unsure(Change, T, redb::Error),
}

/// Runs a transaction. A panic of the database is a failure like any other.
pub(crate) fn run<T>(
    database: &Database,
    durability: Durability,
    work: impl FnOnce(&WriteTransaction) -> Result<(Option<Change>, T), StoreError>,
) -> Ended<T> {
    let prepared = catch_unwind(AssertUnwindSafe(|| {
        let txn = begin(database, durability)?;
        let (change, value) = work(&txn)?;
        Ok((txn, change, value))
    }));
    let (txn, change, value) = match prepared {
        Ok(Ok((txn, Some(change), value))) => (txn, change, value),
        Ok(Ok((_, None, value))) => return Ended::Unchanged(value),
        Ok(Err(error)) => return Ended::Failed(error),
        Err(_) => return Ended::Failed(StoreError::panic()),
    };
    match catch_unwind(AssertUnwindSafe(|| txn.commit())) {
        Ok(Ok(())) => Ended::Committed(change, value),
        Ok(Err(error)) => Ended::Unsure(change, value, error.into()),
        Err(_) => {
            Ended::Unsure(change, value, redb::Error::Corrupted("a check of the commit failed".to_owned()))
        }
    }
}

/// An empty durable commit takes all before it along.
pub(crate) fn flush(database: &Database) -> Result<(), StoreError> {
    Ok(begin(database, Durability::Commit)?.commit()?)
}

/// Quick repair stores which pages are free with each commit: a store that was killed opens without reading it whole.
fn begin(database: &Database, durability: Durability) -> Result<WriteTransaction, StoreError> {
    let mut txn = database.begin_write()?;
    match durability {
        Durability::Commit => txn.set_quick_repair(true),
        Durability::None => txn.set_durability(Commit::None)?,
    }
    Ok(txn)
}
