//! The tables of an index in one commit.

use std::cmp::Ordering;

use portolan_core::IndexSpec;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableStats};
use roaring::RoaringBitmap;

use crate::codec;
use crate::error::StoreError;
use crate::fields::Fields;
use crate::records::Records;
use crate::tables::{CHANGES, IDS, LOG, POSTINGS, RECORDS, VECTORS};

/// The truth of an index in one commit.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    txn: &'a ReadTransaction,
    number: u32,
    spec: &'a IndexSpec,
    head: u64,
}

impl<'a> Snapshot<'a> {
    /// The index of a number, whose newest commit is `head`.
    pub(crate) fn new(txn: &'a ReadTransaction, number: u32, spec: &'a IndexSpec, head: u64) -> Self {
        Self { txn, number, spec, head }
    }

    /// The spec.
    pub fn spec(&self) -> &'a IndexSpec {
        self.spec
    }

    /// The number of records.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn record_count(&self) -> Result<u64, StoreError> {
        let ids = IDS.read(self.txn, self.number)?.len()?;
        let (records, vectors) = self.records()?.lengths()?;
        if ids != records || vectors > records {
            let counts = format!("{ids} ids, {records} records and {vectors} vectors");
            return Err(StoreError::damaged(format!("the numbers of the index do not agree: {counts}")));
        }
        Ok(ids)
    }

    /// The number of records that have a vector.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn vector_count(&self) -> Result<u64, StoreError> {
        Ok(VECTORS.read(self.txn, self.number)?.len()?)
    }

    /// The bytes of the file that the index takes.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        let bytes = |s: TableStats| s.stored_bytes() + s.metadata_bytes() + s.fragmented_bytes();
        Ok(bytes(IDS.read(self.txn, self.number)?.stats()?)
            + bytes(RECORDS.read(self.txn, self.number)?.stats()?)
            + bytes(VECTORS.read(self.txn, self.number)?.stats()?)
            + bytes(POSTINGS.read(self.txn, self.number)?.stats()?)
            + bytes(CHANGES.read(self.txn, self.number)?.stats()?))
    }

    /// When the index was last written, RFC 3339 UTC.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn updated_at(&self) -> Result<Option<String>, StoreError> {
        let changes = CHANGES.read(self.txn, self.number)?;
        Ok(changes.last()?.map(|(_, entry)| entry.value().0.to_owned()))
    }

    /// The records, to be read by row.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn records(&self) -> Result<Records, StoreError> {
        Ok(Records::new(
            RECORDS.read(self.txn, self.number)?,
            VECTORS.read(self.txn, self.number)?,
            self.spec.dimension,
        ))
    }

    /// The number of the index, which is never given to another.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The sequence number of the newest commit, 0 before the first.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// The row of each id; none where there is no record of that id.
    pub(crate) fn find(&self, ids: &[impl AsRef<str>]) -> Result<Vec<Option<u32>>, StoreError> {
        let table = IDS.read(self.txn, self.number)?;
        let find = |id: &str| match table.get(id)? {
            Some(row) => Ok(Some(row.value())),
            None => self.check_absence(&table, id).map(|()| None),
        };
        ids.iter().map(|id| find(id.as_ref())).collect()
    }

    /// The id that leads to a row; `None` where none does. Reads all ids.
    pub(crate) fn id_of(&self, row: u32) -> Result<Option<String>, StoreError> {
        for entry in IDS.read(self.txn, self.number)?.iter()? {
            let (id, found) = entry?;
            if found.value() == row {
                return Ok(Some(id.value().to_owned()));
            }
        }
        Ok(None)
    }

    /// An id that is not found is not there if those on both sides of it are what they should be: a damaged key lies where
    /// its id would.
    fn check_absence(&self, ids: &ReadOnlyTable<&'static str, u32>, id: &str) -> Result<(), StoreError> {
        let records = self.records()?;
        let below = ids.range::<&str>(..id)?.next_back().transpose()?;
        let above = ids.range::<&str>(id..)?.next().transpose()?;
        for (entry, expected) in [(below, Ordering::Less), (above, Ordering::Greater)] {
            let Some((near, row)) = entry else { continue };
            // A record that is damaged itself says nothing about its id.
            let is_other = records.id(row.value()).is_ok_and(|held| held != near.value());
            if near.value().cmp(id) != expected || is_other {
                let what = format!("the list of ids is damaged at {:?}, where {id:?} would be", near.value());
                return Err(StoreError::damaged(what));
            }
        }
        Ok(())
    }

    /// The rows that hold a record, read from the file.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn rows(&self) -> Result<RoaringBitmap, StoreError> {
        let ids = IDS.read(self.txn, self.number)?;
        let mut rows = Vec::with_capacity(usize::try_from(ids.len()?).unwrap_or_default());
        for entry in ids.iter()? {
            rows.push(entry?.1.value());
        }
        rows.sort_unstable();
        let rows: RoaringBitmap = rows.into_iter().collect();
        if rows.len() != ids.len()? {
            return Err(StoreError::damaged("the list of ids is damaged: two lead to one row, or some are missing"));
        }
        Ok(rows)
    }

    /// The rows that were touched after a commit; `None` where the log does not go back so far.
    pub(crate) fn changes_since(&self, seq: u64) -> Result<Option<RoaringBitmap>, StoreError> {
        let changes = CHANGES.read(self.txn, self.number)?;
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

    /// The declared fields, to be asked.
    pub(crate) fn fields(&self) -> Result<Fields<'a>, StoreError> {
        Ok(Fields::new(self.spec, POSTINGS.read(self.txn, self.number)?, self.records()?))
    }
}
