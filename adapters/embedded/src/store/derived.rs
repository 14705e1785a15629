//! What is computed from the records of an index, and catches up by the change log after a commit.
//!
//! The seam for every index beside the truth: it says how it is built from a commit, and how it takes over the rows
//! that were touched since. Nothing derived is ever needed to write.

use std::sync::Arc;

use parking_lot::Mutex;
use roaring::RoaringBitmap;

use super::View;
use crate::error::Fault;

/// Something that follows from the records of an index.
pub(crate) trait Derived: Clone {
    /// Computes it from all records of a commit.
    fn build(view: &View<'_>) -> Result<Self, Fault>;

    /// Takes over the rows that were touched since the commit that it stands at.
    fn catch_up(&mut self, view: &View<'_>, rows: &RoaringBitmap) -> Result<(), Fault>;

    /// The bytes of memory that it takes.
    fn memory_bytes(&self) -> u64;
}

/// A derived value and the commit that it stands at; empty until it is first asked for.
#[derive(Debug)]
pub(crate) struct Cached<T>(Mutex<Option<(u64, Arc<T>)>>);

impl<T: Derived> Cached<T> {
    /// The value at a commit: from the change log where it goes back far enough, else built anew.
    pub(crate) fn at(&self, view: &View<'_>) -> Result<Arc<T>, Fault> {
        let mut slot = self.0.lock();
        let value = match slot.take() {
            Some((seq, value)) if seq == view.head() => value,
            Some((seq, mut value)) => match view.changes_since(seq)? {
                Some(rows) => {
                    Arc::make_mut(&mut value).catch_up(view, &rows)?;
                    value
                }
                None => Arc::new(T::build(view)?),
            },
            None => Arc::new(T::build(view)?),
        };
        *slot = Some((view.head(), value.clone()));
        Ok(value)
    }

    /// Whether the value is there at a commit, without waiting.
    pub(crate) fn is_at(&self, seq: u64) -> bool {
        self.0.try_lock().is_some_and(|slot| slot.as_ref().is_some_and(|(at, _)| *at == seq))
    }

    /// The bytes of memory that the value takes, if it is there.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.0.lock().as_ref().map_or(0, |(_, value)| value.memory_bytes())
    }
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Clone for Cached<T> {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.0.lock().clone()))
    }
}
