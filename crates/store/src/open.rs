//! Opening the file: its version, its indexes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use portolan_core::IndexSpec;
use redb::{Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, TableError};

use crate::error::StoreError;
use crate::tables::{CHANGES, FORMAT, FORMAT_KEY, INDEXES, META};
use crate::view::{Index, State};

/// How the database is opened, and opened again after an error.
pub(crate) type Opener = Arc<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// Opens a file. One that is new gets its name when it is whole, so that a kill leaves no half a file.
pub(crate) fn file(path: PathBuf, cache_mb: usize) -> Opener {
    Arc::new(move || {
        let mut builder = Builder::new();
        builder.set_cache_size(cache_mb << 20);
        if !path.try_exists()? {
            let new = path.with_extension("new");
            match std::fs::remove_file(&new) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
                _ => builder.create(&new)?.close()?,
            }
            std::fs::rename(&new, &path)?;
        }
        builder.open(&path)
    })
}

/// Opens the database, makes it a store if it is empty, and reads what indexes there are.
pub(crate) fn open(opener: &Opener) -> Result<(Database, State), StoreError> {
    let database = opener()?;
    let txn = database.begin_read()?;
    match format(&txn)? {
        Some(found) if found > FORMAT => return Err(StoreError::newer(found, FORMAT)),
        Some(_) => {}
        None => initialize(&database)?,
    }
    drop(txn);
    let indexes = indexes(&database.begin_read()?)?;
    let state = State::read(&database, indexes)?;
    Ok((database, state))
}

/// The version of the format; `None` where the database is empty.
fn format(txn: &ReadTransaction) -> Result<Option<u64>, StoreError> {
    match txn.open_table(META) {
        Ok(meta) => match meta.get(FORMAT_KEY)? {
            Some(version) => Ok(Some(version.value())),
            None => Err(StoreError::damaged("the file names no version of its format")),
        },
        Err(TableError::TableDoesNotExist(_)) if txn.list_tables()?.next().is_none() => Ok(None),
        Err(TableError::TableDoesNotExist(_)) => {
            Err(StoreError::damaged("the file is a database of another program"))
        }
        Err(e) => Err(e.into()),
    }
}

fn initialize(database: &Database) -> Result<(), StoreError> {
    let mut txn = database.begin_write()?;
    txn.set_quick_repair(true);
    txn.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
    txn.open_table(INDEXES)?;
    Ok(txn.commit()?)
}

fn indexes(txn: &ReadTransaction) -> Result<BTreeMap<String, Arc<Index>>, StoreError> {
    let mut indexes = BTreeMap::new();
    for entry in txn.open_table(INDEXES)?.iter()? {
        let (name, value) = entry?;
        let (number, json, created_at) = value.value();
        let spec: IndexSpec = serde_json::from_str(json)
            .map_err(|e| StoreError::damaged(format!("the spec of the index {:?}: {e}", name.value())))?;
        let changes = CHANGES.read(txn, number)?;
        let head = changes.last()?.map_or(0, |(seq, _)| seq.value());
        indexes.insert(name.value().to_owned(), Arc::new(Index::new(number, spec, created_at, head)));
    }
    Ok(indexes)
}
