//! One write transaction, from its beginning to one of its ends.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{Database, Durability as Commit, WriteTransaction};

use super::Index;
use crate::config::Durability;
use crate::error::Fault;

/// What a transaction does to the indexes that readers see: sets one, or removes it.
pub(super) type Change = (String, Option<Index>);

/// How a transaction ends.
pub(super) enum Ended<T> {
    /// There was nothing to commit.
    Unchanged(T),
    /// It is committed.
    Committed(Change, T),
    /// It surely had no effect.
    Failed(Fault),
    /// It failed while it committed, and may have had its effect.
    Unsure(Change, T, redb::Error),
}

/// Runs a transaction. A panic of the database is a failure like any other.
pub(super) fn run<T>(
    database: &Database,
    durability: Durability,
    work: impl FnOnce(&WriteTransaction) -> Result<(Option<Change>, T), Fault>,
) -> Ended<T> {
    let prepared = catch_unwind(AssertUnwindSafe(|| {
        let txn = begin(database, durability)?;
        let (change, value) = work(&txn)?;
        Ok((txn, change, value))
    }));
    let (txn, change, value) = match prepared {
        Ok(Ok((txn, Some(change), value))) => (txn, change, value),
        Ok(Ok((_, None, value))) => return Ended::Unchanged(value),
        Ok(Err(fault)) => return Ended::Failed(fault),
        Err(_) => return Ended::Failed(Fault::Panicked),
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
pub(super) fn flush(database: &Database) -> Result<(), Fault> {
    Ok(begin(database, Durability::Commit)?.commit()?)
}

/// Quick repair stores which pages are free with each commit: a store that was killed opens without reading it whole.
fn begin(database: &Database, durability: Durability) -> Result<WriteTransaction, Fault> {
    let mut txn = database.begin_write()?;
    match durability {
        Durability::Commit => txn.set_quick_repair(true),
        Durability::None => txn.set_durability(Commit::None)?,
    }
    Ok(txn)
}
