//! Reading records by row.

use std::collections::BTreeSet;

use portolan_core::Metadata;
use portolan_core::driver::{Row, Want};
use portolan_core::filter::Matcher;
use redb::{ReadOnlyTable, ReadableTable, ReadableTableMetadata};

use crate::codec::{self, Components};
use crate::error::StoreError;

/// The records of an index in one commit.
#[derive(Debug)]
pub struct Records {
    records: ReadOnlyTable<u32, &'static [u8]>,
    vectors: ReadOnlyTable<u32, &'static [u8]>,
    dimension: usize,
}

impl Records {
    pub(crate) fn new(
        records: ReadOnlyTable<u32, &'static [u8]>,
        vectors: ReadOnlyTable<u32, &'static [u8]>,
        dimension: usize,
    ) -> Self {
        Self { records, vectors, dimension }
    }

    /// The record of a row that holds one.
    ///
    /// # Errors
    /// Those of reading the file; a row without a record is a damaged file.
    pub fn get(&self, row: u32, want: Want) -> Result<Row, StoreError> {
        let bytes = self.bytes(row)?;
        let mut read = if want.metadata {
            let (id, metadata) = codec::decode(row, bytes.value())?;
            Row { id: id.into(), metadata, ..Row::default() }
        } else {
            Row { id: codec::id(row, bytes.value())?.into(), ..Row::default() }
        };
        if want.vectors {
            read.vector = self.with_vector(row, |vector| vector.map(Components::to_vector))?;
        }
        Ok(read)
    }

    /// The id of the record of a row that holds one.
    ///
    /// # Errors
    /// Those of reading the file; a row without a record is a damaged file.
    pub fn id(&self, row: u32) -> Result<String, StoreError> {
        Ok(codec::id(row, self.bytes(row)?.value())?.to_owned())
    }

    /// Whether the record of a row meets a filter, which asks for no keys but these.
    pub(crate) fn meets(
        &self,
        row: u32,
        filter: &Matcher<'_>,
        keys: &BTreeSet<&str>,
    ) -> Result<bool, StoreError> {
        let bytes = self.bytes(row)?;
        let (id, metadata) = codec::decode_some(row, bytes.value(), |key| keys.contains(key))?;
        Ok(filter.matches(id, &metadata))
    }

    /// The metadata of a row that holds a record.
    pub(crate) fn metadata(&self, row: u32) -> Result<Metadata, StoreError> {
        Ok(codec::decode(row, self.bytes(row)?.value())?.1)
    }

    /// Whether a row holds a record.
    pub(crate) fn holds(&self, row: u32) -> Result<bool, StoreError> {
        Ok(self.records.get(row)?.is_some())
    }

    /// The rows from one on, in order.
    pub(crate) fn rows_from(
        &self,
        row: u32,
    ) -> Result<impl Iterator<Item = Result<u32, StoreError>>, StoreError> {
        if let Some((before, _)) = self.records.range(..row)?.next_back().transpose()?
            && before.value() >= row
        {
            return Err(StoreError::damaged("the rows are out of order"));
        }
        Ok(self.records.range(row..)?.map(|entry| Ok(entry?.0.value())))
    }

    /// Whether a row has a vector.
    pub(crate) fn has_vector(&self, row: u32) -> Result<bool, StoreError> {
        Ok(self.vectors.get(row)?.is_some())
    }

    /// Does something with a row's vector, if it has one.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn with_vector<T>(
        &self,
        row: u32,
        work: impl FnOnce(Option<Components<'_>>) -> T,
    ) -> Result<T, StoreError> {
        match self.vectors.get(row)? {
            Some(bytes) => Ok(work(Some(Components::read(row, bytes.value(), self.dimension)?))),
            None => Ok(work(None)),
        }
    }

    /// Calls for each row that has a vector, in order; with nothing where the vector is damaged, and then the row may be
    /// another's.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn each_vector(&self, mut each: impl FnMut(u32, Option<Components<'_>>)) -> Result<(), StoreError> {
        for entry in self.vectors.iter()? {
            let (row, bytes) = entry?;
            each(row.value(), Components::read(row.value(), bytes.value(), self.dimension).ok());
        }
        Ok(())
    }

    /// The number of records, and of vectors.
    pub(crate) fn lengths(&self) -> Result<(u64, u64), StoreError> {
        Ok((self.records.len()?, self.vectors.len()?))
    }

    fn bytes(&self, row: u32) -> Result<redb::AccessGuard<'_, &'static [u8]>, StoreError> {
        ReadableTable::get(&self.records, row)?
            .ok_or_else(|| StoreError::damaged(format!("the record of row {row} is missing")))
    }
}
