//! Rows, batch by batch.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use portolan::{Error, Result};

use super::columns::{Batch, Columns};
use crate::input::guard::guarded;
use crate::input::roles::Told;
use crate::input::rows::{Row, Rows};

/// The batches of a file.
pub(in crate::input) trait Batches: Send {
    /// The next one, of the columns that are read.
    fn next(&mut self) -> Option<Result<RecordBatch, ArrowError>>;

    /// Passes over up to so many rows before the first batch, where that takes no reading; gives how many.
    fn skip(&mut self, _rows: u64) -> u64 {
        0
    }

    /// How many bytes of the file have been read, once so many rows have.
    fn bytes_read(&self, rows: u64) -> u64;

    /// How many rows there must be, where the file says so.
    fn total(&self) -> Option<u64> {
        None
    }
}

/// A record a row.
pub(in crate::input) struct BatchRows<B> {
    path: PathBuf,
    columns: Columns,
    batches: B,
    batch: Option<Batch>,
    /// How many rows were read, and how many of those are of batches before this one.
    at: u64,
    before: u64,
    bytes_read: u64,
    dimension: Option<usize>,
}

impl<B: Batches> BatchRows<B> {
    pub(in crate::input) fn new(path: &Path, columns: Columns, batches: B) -> Self {
        Self {
            path: path.to_owned(),
            columns,
            batches,
            batch: None,
            at: 0,
            before: 0,
            bytes_read: 0,
            dimension: None,
        }
    }

    /// How many rows are left of the batch, after the next one was read if there was none.
    fn left(&mut self) -> Result<u64> {
        loop {
            let read = self.at - self.before;
            match &self.batch {
                Some(batch) if (batch.rows() as u64) > read => return Ok(batch.rows() as u64 - read),
                _ => {}
            }
            self.before = self.at;
            self.batch = self.next_batch()?;
            if self.batch.is_none() {
                return Ok(0);
            }
        }
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let batch = match guarded(|| self.batches.next()) {
            None => return Err(self.unreadable("the file is damaged")),
            Some(None) if self.batches.total().is_some_and(|total| self.at < total) => {
                return Err(self.unreadable("the file ends early"));
            }
            Some(None) => None,
            Some(Some(Err(e))) => return Err(self.unreadable(&e.to_string())),
            Some(Some(Ok(batch))) => {
                let batch = guarded(|| Batch::new(&batch, &self.columns));
                Some(
                    batch
                        .unwrap_or_else(|| Err(Error::invalid("the file is damaged")))
                        .map_err(|e| self.unreadable(e.message()))?,
                )
            }
        };
        let rows = batch.as_ref().map_or(0, Batch::rows);
        self.bytes_read = self.batches.bytes_read(self.at + rows as u64);
        Ok(batch)
    }

    fn unreadable(&self, why: &str) -> Error {
        Error::invalid(format!("{}, row {} cannot be read: {why}", self.path.display(), self.at + 1))
    }
}

impl<B: Batches> Iterator for BatchRows<B> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        match self.left() {
            Ok(0) => return None,
            Ok(_) => {}
            Err(e) => return Some(Err(e)),
        }
        let batch = self.batch.as_ref()?;
        let record = guarded(|| batch.record((self.at - self.before) as usize, &self.columns));
        self.at += 1;
        let record = record.unwrap_or_else(|| Err(Error::invalid("the file is damaged")));
        if let Ok(record) = &record {
            self.dimension = record.vector.as_ref().map(|vector| vector.len());
        }
        Some(Ok(Row { line: self.at, record }))
    }
}

impl<B: Batches> Rows for BatchRows<B> {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        let start = self.at;
        if self.batch.is_none() {
            self.at += self.batches.skip(rows);
        }
        while self.at - start < rows {
            let left = self.left()?;
            if left == 0 {
                break;
            }
            self.at += left.min(rows - (self.at - start));
        }
        Ok(self.at - start)
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    fn told(&self) -> Option<Told> {
        Some(self.columns.tell(self.dimension))
    }
}
