//! Reading records by row.

use portolan_core::Filter;
use std::collections::BTreeSet;

use portolan_core::driver::{Row, Want};
use redb::{ReadOnlyTable, ReadableTable};

use crate::codec::{self, Components};
use crate::error::Fault;

/// The records of an index in one commit.
pub(crate) struct Records {
    records: ReadOnlyTable<u32, &'static [u8]>,
    vectors: ReadOnlyTable<u32, &'static [u8]>,
    dimension: usize,
}

impl Records {
    pub(super) fn new(
        records: ReadOnlyTable<u32, &'static [u8]>,
        vectors: ReadOnlyTable<u32, &'static [u8]>,
        dimension: usize,
    ) -> Self {
        Self { records, vectors, dimension }
    }

    /// The record of a row.
    pub(crate) fn get(&self, row: u32, want: Want) -> Result<Row, Fault> {
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

    /// The id of a row.
    pub(crate) fn id(&self, row: u32) -> Result<String, Fault> {
        Ok(codec::id(row, self.bytes(row)?.value())?.to_owned())
    }

    /// Whether the record of a row meets a filter, which asks for no keys but these.
    pub(crate) fn meets(&self, row: u32, filter: &Filter, keys: &BTreeSet<&str>) -> Result<bool, Fault> {
        let bytes = self.bytes(row)?;
        let (id, metadata) = codec::decode_some(row, bytes.value(), |key| keys.contains(key))?;
        Ok(filter.matches(id, &metadata))
    }

    /// Whether a row holds a record.
    pub(crate) fn holds(&self, row: u32) -> Result<bool, Fault> {
        Ok(self.records.get(row)?.is_some())
    }

    /// The rows from one on, in order.
    pub(crate) fn rows_from(&self, row: u32) -> Result<impl Iterator<Item = Result<u32, Fault>>, Fault> {
        Ok(self.records.range(row..)?.map(|entry| Ok(entry?.0.value())))
    }

    /// Does something with a row's vector, if it has one.
    pub(crate) fn with_vector<T>(
        &self,
        row: u32,
        work: impl FnOnce(Option<Components<'_>>) -> T,
    ) -> Result<T, Fault> {
        match self.vectors.get(row)? {
            Some(bytes) => Ok(work(Some(Components::read(row, bytes.value(), self.dimension)?))),
            None => Ok(work(None)),
        }
    }

    /// Calls for each row that has a vector, in order.
    pub(crate) fn each_vector(&self, mut each: impl FnMut(u32, Components<'_>)) -> Result<(), Fault> {
        for entry in self.vectors.iter()? {
            let (row, bytes) = entry?;
            each(row.value(), Components::read(row.value(), bytes.value(), self.dimension)?);
        }
        Ok(())
    }

    fn bytes(&self, row: u32) -> Result<redb::AccessGuard<'_, &'static [u8]>, Fault> {
        ReadableTable::get(&self.records, row)?
            .ok_or_else(|| Fault::damaged(format!("the record of row {row} is missing")))
    }
}
