//! What every format is read as.

use portolan::{Error, Record, Result};

use super::roles::Told;

/// The most bytes of a line or row: one that is longer is no record, and is not read into memory.
pub(super) const MAX_ROW_BYTES: u64 = 64 << 20;

/// One row of a file: its line, counted from 1, and the record or what is wrong with it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) record: Result<Record>,
}

/// The rows of a file, in order; an error ends them.
pub(crate) trait Rows: Iterator<Item = Result<Row>> + Send {
    /// Passes over rows without parsing them; gives how many there were, up to `rows`.
    fn pass_over(&mut self, rows: u64) -> Result<u64>;

    /// How many bytes of the file have been read.
    fn bytes_read(&self) -> u64;

    /// What the columns were taken for, once a record was read.
    fn told(&self) -> Option<Told> {
        None
    }
}

/// What the first pass looks for in a row: its line, and the dimension of its vector or what is wrong with it.
pub(super) struct Glimpse {
    pub(super) line: u64,
    pub(super) dimension: Result<usize>,
}

impl From<Row> for Glimpse {
    fn from(Row { line, record }: Row) -> Self {
        let no_vector = || Error::invalid("the record has no vector");
        let dimension = record.and_then(|r| r.vector.map(|v| v.len()).ok_or_else(no_vector));
        Self { line, dimension }
    }
}
