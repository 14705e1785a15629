//! Serializes the writes of one storage where the engine reads before it writes.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

const STRIPES: usize = 64;

/// Locks of ids and of whole indexes, by stripes.
#[derive(Debug)]
pub(super) struct Locks {
    openings: Vec<Mutex<()>>,
    indexes: Vec<RwLock<()>>,
    ids: Vec<Mutex<()>>,
    hasher: RandomState,
}

/// Held while some ids are written.
#[derive(Debug, Default)]
pub(super) struct IdGuard<'a> {
    _ids: Vec<MutexGuard<'a, ()>>,
    _index: Option<RwLockReadGuard<'a, ()>>,
}

impl Default for Locks {
    fn default() -> Self {
        Self {
            openings: (0..STRIPES).map(|_| Mutex::default()).collect(),
            indexes: (0..STRIPES).map(|_| RwLock::default()).collect(),
            ids: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Locks {
    /// Waits until nobody else writes these ids, or the whole index.
    pub(super) async fn ids<'a>(&self, index: &str, ids: impl Iterator<Item = &'a str>) -> IdGuard<'_> {
        let stripes: BTreeSet<usize> = ids.map(|id| self.stripe((index, id))).collect();
        let whole = self.indexes[self.stripe(index)].read().await;
        let mut guards = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            guards.push(self.ids[stripe].lock().await);
        }
        IdGuard { _ids: guards, _index: Some(whole) }
    }

    /// Waits until nobody else writes any id of the index: what has read a record would write it back.
    pub(super) async fn index(&self, index: &str) -> RwLockWriteGuard<'_, ()> {
        self.indexes[self.stripe(index)].write().await
    }

    /// Waits until nobody else opens the index.
    pub(super) async fn opening(&self, index: &str) -> MutexGuard<'_, ()> {
        self.openings[self.stripe(index)].lock().await
    }

    fn stripe(&self, of: impl std::hash::Hash) -> usize {
        self.hasher.hash_one(of) as usize % STRIPES
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_whole_index_waits_for_its_ids_and_holds_them_off() {
        let locks = Locks::default();
        let some = locks.ids("a", ["x"].into_iter()).await;
        assert!(locks.ids("a", ["x"].into_iter()).now_or_never().is_none());
        assert!(locks.index("a").now_or_never().is_none());
        drop(some);
        let whole = locks.index("a").await;
        assert!(locks.ids("a", ["y"].into_iter()).now_or_never().is_none());
        drop(whole);
        assert!(locks.ids("a", ["y"].into_iter()).now_or_never().is_some());
    }
}
