//! Which records this handle is writing.
//!
//! Chroma keeps metadata and vectors apart and writes one after the other, so that a read may find half of a record
//! new. A read that met a record under way is repeated while nothing is written.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;

use parking_lot::Mutex;
use portolan_core::Result;
use portolan_core::driver::NativeId;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The writes to one collection.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    /// Shared by writes, held alone by a read that is repeated.
    gate: RwLock<()>,
    log: Mutex<Log>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Log {
    /// Counts what begins and ends.
    clock: u64,
    running: HashMap<u64, Ids>,
    /// When they ended; kept for the reads that began before.
    ended: VecDeque<(u64, Ids)>,
    /// When reads that go on began, and how many then.
    reads: BTreeMap<u64, usize>,
}

/// Records, by the hashes of their ids.
#[derive(Debug)]
enum Ids {
    All,
    Some(HashSet<u64>),
}

impl Ids {
    fn hold(&self, id: u64) -> bool {
        match self {
            Self::All => true,
            Self::Some(ids) => ids.contains(&id),
        }
    }
}

impl Writes {
    /// Notes that records are being written until the guard is dropped.
    pub(crate) async fn of<'a>(&self, ids: impl Iterator<Item = &'a str> + Send) -> Writing<'_> {
        let ids = ids.map(|id| self.hasher.hash_one(id)).collect();
        self.begin(Ids::Some(ids)).await
    }

    /// Notes that any record may be written.
    pub(crate) async fn of_all(&self) -> Writing<'_> {
        self.begin(Ids::All).await
    }

    async fn begin(&self, ids: Ids) -> Writing<'_> {
        let gate = self.gate.read().await;
        let mut log = self.log.lock();
        log.clock += 1;
        let number = log.clock;
        log.running.insert(number, ids);
        Writing { writes: self, number, _gate: gate }
    }

    /// Notes that a read goes on.
    fn read(&self) -> Reading<'_> {
        let mut log = self.log.lock();
        let began = log.clock;
        *log.reads.entry(began).or_default() += 1;
        Reading { writes: self, began }
    }

    /// What a read finds, by the ids of the records: where one of them was being written and the read mixes, it is made
    /// again while nothing is written.
    pub(crate) async fn unmixed<T, F>(
        &self,
        mixes: bool,
        read: impl Fn() -> F,
        id: fn(&T) -> &NativeId,
    ) -> Result<Vec<T>>
    where
        F: Future<Output = Result<Vec<T>>>,
    {
        if !mixes {
            return read().await;
        }
        let reading = self.read();
        let found = read().await?;
        if !reading.met(found.iter().map(|record| id(record).as_str())) {
            return Ok(found);
        }
        drop(reading);
        let _pause = self.pause().await;
        read().await
    }

    /// Waits until nothing is written, and keeps it so.
    async fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }
}

/// A write under way.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    writes: &'a Writes,
    number: u64,
    _gate: RwLockReadGuard<'a, ()>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut log = self.writes.log.lock();
        log.clock += 1;
        let now = log.clock;
        let ids = log.running.remove(&self.number);
        if let Some(ids) = ids.filter(|_| !log.reads.is_empty()) {
            log.ended.push_back((now, ids));
        }
    }
}

/// A read under way.
#[derive(Debug)]
struct Reading<'a> {
    writes: &'a Writes,
    began: u64,
}

impl Reading<'_> {
    /// Whether one of these records was being written since the read began.
    fn met<'a>(&self, mut ids: impl Iterator<Item = &'a str>) -> bool {
        let log = self.writes.log.lock();
        let since = || log.ended.iter().filter(|(ended, _)| *ended > self.began).map(|(_, ids)| ids);
        if log.running.is_empty() && since().next().is_none() {
            return false;
        }
        ids.any(|id| {
            let id = self.writes.hasher.hash_one(id);
            log.running.values().chain(since()).any(|written| written.hold(id))
        })
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut log = self.writes.log.lock();
        if let Some(count) = log.reads.get_mut(&self.began) {
            *count -= 1;
            if *count == 0 {
                log.reads.remove(&self.began);
            }
        }
        let oldest = log.reads.keys().next().copied().unwrap_or(u64::MAX);
        while log.ended.front().is_some_and(|(ended, _)| *ended <= oldest) {
            log.ended.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_read_meets_what_is_written_beside_it() {
        let writes = Writes::default();
        let before = writes.of(["a"].into_iter()).await;
        let early = writes.read();
        drop(before);
        let late = writes.read();
        assert!(early.met(["a"].into_iter()));
        assert!(!early.met(["b"].into_iter()));
        assert!(!late.met(["a"].into_iter()));
        let all = writes.of_all().await;
        assert!(late.met(["b"].into_iter()));
        drop(all);
        assert!(late.met(["b"].into_iter()));
    }

    #[tokio::test]
    async fn nothing_is_kept_once_no_read_goes_on() {
        let writes = Writes::default();
        drop(writes.of(["a"].into_iter()).await);
        assert!(writes.log.lock().ended.is_empty());
        let (one, two) = (writes.read(), writes.read());
        drop(writes.of(["a"].into_iter()).await);
        drop(one);
        assert_eq!(writes.log.lock().ended.len(), 1);
        drop(two);
        assert!(writes.log.lock().ended.is_empty() && writes.log.lock().reads.is_empty());
    }

    #[tokio::test]
    async fn a_pause_waits_for_writes_and_holds_them_off() {
        let writes = Writes::default();
        let writing = writes.of_all().await;
        assert!(writes.gate.try_write().is_err());
        drop(writing);
        let _pause = writes.pause().await;
        assert!(writes.gate.try_read().is_err());
    }
}
