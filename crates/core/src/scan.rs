//! Reading an index page by page, and counting.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::options::{CallOptions, DEFAULT_RESIDUAL_BUDGET};
use crate::record::Record;

/// Where a scan goes on. Opaque; lives as long as the storage that gave it.
///
/// Over a database that pages by offset only, a cursor also ends once 1,024 other scans were started or resumed after
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// A cursor with an implementation's token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The implementation's token.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The error for a cursor that the storage does not know.
    pub fn dead() -> Error {
        Error::invalid("the scan cursor is not known to this storage (any more); start the scan again")
    }
}

/// Reads one page of an index. Every record that is there throughout the scan is seen exactly once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScanRequest<'a> {
    /// The index.
    pub index: &'a str,
    /// Which records.
    pub filter: Option<&'a Filter>,
    /// Where to go on; absent at the start.
    pub cursor: Option<&'a Cursor>,
    /// The most records of the page: 1 to 10,000 (100).
    pub page_size: usize,
    /// Whether vectors are returned (yes).
    pub include_vectors: bool,
    /// Whether metadata is returned (yes).
    pub include_metadata: bool,
    /// Options of the call.
    pub options: CallOptions,
}

impl<'a> ScanRequest<'a> {
    /// The first page of everything.
    pub fn new(index: &'a str) -> Self {
        Self {
            index,
            filter: None,
            cursor: None,
            page_size: 100,
            include_vectors: true,
            include_metadata: true,
            options: CallOptions::new(),
        }
    }

    /// Which records.
    #[must_use]
    pub fn filter(mut self, filter: Option<&'a Filter>) -> Self {
        self.filter = filter;
        self
    }

    /// Where to go on.
    #[must_use]
    pub fn cursor(mut self, cursor: Option<&'a Cursor>) -> Self {
        self.cursor = cursor;
        self
    }

    /// The most records of the page.
    #[must_use]
    pub fn page_size(mut self, records: usize) -> Self {
        self.page_size = records;
        self
    }

    /// Whether vectors are returned.
    #[must_use]
    pub fn include_vectors(mut self, yes: bool) -> Self {
        self.include_vectors = yes;
        self
    }

    /// Whether metadata is returned.
    #[must_use]
    pub fn include_metadata(mut self, yes: bool) -> Self {
        self.include_metadata = yes;
        self
    }

    /// Sets the options of the call.
    #[must_use]
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// Checks ranges and filter.
    ///
    /// # Errors
    /// `InvalidArgument` naming field, value and range.
    pub fn validate(&self) -> Result<()> {
        if !(1..=10_000).contains(&self.page_size) {
            return Err(Error::out_of_range("page_size", self.page_size, 1, 10_000));
        }
        self.options.validate()?;
        self.filter.map_or(Ok(()), Filter::validate)
    }
}

/// A record that is there and cannot be read: its stored bytes are damaged, or another program wrote what no record can
/// hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// Its id; the database's own where the record's cannot be read.
    pub id: String,
    /// What is wrong with it.
    pub why: String,
}

impl Unreadable {
    /// The error of an operation that needs the record.
    pub fn to_error(&self) -> Error {
        Error::new(ErrorKind::Corrupt, format!("the record {:?} cannot be read: {}", self.id, self.why))
            .with_context("id", &self.id)
    }
}

/// One page of a scan.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScanPage {
    /// The records; a page may be short, or empty, before the last.
    pub records: Vec<Record>,
    /// The records among these that cannot be read, and where there is a filter, of which nobody can tell whether they
    /// meet it. The scan goes on behind them.
    pub unreadable: Vec<Unreadable>,
    /// Where to go on; absent on the last page.
    pub cursor: Option<Cursor>,
}

impl ScanPage {
    /// A page.
    pub fn new(records: Vec<Record>, cursor: Option<Cursor>) -> Self {
        Self { records, unreadable: Vec::new(), cursor }
    }

    /// Adds the records that cannot be read.
    #[must_use]
    pub fn unreadable(mut self, unreadable: Vec<Unreadable>) -> Self {
        self.unreadable = unreadable;
        self
    }
}

/// Counts records, exactly.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CountRequest<'a> {
    /// The index.
    pub index: &'a str,
    /// Which records.
    pub filter: Option<&'a Filter>,
    /// The most records that may be read to check the filter on the client (1,000,000).
    pub residual_budget: u64,
    /// Options of the call.
    pub options: CallOptions,
}

impl<'a> CountRequest<'a> {
    /// Counts everything.
    pub fn new(index: &'a str) -> Self {
        Self { index, filter: None, residual_budget: DEFAULT_RESIDUAL_BUDGET, options: CallOptions::new() }
    }

    /// Which records.
    #[must_use]
    pub fn filter(mut self, filter: Option<&'a Filter>) -> Self {
        self.filter = filter;
        self
    }

    /// Sets the most records that may be read to check the filter on the client.
    #[must_use]
    pub fn residual_budget(mut self, records: u64) -> Self {
        self.residual_budget = records;
        self
    }

    /// Sets the options of the call.
    #[must_use]
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }
}
