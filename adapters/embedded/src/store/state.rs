//! What a reader sees: one commit, and what is derived from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_core::{Error, IndexInfo, IndexSpec};
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableStats};
use roaring::RoaringBitmap;

use super::derived::{Cached, Derived};
use super::records::Records;
use super::tables::{CHANGES, IDS, LOG, POSTINGS, RECORDS, VECTORS};
use super::transaction::Change;
use crate::codec;
use crate::error::Fault;
use crate::fields::Fields;
use crate::vectors::Vectors;

/// One commit.
pub(crate) struct State {
    txn: ReadTransaction,
    pub(super) indexes: BTreeMap<String, Arc<Index>>,
}

/// An index as of its newest commit.
#[derive(Debug)]
pub(crate) struct Index {
    number: u32,
    info: Arc<IndexInfo>,
    head: u64,
    rows: Cached<Rows>,
    vectors: Cached<Vectors>,
}

impl State {
    /// The newest commit of a database, with these indexes.
    pub(super) fn read(database: &Database, indexes: BTreeMap<String, Arc<Index>>) -> Result<Self, Fault> {
        Ok(Self { txn: database.begin_read()?, indexes })
    }

    /// The commit after this one.
    pub(super) fn after(&self, database: &Database, (name, index): Change) -> Result<Self, Fault> {
        let mut indexes = self.indexes.clone();
        match index {
            Some(index) => indexes.insert(name, Arc::new(index)),
            None => indexes.remove(&name),
        };
        Self::read(database, indexes)
    }

    /// Whether a change is in this commit.
    pub(super) fn has(&self, (name, index): &Change) -> bool {
        match (self.indexes.get(name), index) {
            (None, None) => true,
            (Some(found), Some(index)) => found.number == index.number && found.head == index.head,
            _ => false,
        }
    }

    /// The names of the indexes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.indexes.keys().map(String::as_str)
    }

    /// An index. `NotFound`.
    pub(crate) fn view(&self, name: &str) -> Result<View<'_>, Fault> {
        let index = self.indexes.get(name).ok_or_else(|| Error::no_index(name))?;
        Ok(View { txn: &self.txn, index })
    }
}

impl Index {
    /// An index of which nothing is derived yet.
    pub(super) fn new(number: u32, info: IndexInfo, head: u64) -> Self {
        Self { number, info: Arc::new(info), head, rows: Cached::default(), vectors: Cached::default() }
    }

    /// The same index after a further commit; what was derived catches up when it is asked for.
    pub(super) fn advanced(&self, head: u64) -> Self {
        Self {
            number: self.number,
            info: self.info.clone(),
            head,
            rows: self.rows.clone(),
            vectors: self.vectors.clone(),
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }
}

/// An index in one commit.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    txn: &'a ReadTransaction,
    index: &'a Index,
}

impl<'a> View<'a> {
    pub(super) fn index(&self) -> &'a Index {
        self.index
    }

    /// Spec and time of creation.
    pub(crate) fn info(&self) -> &'a IndexInfo {
        &self.index.info
    }

    /// The spec.
    pub(crate) fn spec(&self) -> &'a IndexSpec {
        &self.index.info.spec
    }

    /// The sequence number of the newest commit, 0 before the first.
    pub(crate) fn head(&self) -> u64 {
        self.index.head
    }

    /// The number of records.
    pub(crate) fn len(&self) -> Result<u64, Fault> {
        Ok(IDS.read(self.txn, self.index.number)?.len()?)
    }

    /// The number of records that have a vector.
    pub(crate) fn vectors_len(&self) -> Result<u64, Fault> {
        Ok(VECTORS.read(self.txn, self.index.number)?.len()?)
    }

    /// The rows that hold a record.
    pub(crate) fn rows(&self) -> Result<Arc<Rows>, Fault> {
        self.index.rows.at(self)
    }

    /// All vectors, in memory.
    pub(crate) fn vectors(&self) -> Result<Arc<Vectors>, Fault> {
        self.index.vectors.at(self)
    }

    /// Whether a search needs to read no vector from the file.
    pub(crate) fn has_vectors(&self) -> bool {
        self.index.vectors.is_at(self.index.head)
    }

    /// The bytes of memory that what is derived takes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.index.rows.memory_bytes() + self.index.vectors.memory_bytes()
    }

    /// The bytes of the file that the index takes.
    pub(crate) fn disk_bytes(&self) -> Result<u64, Fault> {
        let number = self.index.number;
        let bytes = |s: TableStats| s.stored_bytes() + s.metadata_bytes() + s.fragmented_bytes();
        Ok(bytes(IDS.read(self.txn, number)?.stats()?)
            + bytes(RECORDS.read(self.txn, number)?.stats()?)
            + bytes(VECTORS.read(self.txn, number)?.stats()?)
            + bytes(POSTINGS.read(self.txn, number)?.stats()?)
            + bytes(CHANGES.read(self.txn, number)?.stats()?))
    }

    /// When the index was last written.
    pub(crate) fn updated_at(&self) -> Result<Option<String>, Fault> {
        let last = CHANGES.read(self.txn, self.index.number)?;
        Ok(last.last()?.map(|(_, entry)| entry.value().0.to_owned()))
    }

    /// The rows that were touched after a commit; `None` where the log does not go back so far.
    pub(crate) fn changes_since(&self, seq: u64) -> Result<Option<RoaringBitmap>, Fault> {
        let changes = CHANGES.read(self.txn, self.index.number)?;
        let reaches = changes.first()?.is_some_and(|(first, _)| first.value() <= seq + 1);
        if !reaches {
            return Ok(None);
        }
        let mut rows = RoaringBitmap::new();
        for entry in changes.range(seq + 1..)? {
            let (_, entry) = entry?;
            rows |= codec::decode_rows(LOG, entry.value().1)?;
        }
        Ok(Some(rows))
    }

    /// The rows of ids, each at its place.
    pub(crate) fn find<S: AsRef<str>>(&self, ids: &[S]) -> Result<Vec<Option<u32>>, Fault> {
        let table = IDS.read(self.txn, self.index.number)?;
        ids.iter().map(|id| Ok(table.get(id.as_ref())?.map(|row| row.value()))).collect()
    }

    /// The records, to be read by row.
    pub(crate) fn records(&self) -> Result<Records, Fault> {
        let number = self.index.number;
        Ok(Records::new(
            RECORDS.read(self.txn, number)?,
            VECTORS.read(self.txn, number)?,
            self.spec().dimension,
        ))
    }

    /// The declared fields, to be asked.
    pub(crate) fn fields(&self) -> Result<Fields<'a>, Fault> {
        Ok(Fields::new(&self.index.info.spec, POSTINGS.read(self.txn, self.index.number)?))
    }
}

/// The rows that hold a record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows(pub(crate) RoaringBitmap);

impl Derived for Rows {
    fn build(view: &View<'_>) -> Result<Self, Fault> {
        let ids = IDS.read(view.txn, view.index.number)?;
        let mut rows = Vec::with_capacity(usize::try_from(ids.len()?).unwrap_or_default());
        for entry in ids.iter()? {
            rows.push(entry?.1.value());
        }
        rows.sort_unstable();
        Ok(Self(rows.into_iter().collect()))
    }

    fn catch_up(&mut self, view: &View<'_>, rows: &RoaringBitmap) -> Result<(), Fault> {
        let records = view.records()?;
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
