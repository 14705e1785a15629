//! The other side of the port: what a database must be able to do, and the one engine that makes the port of it.
//!
//! An adapter implements [`Driver`]: a thin call per raw ability, and declared data ([`Profile`]). [`DriverStorage`]
//! keeps the contract over any driver, once: validation, names, ids, values aside, chunks and outcomes, residual
//! filters, ties, thresholds, deduplication, paging, emulations, timeouts.

mod aside;
pub mod dialect;
mod distance;
mod ids;
pub mod kit;
mod locks;
mod pages;
mod push;
mod row;
mod search;
mod storage;
#[cfg(test)]
mod tests;
mod write;

use std::fmt::{Debug, Display};
use std::future::Future;
use std::time::Duration;

pub use row::{Hit, Neighbours, Page, Row, Sizes, Want};
pub use storage::DriverStorage;

use crate::capability::{BatchAtomicity, Limits, VectorFidelity};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Leaf, Lowered};
use crate::health::Health;
use crate::index::{IndexInfo, IndexSpec, Metric};
use crate::metadata::{MetadataPatch, Value};
use crate::name::NameRule;
use crate::write::Outcome;

/// The largest dimension at which distances that a database sums in `f32` surely keep the contract's tolerance; measured on
/// vectors of equal components, the worst case: beyond some 4,096 they do not.
pub const MAX_F32_SUM: usize = 3_072;

/// An index, as a driver is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The database's name for it.
    pub name: &'a str,
    /// Its spec; `spec.name` is the port's name.
    pub spec: &'a IndexSpec,
}

/// A request for the nearest rows.
#[derive(Debug, Clone)]
pub struct Nearest<'a, F> {
    /// The query vector, validated.
    pub vector: &'a [f32],
    /// How many, at most [`Profile::native_window`].
    pub k: usize,
    /// Among which rows.
    pub filter: Option<&'a F>,
    /// Whether the answer must be exact; never set where [`Profile::exact`] is [`ExactSearch::Never`].
    pub exact: bool,
    /// HNSW: candidates while searching.
    pub ef_search: Option<u32>,
    /// IVF: clusters searched.
    pub nprobe: Option<u32>,
    /// What to return of each.
    pub want: Want,
}

/// What ids a database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdScheme {
    /// Any id of the contract.
    #[default]
    Any,
    /// ASCII text; another id is stored by its UUIDv5.
    Ascii,
    /// UUIDs; another id is stored by its UUIDv5.
    Uuid,
    /// UUIDs, and unsigned 64-bit integers that other programs may have written.
    UuidOrInteger,
}

/// Whether a driver's nearest rows are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExactSearch {
    /// Always.
    #[default]
    Always,
    /// On request.
    OnRequest,
    /// Never: exact answers come from a scan, or not at all.
    Never,
}

/// How a driver's pages follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paging {
    /// By a cursor: a row that is there throughout is seen exactly once, replaced or not.
    #[default]
    Stable,
    /// By an offset: the cursor is a decimal number of rows, and rows shift when others are deleted or replaced.
    Shifting,
}

/// What a driver declares of its database, fixed when it is opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Profile {
    /// The provider's name, also its URI scheme.
    pub provider: &'static str,
    /// How index names map.
    pub names: NameRule,
    /// What ids the database takes.
    pub ids: IdScheme,
    /// The metrics that it has.
    pub metrics: Vec<Metric>,
    /// How vectors read back.
    pub vectors: VectorFidelity,
    /// Whether a write merges into what is stored: [`Row::removed`] names the keys to drop, and a row without a vector,
    /// that of an update, leaves the stored one.
    pub merges: bool,
    /// Whether every value of the contract is represented natively, so that nothing lies aside.
    pub all_values: bool,
    /// Whether nearest rows are exact.
    pub exact: ExactSearch,
    /// Whether the engine may read all rows that a filter meets and score them itself.
    pub scans: bool,
    /// Whether equal distances come in the order of ids, also at the cut.
    pub ties_by_id: bool,
    /// The most rows that [`Driver::nearest`] returns.
    pub native_window: usize,
    /// How pages follow each other.
    pub paging: Paging,
    /// Whether there is [`Driver::cursor_after`]; only with stable pages.
    pub row_cursors: bool,
    /// Whether [`Driver::page`] takes a filter.
    pub page_where: bool,
    /// Whether [`Driver::count`] counts everything.
    pub count: bool,
    /// Whether [`Driver::count`] takes a filter.
    pub count_where: bool,
    /// Whether there is [`Driver::remove_where`].
    pub remove_where: bool,
    /// Whether there is [`Driver::clear`].
    pub clear: bool,
    /// Whether there is [`Driver::update`]; only with `all_values`.
    pub update: bool,
    /// Whether there are [`Driver::sizes`].
    pub sizes: bool,
    /// Whether there is [`Driver::optimize`].
    pub optimize: bool,
    /// What is written together or not at all; `Atomic` only where batches are not cut.
    pub batch: BatchAtomicity,
    /// Whether another client's concurrent update cannot be lost.
    pub update_isolated: bool,
    /// Whether acknowledged writes survive the end of the process.
    pub durable: bool,
    /// How many chunks are under way at once.
    pub parallelism: usize,
    /// The most rows of a page, and ids of a fetch.
    pub page_rows: usize,
    /// The keys of [`IndexSpec::options`] that it knows.
    pub options: &'static [&'static str],
    /// How long creating an index may take.
    pub create_bound: Duration,
    /// The limits.
    pub limits: Limits,
}

impl Profile {
    /// A profile in which everything is native, exact and without limits, and nothing survives.
    pub fn new(provider: &'static str) -> Self {
        Self {
            provider,
            names: NameRule::default(),
            ids: IdScheme::Any,
            metrics: Metric::ALL.to_vec(),
            vectors: VectorFidelity::Exact,
            merges: false,
            all_values: true,
            exact: ExactSearch::Always,
            scans: true,
            ties_by_id: true,
            native_window: usize::MAX,
            paging: Paging::Stable,
            row_cursors: false,
            page_where: true,
            count: true,
            count_where: true,
            remove_where: true,
            clear: true,
            update: true,
            sizes: true,
            optimize: true,
            batch: BatchAtomicity::Item,
            update_isolated: false,
            durable: false,
            parallelism: 4,
            page_rows: 1_000,
            options: &[],
            create_bound: Duration::from_secs(300),
            limits: Limits::default(),
        }
    }
}

/// The raw abilities of one database. Each is a thin call; the contract is kept by [`DriverStorage`].
///
/// Requests are validated, ids and names are the database's own, metadata is what is stored natively (with
/// Portolan's own fields `_portolan` and `_portolan_keys` among it as ordinary fields). Errors carry a kind and the
/// server's words; operation, index and provider are added by the engine.
pub trait Driver: Debug + Send + Sync + 'static {
    /// The database's own filter; `Display` is what `explain` shows.
    type Filter: Debug + Display + Clone + Send + Sync + 'static;

    /// What is declared of the database.
    fn profile(&self) -> &Profile;

    /// How a leaf, or where `negated` its complement (which rows without the field meet too), is answered.
    fn lower(&self, spec: &IndexSpec, leaf: &Leaf, negated: bool) -> Lowered<Self::Filter>;

    /// How `id in ids`, or where `negated` its complement, is answered; ids are native.
    fn lower_ids(&self, spec: &IndexSpec, ids: &[String], negated: bool) -> Lowered<Self::Filter>;

    /// All of two or more.
    fn and(&self, parts: Vec<Self::Filter>) -> Self::Filter;

    /// Any of two or more.
    fn or(&self, parts: Vec<Self::Filter>) -> Self::Filter;

    /// Whether the database takes a filter as a whole: one may be too deep or too long for it, and is then checked here.
    fn accepts(&self, filter: &Self::Filter) -> bool {
        let _ = filter;
        true
    }

    /// Whether a value reads back equal, and answers filters as the contract says, when it is stored natively. Not
    /// asked where [`Profile::all_values`].
    fn represents(&self, spec: &IndexSpec, key: &str, value: &Value) -> bool {
        let _ = (spec, key, value);
        self.profile().all_values
    }

    /// Whether some value under this key may lie aside, so that a leaf on it must also ask `_portolan_keys`.
    fn may_lie_aside(&self, spec: &IndexSpec, key: &str) -> bool {
        let _ = (spec, key);
        !self.profile().all_values
    }

    /// Whether the distances that [`Driver::nearest`] tells are too coarse for the contract, as those over compressed vectors
    /// are, or sums of more than [`MAX_F32_SUM`] terms in `f32`. The engine then scores what is found by its vectors.
    fn is_coarse(&self, spec: &IndexSpec) -> bool {
        spec.dimension > MAX_F32_SUM
    }

    /// Creates an index that takes reads and writes when this returns. `AlreadyExists`.
    fn create(&self, at: Target<'_>) -> impl Future<Output = Result<()>> + Send;

    /// The index's spec as it was created; the engine puts the port's name into it. `NotFound`; `Unsupported` where
    /// the port cannot hold it.
    fn open(&self, name: &str) -> impl Future<Output = Result<IndexInfo>> + Send;

    /// The database's names of all indexes.
    fn list(&self) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Deletes an index; the name is free when this returns. `NotFound`.
    fn drop_index(&self, name: &str) -> impl Future<Output = Result<()>> + Send;

    /// Writes one chunk within the limits, ids distinct: an outcome per row. `Err` means that surely nothing was
    /// written; where that is in doubt the rows are [`Outcome::Unknown`].
    fn write(&self, at: Target<'_>, rows: &[Row]) -> impl Future<Output = Result<Vec<Outcome>>> + Send;

    /// Reads rows by id, in any order, without those that are missing; at most [`Profile::page_rows`].
    fn fetch(
        &self,
        at: Target<'_>,
        ids: &[String],
        want: Want,
    ) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// Removes one chunk of rows by id; an absent one is stored as done. Errors as in [`Driver::write`].
    fn remove(&self, at: Target<'_>, ids: &[String]) -> impl Future<Output = Result<Vec<Outcome>>> + Send;

    /// The nearest rows that have a vector, nearest first.
    fn nearest(
        &self,
        at: Target<'_>,
        query: &Nearest<'_, Self::Filter>,
    ) -> impl Future<Output = Result<Neighbours>> + Send;

    /// One page of at most `limit` rows from a cursor on.
    fn page(
        &self,
        at: Target<'_>,
        filter: Option<&Self::Filter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> impl Future<Output = Result<Page>> + Send;

    /// The cursor of the page that begins behind a row of an earlier one. A scan that checks rows here then reads many at
    /// once, and goes on behind the last that it gave.
    fn cursor_after(&self, row: &Row) -> Option<String> {
        let _ = row;
        None
    }

    /// The exact number of rows, or of those with a vector. Asked without a filter only where [`Profile::count`],
    /// with one only where [`Profile::count_where`].
    fn count(
        &self,
        at: Target<'_>,
        filter: Option<&Self::Filter>,
        with_vector: bool,
    ) -> impl Future<Output = Result<u64>> + Send {
        let _ = (at, filter, with_vector);
        async { Err(undeclared("count")) }
    }

    /// Removes the rows that a filter meets; their number where it is exact.
    fn remove_where(
        &self,
        at: Target<'_>,
        filter: &Self::Filter,
    ) -> impl Future<Output = Result<Option<u64>>> + Send {
        let _ = (at, filter);
        async { Err(undeclared("remove_where")) }
    }

    /// Removes all rows.
    fn clear(&self, at: Target<'_>) -> impl Future<Output = Result<()>> + Send {
        let _ = at;
        async { Err(undeclared("clear")) }
    }

    /// Merges patches into rows, ids distinct: `Failed(NotFound)` for a missing one. Errors as in [`Driver::write`].
    fn update(
        &self,
        at: Target<'_>,
        patches: &[(String, MetadataPatch)],
    ) -> impl Future<Output = Result<Vec<Outcome>>> + Send {
        let _ = (at, patches);
        async { Err(undeclared("update")) }
    }

    /// Waits, within a bound, until all acknowledged writes are seen by every read; says whether they are.
    fn settle(&self, at: Target<'_>) -> impl Future<Output = Result<bool>> + Send {
        let _ = at;
        async { Ok(true) }
    }

    /// Sizes and times, where known.
    fn sizes(&self, at: Target<'_>) -> impl Future<Output = Result<Sizes>> + Send {
        let _ = at;
        async { Ok(Sizes::default()) }
    }

    /// How many rows a search with this filter would read, where that is known without reading any.
    fn estimate(
        &self,
        at: Target<'_>,
        filter: Option<&Self::Filter>,
    ) -> impl Future<Output = Result<Option<u64>>> + Send {
        let _ = (at, filter);
        async { Ok(None) }
    }

    /// Version, uptime and totals; an error means that the server is down.
    fn health(&self) -> impl Future<Output = Result<Health>> + Send;

    /// Compacts or rebuilds where there is something to do; says whether there was.
    fn optimize(&self, at: Target<'_>) -> impl Future<Output = Result<bool>> + Send {
        let _ = at;
        async { Err(undeclared("optimize")) }
    }

    /// Returns when every acknowledged write is durable.
    fn flush(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Releases everything; called once.
    fn close(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

fn undeclared(ability: &str) -> Error {
    Error::new(ErrorKind::Unexpected, format!("the driver declares {ability} and does not implement it"))
}
