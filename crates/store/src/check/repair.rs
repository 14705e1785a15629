//! Writing a store again from what was saved.

use std::fs;
use std::path::{Path, PathBuf};

use portolan_core::Result;
use portolan_core::driver::WriteError;

use super::index::Saved;
use super::report::Repaired;
use crate::error::io;
use crate::open::FILE;
use crate::store::{Store, StoreOptions};

/// How many records are written in one transaction.
const BATCH: usize = 5_000;

/// Writes a new file in place of the damaged one, which is kept beside it.
pub(super) fn write(directory: &Path, options: StoreOptions, saved: &[Saved], lost: u64) -> Result<Repaired> {
    let making = directory.join("repairing");
    match fs::remove_dir_all(&making) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(&making, &e)),
        _ => {}
    }
    let store = Store::open_directory(&making, options)?;
    store.make()?;
    let mut records = 0;
    for index in saved {
        fill(&store, index).map_err(WriteError::into_error)?;
        records += index.rows.len() as u64;
    }
    store.close()?;
    let (file, kept) = (directory.join(FILE), unused(directory));
    // There is a store under its name at every moment.
    fs::hard_link(&file, &kept)
        .or_else(|_| fs::copy(&file, &kept).map(drop))
        .and_then(|()| fs::rename(making.join(FILE), &file))
        .map_err(|e| io(&kept, &e))?;
    fs::remove_dir_all(&making).map_err(|e| io(&making, &e))?;
    Ok(Repaired { kept, records, lost })
}

fn fill(store: &Store, index: &Saved) -> Result<(), WriteError> {
    let name = &index.spec.name;
    store.create_again(name, &index.spec, &index.created_at)?;
    for batch in index.rows.chunks(BATCH) {
        store.edit(name, |_, edit| batch.iter().try_for_each(|row| edit.put(row)))?;
    }
    Ok(())
}

/// A name for the damaged file that no file has.
fn unused(directory: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let path = directory.join(format!("{FILE}.damaged-{number}"));
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}
