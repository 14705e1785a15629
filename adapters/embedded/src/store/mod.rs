//! The truth: one redb file, one writer, and readers that each see one commit.

mod derived;
mod edit;
mod open;
mod records;
mod state;
pub(crate) mod tables;
mod transaction;

use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};
use portolan_core::{Error, ErrorKind, IndexInfo, IndexSpec, Result};
use redb::{Database, WriteTransaction};

pub(crate) use derived::Derived;
pub(crate) use edit::Edit;
pub(crate) use open::{Opener, file};
pub(crate) use state::{Index, State, View};

use crate::config::Durability;
use crate::error::Fault;
use crate::fields::MAX_FIELDS;
pub(crate) use tables::FORMAT;
use tables::INDEXES;
use transaction::{Change, Ended, flush};

/// A store: what is in the file, and what readers see of it.
///
/// Every commit makes a new [`State`], which belongs to just that commit; a reader keeps the one that it began with.
pub(crate) struct Store {
    path: PathBuf,
    durability: Durability,
    opener: Opener,
    writer: Mutex<Writer>,
    state: RwLock<Option<Arc<State>>>,
    /// Held by each reader while it works, so that compaction, which must be alone, can wait for them.
    readers: RwLock<()>,
}

/// The writer's side. After an error that leaves the database unusable there is none, until it is opened again.
struct Writer {
    database: Option<Database>,
    closed: bool,
}

impl Store {
    /// Opens the file, or makes it.
    pub(crate) fn open(path: &Path, durability: Durability, opener: Opener) -> Result<Self> {
        let (database, state) = open::open(&opener).map_err(|fault| fault.at(path))?;
        Ok(Self {
            path: path.to_owned(),
            durability,
            opener,
            writer: Mutex::new(Writer { database: Some(database), closed: false }),
            state: RwLock::new(Some(Arc::new(state))),
            readers: RwLock::new(()),
        })
    }

    /// Where the store is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Does work on the newest commit.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&State) -> Result<T, Fault>) -> Result<T> {
        loop {
            let reading = self.readers.read();
            let state = self.state.read().clone();
            if let Some(state) = state {
                return work(&state).map_err(|fault| fault.at(&self.path));
            }
            drop(reading);
            drop(self.writer()?);
        }
    }

    /// Does work on the newest commit of an index.
    pub(crate) fn view<T>(&self, index: &str, work: impl FnOnce(&View<'_>) -> Result<T, Fault>) -> Result<T> {
        self.read(|state| work(&state.view(index)?))
    }

    /// Looks at the newest commit, if that takes no waiting.
    pub(crate) fn peek<T>(&self, look: impl FnOnce(&State) -> T) -> Option<T> {
        let _reading = self.readers.try_read()?;
        let state = self.state.try_read()?.clone()?;
        Some(look(&state))
    }

    /// Creates an index. `AlreadyExists`.
    pub(crate) fn create(&self, name: &str, spec: &IndexSpec, created_at: &str) -> Result<()> {
        if spec.fields.len() > MAX_FIELDS {
            return Err(Error::out_of_range(
                "the number of declared fields",
                spec.fields.len(),
                0,
                MAX_FIELDS,
            ));
        }
        let json = serde_json::to_string(spec).map_err(|e| {
            Error::new(ErrorKind::Unexpected, format!("the spec cannot be written as JSON: {e}"))
        })?;
        let created = self.commit(|state, txn| {
            if state.indexes.contains_key(name) {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    format!("an index {name:?} exists already"),
                )
                .into());
            }
            let number = tables::create(txn)?;
            txn.open_table(INDEXES)?.insert(name, (number, json.as_str(), created_at))?;
            let info = IndexInfo::new(spec.clone(), crate::PROVIDER).created_at(Some(created_at.to_owned()));
            Ok((Some((name.to_owned(), Some(Index::new(number, info, 0)))), ()))
        });
        created.map_err(|fault| fault.at(&self.path))
    }

    /// Deletes an index. `NotFound`.
    pub(crate) fn drop_index(&self, name: &str) -> Result<()> {
        let dropped = self.commit(|state, txn| {
            let number = state.view(name)?.index().number();
            txn.open_table(INDEXES)?.remove(name)?;
            tables::delete(txn, number)?;
            Ok((Some((name.to_owned(), None)), ()))
        });
        dropped.map_err(|fault| fault.at(&self.path))
    }

    /// Edits the records of an index in one transaction: the whole of it is stored, or nothing.
    pub(crate) fn edit<T>(
        &self,
        name: &str,
        work: impl FnOnce(&View<'_>, &mut Edit<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.commit(|state, txn| {
            let view = state.view(name)?;
            let mut edit = Edit::begin(txn, &view)?;
            let value = work(&view, &mut edit)?;
            let change = edit.finish()?.map(|head| (name.to_owned(), Some(view.index().advanced(head))));
            Ok((change, value))
        })
    }

    /// Deletes all records of an index.
    pub(crate) fn clear(&self, name: &str) -> Result<()> {
        let cleared = self.commit(|state, txn| {
            let view = state.view(name)?;
            tables::delete_records(txn, view.index().number())?;
            let mut edit = Edit::begin(txn, &view)?;
            edit.touch(&view.rows()?.0);
            let change = edit.finish()?.map(|head| (name.to_owned(), Some(view.index().advanced(head))));
            Ok((change, ()))
        });
        cleared.map_err(|fault| fault.at(&self.path))
    }

    /// Makes every commit so far durable.
    pub(crate) fn flush(&self) -> Result<()> {
        if self.durability == Durability::Commit {
            return Ok(());
        }
        let writer = self.writer()?;
        writer.database.as_ref().map_or(Ok(()), flush).map_err(|fault| fault.at(&self.path))
    }

    /// Gives free space back to the file system; says whether there was any.
    pub(crate) fn compact(&self) -> Result<bool> {
        let mut writer = self.writer()?;
        let _alone = self.readers.write();
        let indexes = self.state.write().take().map(|state| state.indexes.clone()).unwrap_or_default();
        let Some(mut database) = writer.database.take() else { return Ok(false) };
        let compacted = database.compact().map_err(Fault::from);
        let state = flush(&database).and_then(|()| State::read(&database, indexes));
        if let Ok(state) = state {
            *self.state.write() = Some(Arc::new(state));
            writer.database = Some(database);
        }
        compacted.map_err(|fault| fault.at(&self.path))
    }

    /// Releases the file; later calls fail.
    pub(crate) fn close(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        writer.closed = true;
        *self.state.write() = None;
        let Some(database) = writer.database.take() else { return Ok(()) };
        let flushed = if self.durability == Durability::None { flush(&database) } else { Ok(()) };
        let closed = database.close().map_err(Fault::from);
        flushed.and(closed).map_err(|fault| fault.at(&self.path))
    }

    /// Runs a transaction and shows readers what it changed; one without a change is not committed.
    fn commit<T>(
        &self,
        work: impl FnOnce(&State, &WriteTransaction) -> Result<(Option<Change>, T), Fault>,
    ) -> Result<T, Fault> {
        let mut writer = self.writer()?;
        let state = self.state.read().clone();
        let (Some(database), Some(state)) = (&writer.database, state) else { return Err(closed().into()) };
        match transaction::run(database, self.durability, |txn| work(&state, txn)) {
            Ended::Unchanged(value) => Ok(value),
            Ended::Committed(change, value) => {
                match state.after(database, change) {
                    Ok(next) => *self.state.write() = Some(Arc::new(next)),
                    // It is stored; readers find it once the file is opened again.
                    Err(_) => drop(self.reopen(&mut writer)),
                }
                Ok(value)
            }
            Ended::Failed(fault) => {
                if fault.is_lasting() {
                    drop(self.reopen(&mut writer));
                }
                Err(fault)
            }
            Ended::Unsure(change, value, error) => self.settle(&mut writer, &change, value, error),
        }
    }

    /// After an error while committing: opens the file again and looks whether the commit is in it.
    fn settle<T>(
        &self,
        writer: &mut Writer,
        change: &Change,
        value: T,
        error: redb::Error,
    ) -> Result<T, Fault> {
        match self.reopen(writer) {
            Ok(state) if state.has(change) => Ok(value),
            Ok(_) => Err(Fault::Database(error)),
            Err(_) => Err(Fault::InDoubt(error)),
        }
    }

    /// The writer's side, for one writer at a time, with an open database.
    fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        let mut writer = self.writer.lock();
        if writer.closed {
            return Err(closed());
        }
        if writer.database.is_none() {
            self.reopen(&mut writer).map_err(|fault| fault.at(&self.path))?;
        }
        Ok(writer)
    }

    fn reopen(&self, writer: &mut Writer) -> Result<Arc<State>, Fault> {
        *self.state.write() = None;
        drop(writer.database.take());
        let (database, state) = open::open(&self.opener)?;
        let state = Arc::new(state);
        writer.database = Some(database);
        *self.state.write() = Some(state.clone());
        Ok(state)
    }
}

impl Debug for Store {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::invalid("the storage is closed; open it again")
}

#[cfg(test)]
mod tests;
