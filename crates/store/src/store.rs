//! The truth: one redb file, one writer, and readers that each see one commit.

use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard};
use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, IndexSpec, Result, time};
use redb::{CompactionError, Database, ReadableDatabase, WriteTransaction};

use crate::edit::Edit;
use crate::error::StoreError;
use crate::fields::MAX_FIELDS;
use crate::lock::StoreLock;
use crate::open::{Directory, Shared, Source, indexes, initialize};
use crate::tables::{self, INDEXES};
use crate::transaction::{self, Durability, Ended, flush};
use crate::view::{Change, Index, Indexes, State, View};

/// How long compaction waits for readers in other processes, and how often it looks.
const READERS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_millis(20));

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// When a write is on disk.
    pub durability: Durability,
    /// How many MiB of the file are kept in memory.
    pub cache_mb: usize,
    /// Whether writes are refused; nothing is written then, no lock either.
    pub read_only: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { durability: Durability::Commit, cache_mb: 128, read_only: false }
    }
}

/// A store: what is in the file, and what readers see of it.
///
/// It reads beside a writer in another process until it is first written to; from then on it is the writer. A reader
/// keeps the commit that it began with. [`read`](Self::read), [`write`](Self::write), [`inline`](Self::inline) and
/// [`blocking`](Self::blocking) say where a call runs; the others run at once, and may wait for the disk.
pub struct Store {
    path: PathBuf,
    options: StoreOptions,
    source: Box<dyn Source>,
    /// Whose turn it is to write: a write keeps it until it has ended, also when its caller has left.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    side: Mutex<Side>,
    /// The newest commit, once this is the writer.
    state: RwLock<Option<Arc<State>>>,
    /// Held by each reader while it works, so that compaction, which must be alone, can wait for them.
    readers: RwLock<()>,
}

/// On which side of the file the store stands. After an error that leaves a database unusable there is none, until it
/// is opened again.
#[derive(Default)]
struct Side {
    reader: Option<Reader>,
    writer: Option<Database>,
    closed: bool,
    /// Last, so that it is released when the file is.
    lock: Option<StoreLock>,
}

/// Reads beside a writer: each call begins at the newest commit, and holds none between calls.
struct Reader {
    database: Shared,
    indexes: Indexes,
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
        self.create_again(name, spec, &time::now())
    }

    /// Creates an index that was created before.
    pub(crate) fn create_again(
        &self,
        name: &str,
        spec: &IndexSpec,
        created_at: &str,
    ) -> Result<(), WriteError> {
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
        self.commit(None, |state, txn| {
            if state.indexes().contains_key(name) {
                return Err(Error::new(
                    ErrorKind::AlreadyExists,
                    format!("an index {name:?} exists already"),
                )
                .into());
            }
            let number = tables::create(txn)?;
            txn.open_table(INDEXES)?.insert(name, (number, json.as_str(), created_at))?;
            Ok((Some((name.to_owned(), Some(Index::new(number, spec.clone(), created_at, 0)))), ()))
        })
    }

    /// Deletes an index.
    ///
    /// # Errors
    /// `NotFound`; those of writing the file.
    pub fn drop_index(&self, name: &str) -> Result<(), WriteError> {
        self.commit(Some(name), |state, txn| {
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
        self.commit(Some(name), |state, txn| {
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
        self.commit(Some(name), |state, txn| {
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
        let side = self.side()?;
        if self.options.durability == Durability::Commit {
            return Ok(());
        }
        side.writer.as_ref().map_or(Ok(()), flush).map_err(|e| e.with_path(&self.path))
    }

    /// Gives free space back to the file system; says whether there was any. Waits for readers, and lets none begin.
    ///
    /// # Errors
    /// `NotReady` where another process goes on reading; those of writing the file.
    pub fn compact(&self) -> Result<bool> {
        let mut side = self.writer(None).map_err(|e| e.with_path(&self.path))?;
        let _alone = self.readers.write();
        let known = self.state.write().take().map(|state| state.indexes().clone()).unwrap_or_default();
        let Some(mut database) = side.writer.take() else { return Ok(false) };
        let compacted = self.compact_without_readers(&mut database);
        let state = flush(&database).and_then(|()| state(&database, &known));
        if let Ok(state) = state {
            *self.state.write() = Some(Arc::new(state));
            side.writer = Some(database);
        }
        compacted.map_err(|e| e.with_path(&self.path))
    }

    /// Releases the file and the directory; later calls fail. Idempotent.
    ///
    /// # Errors
    /// Those of writing what was not durable yet.
    pub fn close(&self) -> Result<()> {
        let mut side = self.side.lock();
        side.closed = true;
        side.reader = None;
        *self.state.write() = None;
        let _released_last = side.lock.take();
        let Some(database) = side.writer.take() else { return Ok(()) };
        let flushed = match self.options.durability {
            Durability::None => flush(&database),
            Durability::Commit => Ok(()),
        };
        let closed = database.close().map_err(StoreError::from);
        flushed.and(closed).map_err(|e| e.with_path(&self.path))
    }

    /// Opens the store of a directory to read, if there is one.
    pub(crate) fn open_directory(path: &Path, options: StoreOptions) -> Result<Self> {
        let StoreOptions { durability, cache_mb, read_only } = options;
        let source = Directory { path: path.to_owned(), durability, cache_mb, read_only };
        Self::over(path, options, source)
    }

    /// Makes the store, if it is not there.
    pub(crate) fn make(&self) -> Result<()> {
        self.writer(None).map(drop).map_err(|e| e.with_path(&self.path))
    }

    /// A store over a database, opened to read, if there is one.
    pub(crate) fn over(path: &Path, options: StoreOptions, source: impl Source) -> Result<Self> {
        let store = Self {
            path: path.to_owned(),
            options,
            source: Box::new(source),
            turn: Arc::default(),
            side: Mutex::default(),
            state: RwLock::new(None),
            readers: RwLock::new(()),
        };
        store.newest(&mut *store.side()?).map_err(|e| e.with_path(path))?;
        Ok(store)
    }

    /// Whether this is the writer, so that nobody else changes the store.
    pub fn is_writer(&self) -> bool {
        self.state.read().is_some()
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
        let (state, _reading) = self.newest_to_read()?;
        work(&state).map_err(|e| e.with_path(&self.path))
    }

    /// The newest commit, and what keeps compaction away from it.
    fn newest_to_read(&self) -> Result<(Arc<State>, RwLockReadGuard<'_, ()>)> {
        let reading = self.readers.read();
        let written = self.state.read().clone();
        if let Some(state) = written {
            return Ok((state, reading));
        }
        // Whoever waits for readers holds the side, so that it is taken first.
        drop(reading);
        let mut side = self.side()?;
        let state = self.newest(&mut side).map_err(|e| e.with_path(&self.path))?;
        Ok((state, self.readers.read()))
    }

    /// The newest commit, on whichever side this stands.
    fn newest(&self, side: &mut Side) -> Result<Arc<State>, StoreError> {
        let written = self.state.read().clone();
        match written {
            Some(state) => Ok(state),
            None if side.lock.is_some() => self.open_to_write(side),
            None => self.newest_of_others(side),
        }
    }

    /// The newest commit that another process wrote; without any index where there is no store.
    fn newest_of_others(&self, side: &mut Side) -> Result<Arc<State>, StoreError> {
        let mut reader = match side.reader.take() {
            Some(reader) => reader,
            None if self.source.exists()? => {
                Reader { database: self.source.read()?, indexes: Indexes::new() }
            }
            None => return Ok(Arc::new(State::absent())),
        };
        let txn = reader.database.begin()?;
        reader.indexes = indexes(&txn, &reader.indexes)?;
        let state = State::new(txn, reader.indexes.clone());
        side.reader = Some(reader);
        Ok(Arc::new(state))
    }

    /// Runs a transaction and shows readers what it changed; one without a change is not committed. A store that is not
    /// there is made, but for a transaction on an `index`.
    fn commit<T>(
        &self,
        index: Option<&str>,
        work: impl FnOnce(&State, &WriteTransaction) -> Result<(Option<Change>, T), StoreError>,
    ) -> Result<T, WriteError> {
        self.transact(index, work).map_err(|e| e.of_write(&self.path))
    }

    fn transact<T>(
        &self,
        index: Option<&str>,
        work: impl FnOnce(&State, &WriteTransaction) -> Result<(Option<Change>, T), StoreError>,
    ) -> Result<T, StoreError> {
        let mut side = self.writer(index)?;
        let state = self.state.read().clone();
        let (Some(database), Some(state)) = (&side.writer, state) else { return Err(closed().into()) };
        match transaction::run(database, self.options.durability, |txn| work(&state, txn)) {
            Ended::Unchanged(value) => Ok(value),
            Ended::Committed(change, value) => {
                match state.after(database, change) {
                    Ok(next) => *self.state.write() = Some(Arc::new(next)),
                    // It is stored; readers find it once the file is opened again.
                    Err(_) => drop(self.reopen(&mut side)),
                }
                Ok(value)
            }
            Ended::Failed(error) => {
                if error.is_lasting() {
                    drop(self.reopen(&mut side));
                }
                Err(error)
            }
            Ended::Unsure(change, value, error) => self.look_again(&mut side, &change, value, error),
        }
    }

    /// After an error while committing: opens the file again and looks whether the commit is in it.
    fn look_again<T>(
        &self,
        side: &mut Side,
        change: &Change,
        value: T,
        error: redb::Error,
    ) -> Result<T, StoreError> {
        match self.reopen(side) {
            Ok(state) if state.has(change) => Ok(value),
            Ok(_) => Err(error.into()),
            Err(_) => Err(StoreError::doubt(error)),
        }
    }

    /// The side of the file on which this stands.
    fn side(&self) -> Result<MutexGuard<'_, Side>> {
        let side = self.side.lock();
        if side.closed { Err(closed()) } else { Ok(side) }
    }

    /// The writer's side, for one writer at a time, with an open database. A store that is not there is made, but for a
    /// transaction on an `index`.
    fn writer(&self, index: Option<&str>) -> Result<MutexGuard<'_, Side>, StoreError> {
        let mut side = self.side()?;
        if self.options.read_only {
            return Err(read_only(&self.path).into());
        }
        if side.writer.is_none() {
            match index {
                Some(name) if !self.source.exists()? => return Err(StoreError::absent(name)),
                _ => self.open_to_write(&mut side)?,
            };
        }
        Ok(side)
    }

    /// Becomes the writer, or the writer again.
    fn open_to_write(&self, side: &mut Side) -> Result<Arc<State>, StoreError> {
        if side.lock.is_none() {
            side.lock = self.source.lock()?;
        }
        let opened = self.open_alone(side);
        if opened.is_err() {
            side.lock = None;
        }
        opened
    }

    fn open_alone(&self, side: &mut Side) -> Result<Arc<State>, StoreError> {
        // A writer that bears no reader beside it is not to find those of this process.
        let _alone = self.readers.write();
        let known = side.reader.take().map(|reader| reader.indexes).unwrap_or_default();
        let database = self.source.write()?;
        initialize(&database)?;
        let state = Arc::new(state(&database, &known)?);
        side.writer = Some(database);
        *self.state.write() = Some(state.clone());
        Ok(state)
    }

    fn reopen(&self, side: &mut Side) -> Result<Arc<State>, StoreError> {
        *self.state.write() = None;
        drop(side.writer.take());
        self.open_alone(side)
    }

    fn compact_without_readers(&self, database: &mut Database) -> Result<bool, StoreError> {
        let (patience, pause) = READERS;
        let begun = Instant::now();
        loop {
            match database.compact() {
                Err(CompactionError::TransactionInProgress) if begun.elapsed() < patience => sleep(pause),
                Err(CompactionError::TransactionInProgress) => return Err(still_read(&self.path).into()),
                compacted => return Ok(compacted?),
            }
        }
    }
}

impl Debug for Store {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The newest commit of the writer's own database.
fn state(database: &Database, known: &Indexes) -> Result<State, StoreError> {
    let txn = database.begin_read()?;
    let indexes = indexes(&txn, known)?;
    Ok(State::new(txn, indexes))
}

fn closed() -> Error {
    Error::invalid("the storage is closed; open it again")
}

fn read_only(path: &Path) -> Error {
    Error::new(
        ErrorKind::PermissionDenied,
        format!("the store at {} is opened with read_only=true: open it without, to write", path.display()),
    )
}

fn still_read(path: &Path) -> Error {
    Error::new(
        ErrorKind::NotReady,
        format!(
            "another process reads the store at {} without a pause, and it can be made smaller only while nobody reads; \
             nothing was changed: stop the reader, or try again later",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests;
