//! Checking a store, value by value, and saving what can be read of a damaged one.

mod index;
mod repair;
mod report;

use std::path::Path;

use portolan_core::{Error, ErrorKind, Result};
use redb::{Builder, ReadTransaction, ReadableTable};

use self::index::{CheckedIndex, Saved};
pub use self::report::{Checked, Damage, Repaired};
use crate::error::{StoreError, guarded};
use crate::lock::StoreLock;
use crate::open::{Directory, FILE, Shared, Source, has_format, spec};
use crate::overlay::Overlay;
use crate::store::StoreOptions;
use crate::tables::INDEXES;

/// Reads all of a store: every value by its checksum, whether ids, records, vectors and the field index agree, and where
/// nobody writes, every page of the file. Nothing is written; a writer in another process goes on.
///
/// # Errors
/// `NotFound` where there is no store; `NotReady` where another process lets none read; those of the disk. What is
/// damaged is no error.
pub fn check(directory: &Path, cache_mb: usize) -> Result<Checked> {
    run(directory, cache_mb, false).map(|(checked, _)| checked)
}

/// Checks a store, and where it is damaged, writes a new file with every record that can be read as a whole. The damaged
/// file is kept beside it.
///
/// # Errors
/// Those of [`check`]; `NotReady` where another process writes; those of writing the disk.
pub fn repair(directory: &Path, cache_mb: usize) -> Result<Checked> {
    let lock = StoreLock::take_existing(directory, &directory.join(FILE))?;
    let (mut checked, saved) = run(directory, cache_mb, true)?;
    if !checked.is_sound() {
        let options = StoreOptions { cache_mb, ..StoreOptions::default() };
        let lost = checked.damage.iter().filter(|damage| damage.id.is_some()).count() as u64;
        checked.repaired = Some(repair::write(directory, options, &saved, lost)?);
    }
    drop(lock);
    Ok(checked)
}

/// Checks a store; what can be read of it is kept where it is `to_be_saved`.
fn run(directory: &Path, cache_mb: usize, to_be_saved: bool) -> Result<(Checked, Vec<Saved>)> {
    let file = directory.join(FILE);
    let source = Directory::read_only(directory, cache_mb);
    let mut checked =
        Checked { file: file.clone(), indexes: 0, records: 0, damage: Vec::new(), repaired: None };
    let in_store = |e: StoreError| e.with_path(directory);
    if !source.exists().map_err(in_store)? {
        let message = format!("there is no store at {}", directory.display());
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    let mut saved = Vec::new();
    match guarded(|| open(&source, &file, to_be_saved)) {
        Ok(database) => {
            let walked = guarded(|| {
                let txn = database.begin()?;
                each_index(&txn, &mut checked, to_be_saved, &mut saved)
            });
            note(&mut checked, walked)?;
        }
        Err(e) => note(&mut checked, Err(e))?,
    }
    // What nobody looks for in the values: the pages between them.
    if checked.is_sound() && (to_be_saved || !is_written(directory)) {
        let pages = guarded(|| check_pages(&file, cache_mb));
        note(&mut checked, pages)?;
    }
    Ok((checked, saved))
}

/// Opens a file to read; one that its database refuses, as it would be put in order.
fn open(source: &Directory, file: &Path, is_locked: bool) -> Result<Shared, StoreError> {
    let read = || if is_locked { Ok(source.read_once()?) } else { source.read() };
    match guarded(read) {
        Err(e) if e.is_damage() => {
            Ok(Shared::new(Builder::new().create_with_backend(Overlay::new(file)?)?, None))
        }
        opened => opened,
    }
}

fn each_index(
    txn: &ReadTransaction,
    checked: &mut Checked,
    to_be_saved: bool,
    saved: &mut Vec<Saved>,
) -> Result<(), StoreError> {
    if !has_format(txn)? {
        return Ok(());
    }
    let indexes = txn.open_table(INDEXES)?;
    for entry in indexes.iter()? {
        let (name, value) = entry?;
        let (number, json, created_at) = value.value();
        let spec = match spec(name.value(), json) {
            Ok(spec) if spec.name == name.value() => spec,
            Ok(spec) => {
                let what = format!("its spec is that of {:?}", spec.name);
                checked.damage.push(Damage { index: Some(name.value().to_owned()), id: None, what });
                continue;
            }
            Err(e) => {
                checked.damage.push(Damage {
                    index: Some(name.value().to_owned()),
                    id: None,
                    what: e.what(),
                });
                continue;
            }
        };
        checked.indexes += 1;
        let found = CheckedIndex::read(txn, number, &spec, to_be_saved)?;
        checked.records += found.sound;
        checked.damage.extend(found.damage);
        saved.push(Saved { spec, created_at: created_at.to_owned(), rows: found.rows });
    }
    Ok(())
}

/// Notes damage; any other error ends the check.
fn note(checked: &mut Checked, found: Result<(), StoreError>) -> Result<()> {
    match found {
        Err(e) if e.is_damage() => {
            checked.damage.push(Damage { index: None, id: None, what: e.what() });
            Ok(())
        }
        Err(e) => Err(e.with_path(&checked.file)),
        Ok(()) => Ok(()),
    }
}

fn is_written(directory: &Path) -> bool {
    StoreLock::share(directory).is_err()
}

/// Checks each page that the database uses.
fn check_pages(file: &Path, cache_mb: usize) -> Result<(), StoreError> {
    let mut database =
        Builder::new().set_cache_size(cache_mb << 20).create_with_backend(Overlay::new(file)?)?;
    match database.check_integrity() {
        Ok(true) => Ok(()),
        Ok(false) => Err(StoreError::damaged("pages of the file are damaged, and no value that is in use")),
        Err(e) => Err(e.into()),
    }
}
