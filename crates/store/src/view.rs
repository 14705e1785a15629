//! What a reader sees: one commit, and what is derived from it.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use portolan_core::{Error, IndexSpec};
use redb::{Database, ReadTransaction, ReadableDatabase};
use roaring::RoaringBitmap;

use crate::derived::{Derived, DerivedValues};
use crate::error::StoreError;
use crate::snapshot::Snapshot;

/// The indexes of a commit, by name.
pub(crate) type Indexes = BTreeMap<String, Arc<Index>>;

/// One commit.
pub(crate) struct State {
    /// None where there is no store.
    txn: Option<ReadTransaction>,
    indexes: Indexes,
}

/// An index as of its newest commit.
#[derive(Debug)]
pub(crate) struct Index {
    number: u32,
    spec: Arc<IndexSpec>,
    created_at: Arc<str>,
    head: u64,
    derived: DerivedValues,
}

/// What a transaction does to the indexes that readers see: sets one, or removes it.
pub(crate) type Change = (String, Option<Index>);

impl State {
    /// A commit, with the indexes that are in it.
    pub(crate) fn new(txn: ReadTransaction, indexes: Indexes) -> Self {
        Self { txn: Some(txn), indexes }
    }

    /// No store.
    pub(crate) fn absent() -> Self {
        Self { txn: None, indexes: Indexes::new() }
    }

    /// The commit after this one.
    pub(crate) fn after(&self, database: &Database, (name, index): Change) -> Result<Self, StoreError> {
        let mut indexes = self.indexes.clone();
        match index {
            Some(index) => indexes.insert(name, Arc::new(index)),
            None => indexes.remove(&name),
        };
        Ok(Self::new(database.begin_read()?, indexes))
    }

    /// Whether a change is in this commit.
    pub(crate) fn has(&self, (name, index): &Change) -> bool {
        match (self.indexes.get(name), index) {
            (None, None) => true,
            (Some(found), Some(index)) => found.number == index.number && found.head == index.head,
            _ => false,
        }
    }

    /// The indexes, by name.
    pub(crate) fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// An index. `NotFound`.
    pub(crate) fn view(&self, name: &str) -> Result<View<'_>, StoreError> {
        let txn = self.txn.as_ref().ok_or_else(|| StoreError::absent(name))?;
        let index = self.indexes.get(name).ok_or_else(|| Error::no_index(name))?;
        Ok(View { snapshot: Snapshot::new(txn, index.number, &index.spec, index.head), index })
    }
}

impl Index {
    /// An index of which nothing is derived yet.
    pub(crate) fn new(number: u32, spec: IndexSpec, created_at: &str, head: u64) -> Self {
        Self {
            number,
            spec: Arc::new(spec),
            created_at: created_at.into(),
            head,
            derived: DerivedValues::default(),
        }
    }

    /// This index at a commit, if it is the one of that number; what was derived catches up when it is asked for.
    pub(crate) fn at(this: &Arc<Self>, number: u32, head: u64) -> Option<Arc<Self>> {
        match this.head.cmp(&head) {
            _ if this.number != number => None,
            Ordering::Equal => Some(this.clone()),
            Ordering::Less => Some(Arc::new(this.advanced(head))),
            // What was derived cannot go back.
            Ordering::Greater => None,
        }
    }

    /// The same index after a further commit; what was derived catches up when it is asked for.
    fn advanced(&self, head: u64) -> Self {
        Self {
            number: self.number,
            spec: self.spec.clone(),
            created_at: self.created_at.clone(),
            head,
            derived: self.derived.clone(),
        }
    }
}

/// An index in one commit: its [`Snapshot`], and what is derived from it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    snapshot: Snapshot<'a>,
    index: &'a Index,
}

impl<'a> Deref for View<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Snapshot<'a> {
        &self.snapshot
    }
}

impl View<'_> {
    /// When the index was created, RFC 3339 UTC.
    pub fn created_at(&self) -> &str {
        &self.index.created_at
    }

    /// What is derived from the records as of this commit; computed when it is first asked for.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn derived<T: Derived>(&self) -> Result<Arc<T>, StoreError> {
        self.index.derived.at(self)
    }

    /// Whether [`derived`](Self::derived) has nothing to compute; does not wait.
    pub fn has_derived<T: Derived>(&self) -> bool {
        self.index.derived.is_at::<T>(self.head())
    }

    /// The bytes of memory that all that is derived takes.
    pub fn memory_bytes(&self) -> u64 {
        self.index.derived.memory_bytes()
    }

    /// The rows that hold a record.
    pub(crate) fn rows(&self) -> Result<Arc<Rows>, StoreError> {
        self.derived()
    }

    /// The index after a further commit.
    pub(crate) fn advanced(&self, head: u64) -> Index {
        self.index.advanced(head)
    }
}

/// The rows that hold a record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows(pub(crate) RoaringBitmap);

impl Derived for Rows {
    fn build(snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        snapshot.rows().map(Self)
    }

    fn catch_up(&mut self, snapshot: &Snapshot<'_>, rows: &RoaringBitmap) -> Result<(), StoreError> {
        let records = snapshot.records()?;
        for row in rows {
            if records.holds(row)? {
                self.0.insert(row)
            } else {
                self.0.remove(row)
            };
        }
        Ok(())
    }

    fn memory_bytes(&self) -> u64 {
        self.0.serialized_size() as u64
    }
}
