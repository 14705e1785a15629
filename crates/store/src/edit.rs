//! Changing the records of an index within one transaction.

use portolan_core::driver::Row;
use portolan_core::{Error, ErrorKind, IndexSpec, Metadata, MetadataPatch};
use redb::{ReadableTable, Table, WriteTransaction};
use roaring::RoaringBitmap;

use crate::codec;
use crate::error::StoreError;
use crate::fields::Delta;
use crate::tables::{CHANGES, IDS, LOG, POSTINGS, PostingKey, RECORDS, VECTORS};
use crate::view::View;

/// How many commits the change log goes back. What has fallen further behind is built anew.
const LOG_COMMITS: u64 = 4_096;

/// Changes to the records of an index, all of them in one transaction.
///
/// A row is the place of a record: a new record takes the lowest free one, so that rows stay dense; a replaced one
/// keeps its own, so that a scan in the order of rows sees it once.
#[derive(Debug)]
pub struct Edit<'t> {
    ids: Table<'t, &'static str, u32>,
    records: Table<'t, u32, &'static [u8]>,
    vectors: Table<'t, u32, &'static [u8]>,
    postings: Table<'t, PostingKey, &'static [u8]>,
    changes: Table<'t, u64, (&'static str, &'static [u8])>,
    spec: &'t IndexSpec,
    head: u64,
    /// Rows in use, and those freed by this edit: whoever caught up to the last commit may still read them.
    taken: RoaringBitmap,
    touched: RoaringBitmap,
    fields: Delta,
}

impl<'t> Edit<'t> {
    /// Begins to edit an index whose newest commit is `view`.
    pub(crate) fn begin(txn: &'t WriteTransaction, view: &View<'t>) -> Result<Self, StoreError> {
        let number = view.number();
        Ok(Self {
            ids: IDS.write(txn, number)?,
            records: RECORDS.write(txn, number)?,
            vectors: VECTORS.write(txn, number)?,
            postings: POSTINGS.write(txn, number)?,
            changes: CHANGES.write(txn, number)?,
            spec: view.spec(),
            head: view.head(),
            taken: view.rows()?.0.clone(),
            touched: RoaringBitmap::new(),
            fields: Delta::default(),
        })
    }

    /// Stores a record, in place of the one of its id if there is one.
    ///
    /// # Errors
    /// Those of reading and writing the file.
    pub fn put(&mut self, record: &Row) -> Result<(), StoreError> {
        let known = self.row(&record.id)?;
        let (row, old) = match known {
            Some(row) => (row, self.old_metadata(row, &record.id)?),
            None => (self.free_row()?, None),
        };
        if known.is_none() {
            self.ids.insert(record.id.as_str(), row)?;
        }
        match &record.vector {
            Some(vector) => drop(self.vectors.insert(row, codec::encode_vector(row, vector).as_slice())?),
            None => drop(self.vectors.remove(row)?),
        }
        self.set(row, &record.id, old.as_ref(), &record.metadata)
    }

    /// Merges a patch into a record; whether there is one.
    ///
    /// # Errors
    /// Those of reading and writing the file.
    pub fn patch(&mut self, id: &str, patch: &MetadataPatch) -> Result<bool, StoreError> {
        let Some(row) = self.row(id)? else { return Ok(false) };
        let old = self.metadata(row, id)?;
        let mut new = old.clone();
        new.apply(patch);
        self.set(row, id, Some(&old), &new)?;
        Ok(true)
    }

    /// Removes the record of an id, if there is one.
    ///
    /// # Errors
    /// Those of reading and writing the file.
    pub fn remove(&mut self, id: &str) -> Result<(), StoreError> {
        match self.row(id)? {
            Some(row) => self.remove_known(row, id),
            None => Ok(()),
        }
    }

    /// Removes the record of a row.
    ///
    /// # Errors
    /// Those of reading and writing the file.
    pub fn remove_row(&mut self, row: u32) -> Result<(), StoreError> {
        let id = match self.records.get(row)? {
            Some(bytes) => codec::id(row, bytes.value())?.to_owned(),
            None => return Ok(()),
        };
        self.remove_known(row, &id)
    }

    /// Notes rows as touched.
    pub(crate) fn touch(&mut self, rows: &RoaringBitmap) {
        self.touched |= rows;
    }

    /// Writes the field index and the change log; the sequence number of the commit, or `None` where nothing changed.
    pub(crate) fn finish(mut self) -> Result<Option<u64>, StoreError> {
        if self.touched.is_empty() {
            return Ok(None);
        }
        self.fields.apply(&mut self.postings)?;
        self.touched.optimize();
        let bytes = codec::encode_rows(LOG, &self.touched)?;
        let seq = self.head + 1;
        self.changes.insert(seq, (portolan_core::time::now().as_str(), bytes.as_slice()))?;
        if seq > LOG_COMMITS {
            self.changes.retain_in(..=seq - LOG_COMMITS, |_, _| false)?;
        }
        Ok(Some(seq))
    }

    fn remove_known(&mut self, row: u32, id: &str) -> Result<(), StoreError> {
        let old = self.old_metadata(row, id)?;
        self.records.remove(row)?;
        self.ids.remove(id)?;
        self.vectors.remove(row)?;
        self.fields.note(self.spec, row, old.as_ref(), None);
        self.touched.insert(row);
        Ok(())
    }

    fn set(&mut self, row: u32, id: &str, old: Option<&Metadata>, new: &Metadata) -> Result<(), StoreError> {
        self.records.insert(row, codec::encode(row, id, new)?.as_slice())?;
        self.fields.note(self.spec, row, old, Some(new));
        self.touched.insert(row);
        Ok(())
    }

    fn row(&self, id: &str) -> Result<Option<u32>, StoreError> {
        Ok(self.ids.get(id)?.map(|row| row.value()))
    }

    /// The metadata of a record that is replaced or removed; `None` where it is damaged, and then the row leaves the field
    /// index whatever it was there for.
    fn old_metadata(&mut self, row: u32, id: &str) -> Result<Option<Metadata>, StoreError> {
        match self.metadata(row, id) {
            Ok(metadata) => Ok(Some(metadata)),
            // Not where the list of ids is damaged, and leads to a record that is not meant.
            Err(e) if e.is_damage() && !self.is_sound(row)? => {
                self.fields.forget(&self.postings, row)?;
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn is_sound(&self, row: u32) -> Result<bool, StoreError> {
        Ok(self.records.get(row)?.is_some_and(|bytes| codec::decode(row, bytes.value()).is_ok()))
    }

    fn metadata(&self, row: u32, id: &str) -> Result<Metadata, StoreError> {
        let bytes = self.records.get(row)?;
        let bytes =
            bytes.ok_or_else(|| StoreError::damaged(format!("the record of row {row} is missing")))?;
        match codec::decode(row, bytes.value())? {
            (held, metadata) if held == id => Ok(metadata),
            _ => Err(StoreError::damaged(format!("the id {id:?} leads to another record"))),
        }
    }

    fn free_row(&mut self) -> Result<u32, StoreError> {
        let row = lowest_absent(&self.taken).ok_or_else(|| {
            Error::new(ErrorKind::QuotaExceeded, "the index holds 2^32 records, and cannot hold more")
        })?;
        self.taken.insert(row);
        Ok(row)
    }
}

/// The lowest number that is not in a set.
fn lowest_absent(set: &RoaringBitmap) -> Option<u32> {
    let (mut low, mut high) = (0, set.len());
    // Below `low` all are in the set, `high` is not, or one below it is not.
    while low < high {
        let middle = (low + high) / 2;
        if set.rank(u32::try_from(middle).ok()?) == middle + 1 { low = middle + 1 } else { high = middle }
    }
    u32::try_from(low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_row_is_found() {
        for (set, lowest) in
            [(vec![], 0), (vec![1], 0), (vec![0, 1, 2], 3), (vec![0, 1, 3, 9], 2), (vec![7, 8], 0)]
        {
            assert_eq!(lowest_absent(&set.iter().copied().collect()), Some(lowest), "{set:?}");
        }
    }
}
