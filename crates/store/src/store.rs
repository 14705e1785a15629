//! The truth: one redb file, one writer, and readers that each see one commit.

use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};
use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, IndexSpec, Result, time};
use redb::{Database, WriteTransaction};

use crate::edit::Edit;
use crate::error::{StoreError, io};
use crate::fields::MAX_FIELDS;
use crate::lock::StoreLock;
use crate::open::{Opener, file, open};
use crate::tables::{self, INDEXES};
use crate::transaction::{self, Durability, Ended, flush};
use crate::view::{Change, Index, State, View};

const FILE: &str = "portolan.redb";

/// A store: what is in the file, and what readers see of it.
///
/// A reader keeps the commit that it began with. [`read`](Self::read), [`write`](Self::write),
/// [`inline`](Self::inline) and [`blocking`](Self::blocking) say where a call runs; the others run at once, and may wait for
/// the disk.
pub struct Store {
    path: PathBuf,
    durability: Durability,
    opener: Opener,
    /// Whose turn it is to write: a write keeps it until it has ended, also when its caller has left.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    writer: Mutex<Writer>,
    state: RwLock<Option<Arc<State>>>,
    /// Held by each reader while it works, so that compaction, which must be alone, can wait for them.
    readers: RwLock<()>,
    /// Last, so that it is released when the file is.
    lock: Mutex<Option<StoreLock>>,
}

/// The writer's side. After an error that leaves the database unusable there is none, until it is opened again.
struct Writer {
    database: Option<Database>,
    closed: bool,
}

impl Store {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the indexes, sorted.
    ///
    /// # Errors
    /// Those of a store that had to be opened again after an error, and could not be.
    pub fn names(&self) -> Result<Vec<String>> {
        self.with_state(|state| Ok(state.indexes().keys().cloned().collect()))
    }

    /// The number of indexes, and of records in all of them.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn totals(&self) -> Result<(u64, u64)> {
        self.with_state(|state| {
            let mut records = 0;
            for name in state.indexes().keys() {
                records += state.view(name)?.record_count()?;
            }
            Ok((state.indexes().len() as u64, records))
        })
    }

    /// Does work on the newest commit of an index.
    ///
    /// # Errors
    /// `NotFound`; those of the work.
    pub fn view<T>(&self, index: &str, work: impl FnOnce(&View<'_>) -> Result<T, StoreError>) -> Result<T> {
        self.with_state(|state| work(&state.view(index)?))
    }

    /// Creates an index.
    ///
    /// # Errors
    /// `AlreadyExists`; `InvalidArgument` for more than 65,535 declared fields; those of writing the file.
    pub fn create(&self, name: &str, spec: &IndexSpec) -> Result<(), WriteError> {
        if spec.fields.len() > MAX_FIELDS {
            return Err(Error::out_of_range(
                "the number of declared fields",
                spec.fields.len(),
                0,
                MAX_FIELDS,
            )
            .into());
        }
        let json = serde_json::to_string(spec).map_err(|e| {
            Error::new(ErrorKind::Unexpected, format!("the spec cannot be written as JSON: {e}"))
        })?;
        self.commit(|state, txn| {
            if state.indexes().contains_key(name) {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    format!("an index {name:?} exists already"),
                )
                .into());
            }
            let number = tables::create(txn)?;
            let created_at = time::now();
            txn.open_table(INDEXES)?.insert(name, (number, json.as_str(), created_at.as_str()))?;
            Ok((Some((name.to_owned(), Some(Index::new(number, spec.clone(), &created_at, 0)))), ()))
        })
    }

    /// Deletes an index.
    ///
    /// # Errors
    /// `NotFound`; those of writing the file.
    pub fn drop_index(&self, name: &str) -> Result<(), WriteError> {
        self.commit(|state, txn| {
            let number = state.view(name)?.number();
            txn.open_table(INDEXES)?.remove(name)?;
            tables::delete(txn, number)?;
            Ok((Some((name.to_owned(), None)), ()))
        })
    }

    /// Edits the records of an index in one transaction, which is stored as a whole or not at all.
    ///
    /// # Errors
    /// `NotFound`; those of the work, and of writing the file.
    pub fn edit<T>(
        &self,
        name: &str,
        work: impl FnOnce(&View<'_>, &mut Edit<'_>) -> Result<T, StoreError>,
    ) -> Result<T, WriteError> {
        self.commit(|state, txn| {
            let view = state.view(name)?;
            let mut edit = Edit::begin(txn, &view)?;
            let value = work(&view, &mut edit)?;
            let change = edit.finish()?.map(|head| (name.to_owned(), Some(view.advanced(head))));
            Ok((change, value))
        })
    }

    /// Deletes all records of an index.
    ///
    /// # Errors
    /// `NotFound`; those of writing the file.
    pub fn clear(&self, name: &str) -> Result<(), WriteError> {
        self.commit(|state, txn| {
            let view = state.view(name)?;
            tables::delete_records(txn, view.number())?;
            let mut edit = Edit::begin(txn, &view)?;
            edit.touch(&view.rows()?.0);
            let change = edit.finish()?.map(|head| (name.to_owned(), Some(view.advanced(head))));
            Ok((change, ()))
        })
    }

    /// Makes every commit so far durable.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn flush(&self) -> Result<()> {
        if self.durability == Durability::Commit {
            return Ok(());
        }
        let writer = self.writer()?;
        writer.database.as_ref().map_or(Ok(()), flush).map_err(|e| e.with_path(&self.path))
    }

    /// Gives free space back to the file system; says whether there was any. Waits for readers, and lets none begin.
    ///
    /// # Errors
    /// Those of writing the file.
    pub fn compact(&self) -> Result<bool> {
        let mut writer = self.writer()?;
        let _alone = self.readers.write();
        let indexes = self.state.write().take().map(|state| state.indexes().clone()).unwrap_or_default();
        let Some(mut database) = writer.database.take() else { return Ok(false) };
        let compacted = database.compact().map_err(StoreError::from);
        let state = flush(&database).and_then(|()| State::read(&database, indexes));
        if let Ok(state) = state {
            *self.state.write() = Some(Arc::new(state));
            writer.database = Some(database);
        }
        compacted.map_err(|e| e.with_path(&self.path))
    }

    /// Releases the file and the directory; later calls fail. Idempotent.
    ///
    /// # Errors
    /// Those of writing what was not durable yet.
    pub fn close(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        let _released_last = self.lock.lock().take();
        writer.closed = true;
        *self.state.write() = None;
        let Some(database) = writer.database.take() else { return Ok(()) };
        let flushed = if self.durability == Durability::None { flush(&database) } else { Ok(()) };
        let closed = database.close().map_err(StoreError::from);
        flushed.and(closed).map_err(|e| e.with_path(&self.path))
    }

    /// Opens the store of a directory, and makes it where there is none.
    pub(crate) fn open_directory(directory: &Path, durability: Durability, cache_mb: usize) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(|e| io(directory, &e))?;
        let lock = StoreLock::take(directory)?;
        Self::over(directory, durability, file(directory.join(FILE), cache_mb), Some(lock))
    }

    /// A store over a database.
    pub(crate) fn over(
        path: &Path,
        durability: Durability,
        opener: Opener,
        lock: Option<StoreLock>,
    ) -> Result<Self> {
        let (database, state) = open(&opener).map_err(|e| e.with_path(path))?;
        Ok(Self {
            path: path.to_owned(),
            durability,
            opener,
            turn: Arc::default(),
            writer: Mutex::new(Writer { database: Some(database), closed: false }),
            state: RwLock::new(Some(Arc::new(state))),
            readers: RwLock::new(()),
            lock: Mutex::new(lock),
        })
    }

    /// Looks at the newest commit of an index, if there is one and that takes no waiting.
    pub(crate) fn peek<T>(&self, index: &str, look: impl FnOnce(&View<'_>) -> T) -> Option<T> {
        let _reading = self.readers.try_read()?;
        let state = self.state.try_read()?.clone()?;
        let view = state.view(index).ok()?;
        Some(look(&view))
    }

    /// Does work on the newest commit.
    fn with_state<T>(&self, work: impl FnOnce(&State) -> Result<T, StoreError>) -> Result<T> {
        loop {
            let reading = self.readers.read();
            let state = self.state.read().clone();
            if let Some(state) = state {
                return work(&state).map_err(|e| e.with_path(&self.path));
            }
            drop(reading);
            drop(self.writer()?);
        }
    }

    /// Runs a transaction and shows readers what it changed; one without a change is not committed.
    fn commit<T>(
        &self,
        work: impl FnOnce(&State, &WriteTransaction) -> Result<(Option<Change>, T), StoreError>,
    ) -> Result<T, WriteError> {
        self.transact(work).map_err(|e| e.of_write(&self.path))
    }

    fn transact<T>(
        &self,
        work: impl FnOnce(&State, &WriteTransaction) -> Result<(Option<Change>, T), StoreError>,
    ) -> Result<T, StoreError> {
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
            Ended::Failed(error) => {
                if error.is_lasting() {
                    drop(self.reopen(&mut writer));
                }
                Err(error)
            }
            Ended::Unsure(change, value, error) => self.look_again(&mut writer, &change, value, error),
        }
    }

    /// After an error while committing: opens the file again and looks whether the commit is in it.
    fn look_again<T>(
        &self,
        writer: &mut Writer,
        change: &Change,
        value: T,
        error: redb::Error,
    ) -> Result<T, StoreError> {
        match self.reopen(writer) {
            Ok(state) if state.has(change) => Ok(value),
            Ok(_) => Err(error.into()),
            Err(_) => Err(StoreError::doubt(error)),
        }
    }

    /// The writer's side, for one writer at a time, with an open database.
    fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        let mut writer = self.writer.lock();
        if writer.closed {
            return Err(closed());
        }
        if writer.database.is_none() {
            self.reopen(&mut writer).map_err(|e| e.with_path(&self.path))?;
        }
        Ok(writer)
    }

    fn reopen(&self, writer: &mut Writer) -> Result<Arc<State>, StoreError> {
        *self.state.write() = None;
        drop(writer.database.take());
        let (database, state) = open(&self.opener)?;
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
