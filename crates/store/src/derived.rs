//! What is computed from the records of an index, and catches up by the change log after a commit.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use parking_lot::Mutex;
use roaring::RoaringBitmap;

use crate::error::StoreError;
use crate::snapshot::Snapshot;

/// Something that follows from the records of an index, and is kept in memory once it was asked for.
///
/// A clone is cheap, and later changes of one do not change the other: a reader keeps the value of its own commit.
pub trait Derived: Clone + Send + Sync + 'static {
    /// Computes it from all records of a commit.
    ///
    /// # Errors
    /// Those of reading the file.
    fn build(snapshot: &Snapshot<'_>) -> Result<Self, StoreError>;

    /// Takes over the rows that were touched since the commit that it stands at; some of them may be gone.
    ///
    /// # Errors
    /// Those of reading the file.
    fn catch_up(&mut self, snapshot: &Snapshot<'_>, rows: &RoaringBitmap) -> Result<(), StoreError>;

    /// The bytes of memory that it takes.
    fn memory_bytes(&self) -> u64;
}

/// All that is derived from an index, each by its type; a clone is for the next commit.
#[derive(Default)]
pub(crate) struct DerivedValues(Mutex<BTreeMap<TypeId, Arc<dyn Slot>>>);

impl DerivedValues {
    /// The value at a commit: from the change log where it goes back far enough, else built from all records.
    pub(crate) fn at<T: Derived>(&self, snapshot: &Snapshot<'_>) -> Result<Arc<T>, StoreError> {
        self.cached().at(snapshot)
    }

    /// Whether the value of a type is there at a commit, without waiting.
    pub(crate) fn is_at<T: Derived>(&self, seq: u64) -> bool {
        self.0.lock().get(&TypeId::of::<T>()).is_some_and(|slot| slot.is_at(seq))
    }

    /// The bytes of memory that all values take.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.slots().values().map(|slot| slot.memory_bytes()).sum()
    }

    fn cached<T: Derived>(&self) -> Arc<Cached<T>> {
        let mut slots = self.0.lock();
        let known = slots.get(&TypeId::of::<T>()).map(|slot| slot.clone() as Arc<dyn Any + Send + Sync>);
        known.and_then(|slot| slot.downcast().ok()).unwrap_or_else(|| {
            let cached = Arc::new(Cached::<T>(Mutex::new(None)));
            slots.insert(TypeId::of::<T>(), cached.clone());
            cached
        })
    }

    /// The slots, so that nobody waits for one of them with the lock on all held.
    fn slots(&self) -> BTreeMap<TypeId, Arc<dyn Slot>> {
        self.0.lock().clone()
    }
}

impl Clone for DerivedValues {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.slots().iter().map(|(of, slot)| (*of, slot.duplicate())).collect()))
    }
}

impl Debug for DerivedValues {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedValues").finish_non_exhaustive()
    }
}

/// A value and the commit that it stands at; empty until it is first asked for.
struct Cached<T>(Mutex<Option<(u64, Arc<T>)>>);

/// What there is to do with a [`Cached`] of any type.
trait Slot: Any + Send + Sync {
    fn is_at(&self, seq: u64) -> bool;
    fn memory_bytes(&self) -> u64;
    fn duplicate(&self) -> Arc<dyn Slot>;
}

impl<T: Derived> Cached<T> {
    fn at(&self, snapshot: &Snapshot<'_>) -> Result<Arc<T>, StoreError> {
        let mut slot = self.0.lock();
        let value = match slot.take() {
            Some((seq, value)) if seq == snapshot.head() => value,
            Some((seq, mut value)) => match snapshot.changes_since(seq)? {
                Some(rows) => {
                    Arc::make_mut(&mut value).catch_up(snapshot, &rows)?;
                    value
                }
                None => Arc::new(T::build(snapshot)?),
            },
            None => Arc::new(T::build(snapshot)?),
        };
        *slot = Some((snapshot.head(), value.clone()));
        Ok(value)
    }
}

impl<T: Derived> Slot for Cached<T> {
    fn is_at(&self, seq: u64) -> bool {
        self.0.try_lock().is_some_and(|slot| slot.as_ref().is_some_and(|(at, _)| *at == seq))
    }

    fn memory_bytes(&self) -> u64 {
        self.0.lock().as_ref().map_or(0, |(_, value)| value.memory_bytes())
    }

    fn duplicate(&self) -> Arc<dyn Slot> {
        Arc::new(Self(Mutex::new(self.0.lock().clone())))
    }
}
