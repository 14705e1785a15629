//! The tables of the file.
//!
//! Each index has five, by its number, which is never given twice: `ids` (id to row), `records` (row to id and
//! metadata), `vectors` (row to vector), `postings` (the field index) and `changes` (the change log).

use redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, Value, WriteTransaction,
};

use crate::error::StoreError;

/// The version of the format that this program writes, and the newest that it reads.
pub const FORMAT: u64 = 1;

/// Numbers by name.
pub(crate) const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
/// The version of the format, in [`META`].
pub(crate) const FORMAT_KEY: &str = "format";
/// The number of the next index, in [`META`].
const NEXT_INDEX_KEY: &str = "next_index";
/// Name to number, spec as JSON, time of creation.
pub(crate) const INDEXES: TableDefinition<'static, &str, (u32, &str, &str)> = TableDefinition::new("indexes");

/// Field, value, block of rows.
pub(crate) type PostingKey = (u16, &'static [u8], u16);

/// Id to row.
pub(crate) const IDS: Part<&str, u32> = Part::new("ids");
/// Row to id and metadata.
pub(crate) const RECORDS: Part<u32, &[u8]> = Part::new("records");
/// Row to vector.
pub(crate) const VECTORS: Part<u32, &[u8]> = Part::new("vectors");
/// The field index: rows as a bitmap.
pub(crate) const POSTINGS: Part<PostingKey, &[u8]> = Part::new("postings");
/// Sequence number to the time and the touched rows of a commit.
pub(crate) const CHANGES: Part<u64, (&str, &[u8])> = Part::new("changes");

/// The place that entries of the change log are sealed for.
pub(crate) const LOG: u32 = 0;

/// A kind of table that every index has.
#[derive(Debug)]
pub(crate) struct Part<K: 'static, V: 'static> {
    name: &'static str,
    types: std::marker::PhantomData<(K, V)>,
}

impl<K: Key + 'static, V: Value + 'static> Part<K, V> {
    const fn new(name: &'static str) -> Self {
        Self { name, types: std::marker::PhantomData }
    }

    /// Opens the table of an index to read it.
    pub(crate) fn read(&self, txn: &ReadTransaction, index: u32) -> Result<ReadOnlyTable<K, V>, StoreError> {
        Ok(txn.open_table(TableDefinition::new(&self.name(index)))?)
    }

    /// Opens the table of an index to write it; one that is missing is made.
    pub(crate) fn write<'t>(
        &self,
        txn: &'t WriteTransaction,
        index: u32,
    ) -> Result<Table<'t, K, V>, StoreError> {
        Ok(txn.open_table(TableDefinition::new(&self.name(index)))?)
    }

    fn delete(&self, txn: &WriteTransaction, index: u32) -> Result<(), StoreError> {
        txn.delete_table(TableDefinition::<K, V>::new(&self.name(index)))?;
        Ok(())
    }

    fn name(&self, index: u32) -> String {
        format!("{index}/{}", self.name)
    }
}

/// Makes the tables of a new index and returns its number.
pub(crate) fn create(txn: &WriteTransaction) -> Result<u32, StoreError> {
    let mut meta = txn.open_table(META)?;
    let next = meta.get(NEXT_INDEX_KEY)?.map_or(1, |n| n.value());
    let index = u32::try_from(next)
        .map_err(|_| StoreError::damaged(format!("the number {next} of an index is too large")))?;
    meta.insert(NEXT_INDEX_KEY, next + 1)?;
    IDS.write(txn, index)?;
    RECORDS.write(txn, index)?;
    VECTORS.write(txn, index)?;
    POSTINGS.write(txn, index)?;
    CHANGES.write(txn, index)?;
    Ok(index)
}

/// Deletes the tables of an index.
pub(crate) fn delete(txn: &WriteTransaction, index: u32) -> Result<(), StoreError> {
    delete_records(txn, index)?;
    CHANGES.delete(txn, index)
}

/// Deletes the tables of an index but for its change log.
pub(crate) fn delete_records(txn: &WriteTransaction, index: u32) -> Result<(), StoreError> {
    IDS.delete(txn, index)?;
    RECORDS.delete(txn, index)?;
    VECTORS.delete(txn, index)?;
    POSTINGS.delete(txn, index)
}
