//! Opening the file: to write, to read beside a writer; its version, its indexes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use portolan_core::{ErrorKind, IndexSpec};
use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable,
    TableError,
};

use crate::error::{StoreError, io};
use crate::lock::{self, StoreLock};
use crate::overlay::Overlay;
use crate::tables::{CHANGES, FORMAT, FORMAT_KEY, INDEXES, META};
use crate::transaction::Durability;
use crate::view::{Index, Indexes};

/// The name of the file in the directory of a store.
pub(crate) const FILE: &str = "portolan.redb";

/// How often, and how long each time, a reader waits for a writer that puts the file in order.
const PATIENCE: (u32, Duration) = (100, Duration::from_millis(20));

/// Where the database of a store is, and how it is opened.
pub(crate) trait Source: Send + Sync + 'static {
    /// Whether there is one.
    fn exists(&self) -> Result<bool, StoreError>;

    /// Keeps other writers away, and makes what the database lies in.
    fn lock(&self) -> Result<Option<StoreLock>, StoreError>;

    /// Opens it to write, and makes it where there is none.
    fn write(&self) -> Result<Database, StoreError>;

    /// Opens it to read, beside a writer.
    fn read(&self) -> Result<Shared, StoreError>;
}

/// The file in a directory.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) durability: Durability,
    pub(crate) cache_mb: usize,
    pub(crate) read_only: bool,
}

impl Source for Directory {
    fn exists(&self) -> Result<bool, StoreError> {
        let file = self.file();
        Ok(file.try_exists().map_err(|e| io(&file, &e))?)
    }

    fn lock(&self) -> Result<Option<StoreLock>, StoreError> {
        std::fs::create_dir_all(&self.path).map_err(|e| io(&self.path, &e))?;
        Ok(Some(StoreLock::take(&self.path)?))
    }

    /// A file that is new gets its name when it is whole, so that a kill leaves no half a file.
    fn write(&self) -> Result<Database, StoreError> {
        let (builder, file) = (self.builder(self.mode()), self.file());
        if !self.exists()? {
            let new = file.with_extension("new");
            match std::fs::remove_file(&new) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(&new, &e).into()),
                _ => builder.create(&new)?.close()?,
            }
            std::fs::rename(&new, &file).map_err(|e| io(&file, &e))?;
        }
        match builder.open(&file) {
            Err(DatabaseError::DatabaseAlreadyOpen) if self.mode() == ConcurrencyMode::ExclusiveWriter => {
                Err(lock::read_by_others(&self.path).into())
            }
            opened => Ok(opened?),
        }
    }

    fn read(&self) -> Result<Shared, StoreError> {
        let (attempts, pause) = PATIENCE;
        for _ in 0..attempts {
            match self.read_once() {
                Ok(database) => return Ok(database),
                Err(DatabaseError::DatabaseAlreadyOpen) => return Err(lock::kept(&self.path).into()),
                // The last writer was killed, or another is about to open the file.
                Err(DatabaseError::RepairAborted) => {}
                Err(e) => return Err(e.into()),
            }
            match if self.read_only { self.copy().map(Some) } else { self.put_in_order() } {
                Ok(Some(copy)) => return Ok(copy),
                Ok(None) => {}
                Err(e) if e.kind() == ErrorKind::NotReady => sleep(pause),
                Err(e) => return Err(e),
            }
        }
        Err(lock::kept(&self.path).into())
    }
}

impl Directory {
    /// A directory that is read, and in which nothing is written.
    pub(crate) fn read_only(path: &Path, cache_mb: usize) -> Self {
        Self { path: path.to_owned(), durability: Durability::Commit, cache_mb, read_only: true }
    }

    /// Opens the file to read, if its last writer closed it, or still writes.
    pub(crate) fn read_once(&self) -> Result<Shared, DatabaseError> {
        let database = self.builder(ConcurrencyMode::SingleWriter).open_read_only(self.file())?;
        Ok(Shared::new(database, None))
    }

    fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    fn mode(&self) -> ConcurrencyMode {
        match self.durability {
            Durability::Commit => ConcurrencyMode::SingleWriter,
            // Others would see commits that a power cut can undo.
            Durability::None => ConcurrencyMode::ExclusiveWriter,
        }
    }

    fn builder(&self, mode: ConcurrencyMode) -> Builder {
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_mb << 20).set_concurrency_mode(mode);
        builder
    }

    /// Opens a file as a writer and closes it, so that it can be read; where it cannot be written, a copy in memory.
    fn put_in_order(&self) -> Result<Option<Shared>, StoreError> {
        let open = || {
            let _lock = self.lock()?;
            Ok(self.write()?.close()?)
        };
        match open() {
            Ok(()) => Ok(None),
            Err(e) if StoreError::kind(&e) == ErrorKind::PermissionDenied => self.copy().map(Some),
            Err(e) => Err(e),
        }
    }

    /// The file as it is put in order in memory. No writer can begin meanwhile.
    fn copy(&self) -> Result<Shared, StoreError> {
        let lock = StoreLock::share(&self.path)?;
        let overlay = Overlay::new(&self.file())?;
        let database = self.builder(ConcurrencyMode::ExclusiveWriter).create_with_backend(overlay)?;
        Ok(Shared::new(database, lock))
    }
}

/// A database that is read.
pub(crate) struct Shared {
    database: Box<dyn ReadableDatabase + Send + Sync>,
    /// Last, so that it is released when the file is.
    _lock: Option<StoreLock>,
}

impl Shared {
    /// A database, and what keeps writers away from it where it must.
    pub(crate) fn new(database: impl ReadableDatabase + Send + Sync + 'static, lock: Option<StoreLock>) -> Self {
        Self { database: Box::new(database), _lock: lock }
    }

    /// The newest commit.
    pub(crate) fn begin(&self) -> Result<ReadTransaction, StoreError> {
        Ok(self.database.begin_read()?)
    }
}

/// Makes a database a store if it is empty.
pub(crate) fn initialize(database: &Database) -> Result<(), StoreError> {
    if has_format(&database.begin_read()?)? {
        return Ok(());
    }
    let mut txn = database.begin_write()?;
    txn.set_quick_repair(true);
    txn.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
    txn.open_table(INDEXES)?;
    Ok(txn.commit()?)
}

/// The indexes in a commit: those of an earlier one, with what is derived from them, as far as they are the same.
pub(crate) fn indexes(txn: &ReadTransaction, known: &Indexes) -> Result<Indexes, StoreError> {
    let mut indexes = Indexes::new();
    if !has_format(txn)? {
        return Ok(indexes);
    }
    for entry in txn.open_table(INDEXES)?.iter()? {
        let (name, value) = entry?;
        let (name, (number, json, created_at)) = (name.value(), value.value());
        let head = CHANGES.read(txn, number)?.last()?.map_or(0, |(seq, _)| seq.value());
        let index = match known.get(name).and_then(|index| Index::at(index, number, head)) {
            Some(index) => index,
            None => Arc::new(Index::new(number, spec(name, json)?, created_at, head)),
        };
        indexes.insert(name.to_owned(), index);
    }
    Ok(indexes)
}

/// The spec of an index.
pub(crate) fn spec(name: &str, json: &str) -> Result<IndexSpec, StoreError> {
    serde_json::from_str(json)
        .map_err(|e| StoreError::damaged(format!("the spec of the index {name:?}: {e}")))
}

/// Whether the database is a store, of a format that is known here; not where it is empty.
pub(crate) fn has_format(txn: &ReadTransaction) -> Result<bool, StoreError> {
    match txn.open_table(META) {
        Ok(meta) => match meta.get(FORMAT_KEY)?.map(|version| version.value()) {
            Some(found) if found > FORMAT => Err(StoreError::newer(found, FORMAT)),
            Some(_) => Ok(true),
            None => Err(StoreError::damaged("the file names no version of its format")),
        },
        Err(TableError::TableDoesNotExist(_)) if txn.list_tables()?.next().is_none() => Ok(false),
        Err(TableError::TableDoesNotExist(_)) => {
            Err(StoreError::damaged("the file is a database of another program"))
        }
        Err(e) => Err(e.into()),
    }
}
