//! Reading records by row.

use portolan_core::driver::{Row, Want};
use portolan_core::{Filter, Vector};
use redb::{ReadOnlyTable, ReadableTable};

use crate::codec;
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
        let mut read = if want.metadata || want.own {
            let (id, metadata) = codec::decode(bytes.value())?;
            Row { id: id.to_owned(), metadata, ..Row::default() }
        } else {
            Row { id: codec::id(bytes.value())?.to_owned(), ..Row::default() }
        };
        if want.vectors {
            read.vector = self.vector(row)?;
        }
        Ok(read)
    }

    /// The id of a row.
    pub(crate) fn id(&self, row: u32) -> Result<String, Fault> {
        Ok(codec::id(self.bytes(row)?.value())?.to_owned())
    }

    /// Whether the record of a row meets a filter.
    pub(crate) fn meets(&self, row: u32, filter: &Filter) -> Result<bool, Fault> {
        let bytes = self.bytes(row)?;
        let (id, metadata) = codec::decode(bytes.value())?;
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

    /// Reads a row's vector into its place; whether it has one.
    pub(crate) fn read_vector(&self, row: u32, into: &mut [f32]) -> Result<bool, Fault> {
        match self.vectors.get(row)? {
            Some(bytes) => codec::decode_vector(bytes.value(), into).map(|()| true),
            None => Ok(false),
        }
    }

    /// Calls for each row that has a vector, in order, with the vector's bytes.
    pub(crate) fn each_vector(
        &self,
        mut each: impl FnMut(u32, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for entry in self.vectors.iter()? {
            let (row, bytes) = entry?;
            each(row.value(), bytes.value())?;
        }
        Ok(())
    }

    fn vector(&self, row: u32) -> Result<Option<Vector>, Fault> {
        let mut vector = vec![0.0; self.dimension];
        Ok(self.read_vector(row, &mut vector)?.then(|| vector.into()))
    }

    fn bytes(&self, row: u32) -> Result<redb::AccessGuard<'_, &'static [u8]>, Fault> {
        ReadableTable::get(&self.records, row)?
            .ok_or_else(|| Fault::damaged(format!("the record of row {row} is missing")))
    }
}
