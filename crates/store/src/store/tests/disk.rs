//! A simulated disk that forgets what was not synced, loses power, and fills up.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::{Builder, Database, DatabaseError, StorageBackend};

use crate::error::StoreError;
use crate::lock::StoreLock;
use crate::open::{Shared, Source};

/// The disk; clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    /// What the program reads back.
    seen: Vec<u8>,
    /// What is left after a power cut, but for `unsynced`.
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    operations: usize,
    cut_at: Option<usize>,
    capacity: usize,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Disk {
    /// A disk that holds this.
    pub(super) fn new(content: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            seen: content.clone(),
            synced: content,
            unsynced: Vec::new(),
            operations: 0,
            cut_at: None,
            capacity: usize::MAX,
        })))
    }

    /// Its database.
    pub(super) fn database(&self) -> Result<Database, DatabaseError> {
        Builder::new().set_cache_size(1 << 20).create_with_backend(self.clone())
    }

    /// How many operations there were.
    pub(super) fn operations(&self) -> usize {
        self.0.lock().operations
    }

    /// Cuts the power after this many operations in all.
    pub(super) fn cut_at(&self, operations: usize) {
        self.0.lock().cut_at = Some(operations);
    }

    /// How large the disk is, in bytes beyond what is on it.
    pub(super) fn set_room(&self, bytes: usize) {
        let mut disk = self.0.lock();
        disk.capacity = disk.seen.len().saturating_add(bytes);
    }

    /// What is on the disk after the power cut: all that was synced, and by chance some of the rest, torn or whole.
    pub(super) fn after_power_cut(&self, seed: u64) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let disk = self.0.lock();
        let mut content = disk.synced.clone();
        for change in &disk.unsynced {
            if chance.random_bool(0.5) {
                apply(&mut content, change, |length| {
                    if chance.random_bool(0.3) { chance.random_range(0..=length) } else { length }
                });
            }
        }
        Self::new(content)
    }
}

/// Applies a change; `kept` says how many bytes of a write arrive.
fn apply(content: &mut Vec<u8>, change: &Change, mut kept: impl FnMut(usize) -> usize) {
    match change {
        Change::Resize(length) => content.resize(*length, 0),
        Change::Write { offset, bytes } => {
            let bytes = &bytes[..kept(bytes.len())];
            if content.len() < offset + bytes.len() {
                content.resize(offset + bytes.len(), 0);
            }
            content[*offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }
}

impl Inner {
    fn operate(&mut self) -> io::Result<()> {
        if self.cut_at.is_some_and(|cut| self.operations >= cut) {
            return Err(io::Error::other("the power is cut"));
        }
        self.operations += 1;
        Ok(())
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.operate()?;
        apply(&mut self.seen, &change, |length| length);
        self.unsynced.push(change);
        Ok(())
    }
}

/// One process has it: a reader is a writer that puts the database in order first.
impl Source for Disk {
    fn exists(&self) -> Result<bool, StoreError> {
        Ok(!self.0.lock().seen.is_empty())
    }

    fn lock(&self) -> Result<Option<StoreLock>, StoreError> {
        Ok(None)
    }

    fn write(&self) -> Result<Database, StoreError> {
        Ok(self.database()?)
    }

    fn read(&self) -> Result<Shared, StoreError> {
        Ok(Shared::new(self.database()?, None))
    }
}

fn index(n: u64) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock();
        let offset = index(offset)?;
        let bytes = disk.seen.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.0.lock();
        let len = index(len)?;
        if len > disk.capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.change(Change::Resize(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.operate()?;
        disk.synced = disk.seen.clone();
        disk.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut disk = self.0.lock();
        let offset = index(offset)?;
        disk.change(Change::Write { offset, bytes: data.to_vec() })
    }
}
