//! What passes between the engine and a driver.

use super::NativeId;
use crate::metadata::Metadata;
use crate::record::Vector;
use crate::scan::Unreadable;
use crate::search::Exactness;

/// A record as the database holds it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The database's id.
    pub id: NativeId,
    /// The vector; absent where it was not wanted, or the row has none.
    pub vector: Option<Vector>,
    /// The native metadata.
    pub metadata: Metadata,
    /// In a write to a database that merges: the keys to drop. Empty in reads.
    pub removed: Vec<String>,
}

impl Row {
    /// A row that was read.
    pub fn new(id: impl Into<NativeId>, vector: Option<Vector>, metadata: Metadata) -> Self {
        Self { id: id.into(), vector, metadata, removed: Vec::new() }
    }
}

/// What to return of each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Want {
    /// The vector.
    pub vectors: bool,
    /// All metadata.
    pub metadata: bool,
    /// The overflow fields, where not all metadata is wanted.
    pub overflow: bool,
}

impl Want {
    /// Vector and metadata.
    pub const ALL: Self = Self { vectors: true, metadata: true, overflow: true };

    /// The id only.
    pub const ID: Self = Self { vectors: false, metadata: false, overflow: false };
}

/// A row and its distance.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The row.
    pub row: Row,
    /// The metric's distance as the contract defines it: 1 - cos, -dot, L2 not squared, L1.
    pub distance: f64,
    /// Whether this distance is too coarse for the contract, so that the engine computes it from the vector.
    pub coarse: bool,
    /// Why the record cannot be read, where it cannot: a search that would return it fails, and no other does.
    pub unreadable: Option<String>,
}

impl Hit {
    /// A row at a distance that keeps the contract's tolerance.
    pub fn new(row: Row, distance: f64) -> Self {
        Self { row, distance, coarse: false, unreadable: None }
    }
}

/// The answer to [`Nearest`](super::Nearest).
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// The rows, nearest first.
    pub hits: Vec<Hit>,
    /// Whether a nearer row may be missing. Exact and shorter than asked means that there are no more.
    pub exactness: Exactness,
    /// How many rows the database read, where it is known to scan; else the number of hits.
    pub records_read: u64,
}

impl Neighbours {
    /// Hits of a database that does not tell how many rows it read.
    pub fn new(hits: Vec<Hit>, exactness: Exactness) -> Self {
        Self { records_read: hits.len() as u64, hits, exactness }
    }
}

/// One page of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// The rows among these that cannot be read, by their native ids.
    pub unreadable: Vec<Unreadable>,
    /// Where to go on; absent on the last page.
    pub next: Option<String>,
}

impl Page {
    /// Rows that can all be read.
    pub fn new(rows: Vec<Row>, next: Option<String>) -> Self {
        Self { rows, unreadable: Vec::new(), next }
    }
}

/// Sizes and times of an index, where known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Bytes on disk.
    pub disk_bytes: Option<u64>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// When the index was last written, RFC 3339 UTC.
    pub updated_at: Option<String>,
}
