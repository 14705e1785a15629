//! The raw abilities of one database.

use std::fmt::{Debug, Display};
use std::future::Future;

use super::{
    Deadline, NativeId, Nearest, Neighbours, NewIndex, Opened, OverflowFilter, Page, Profile, Removed, Row,
    Sizes, Target, Want, WriteError,
};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Leaf, Lowered};
use crate::health::Health;
use crate::metadata::{MetadataPatch, Value};
use crate::write::Outcome;

/// The raw abilities of one database. Each is a thin call; the contract is kept by
/// [`DriverStorage`](super::DriverStorage).
///
/// Requests are validated, ids and names are the database's own, metadata is what is stored natively (with the overflow
/// fields among it as ordinary fields). Errors carry a kind and the server's words; operation, index and provider are
/// added by the engine, which also ends each request at its [`Deadline`].
///
/// A driver keeps no state by the name of an index: what it learns in [`Driver::open`] is an [`Opened`] that the engine
/// keeps, and hands back in every [`Target`].
pub trait Driver: Debug + Send + Sync + 'static {
    /// What is known of an opened index.
    type Index: Debug + Send + Sync + 'static;

    /// The database's own filter; `Display` is what `explain` shows.
    type Filter: Debug + Display + Clone + Send + Sync + 'static;

    /// What is declared of the database: known without I/O.
    fn profile(&self) -> &Profile;

    /// Reaches the server and checks its version: `Unsupported` for one that is too old. Called within the first call, and
    /// again until it has succeeded once.
    fn connect(&self, deadline: Deadline) -> impl Future<Output = Result<()>> + Send {
        let _ = deadline;
        async { Ok(()) }
    }

    /// How a leaf, or where `negated` its complement (which rows without the field meet too), is answered.
    fn lower(&self, target: Target<'_, Self::Index>, leaf: &Leaf, negated: bool) -> Lowered<Self::Filter>;

    /// How `id in ids`, or where `negated` its complement, is answered.
    fn lower_ids(
        &self,
        target: Target<'_, Self::Index>,
        ids: &[NativeId],
        negated: bool,
    ) -> Lowered<Self::Filter>;

    /// All of two or more.
    fn and(&self, parts: Vec<Self::Filter>) -> Self::Filter;

    /// Any of two or more.
    fn or(&self, parts: Vec<Self::Filter>) -> Self::Filter;

    /// Whether the database takes a filter as a whole: one may be too deep or too long for it, and is then checked by the
    /// engine.
    fn accepts(&self, filter: &Self::Filter) -> bool {
        let _ = filter;
        true
    }

    /// Whether a value reads back equal, and answers filters as the contract says, when it is stored natively. Not
    /// asked where [`Profile::all_values`].
    fn represents(&self, target: Target<'_, Self::Index>, key: &str, value: &Value) -> bool {
        let _ = (target, key, value);
        self.profile().all_values
    }

    /// How a filter on a key finds values of that key in the overflow.
    fn overflow(&self, target: Target<'_, Self::Index>, key: &str) -> OverflowFilter {
        let _ = (target, key);
        if self.profile().all_values { OverflowFilter::Never } else { OverflowFilter::ByEngine }
    }

    /// Whether the database can take a row. One that it cannot is refused alone, and never sent.
    ///
    /// # Errors
    /// Why not, which becomes the row's outcome.
    fn admits(&self, target: Target<'_, Self::Index>, row: &Row) -> Result<()> {
        let _ = (target, row);
        Ok(())
    }

    /// Creates an index that takes reads and writes when this returns. `AlreadyExists`.
    fn create(&self, new: NewIndex<'_>) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Reads what an index is. `before` is what an earlier opening under this name learnt, of which some may have to
    /// outlive it. `NotFound`; `Unsupported` where the port cannot hold it.
    fn open(
        &self,
        name: &str,
        before: Option<&Self::Index>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Opened<Self::Index>>> + Send;

    /// The database's names of all indexes.
    fn list(&self, deadline: Deadline) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Deletes an index; the name is free when this returns. `NotFound`.
    fn drop_index(
        &self,
        name: &str,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// Writes one chunk of rows that are admitted, within the limits, ids distinct: an outcome per row, or an error that is
    /// the outcome of all.
    fn write(
        &self,
        target: Target<'_, Self::Index>,
        rows: &[Row],
    ) -> impl Future<Output = Result<Vec<Outcome>, WriteError>> + Send;

    /// Reads rows by id, in any order, without those that are missing; at most [`Profile::page_rows`].
    fn fetch(
        &self,
        target: Target<'_, Self::Index>,
        ids: &[NativeId],
        want: Want,
    ) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// Removes one chunk of rows by id; an absent one is stored as done.
    fn remove(
        &self,
        target: Target<'_, Self::Index>,
        ids: &[NativeId],
    ) -> impl Future<Output = Result<Vec<Outcome>, WriteError>> + Send;

    /// The nearest rows that have a vector, nearest first.
    fn nearest(
        &self,
        target: Target<'_, Self::Index>,
        query: &Nearest<'_, Self::Filter>,
    ) -> impl Future<Output = Result<Neighbours>> + Send;

    /// One page of at most `limit` rows from a cursor on.
    fn page(
        &self,
        target: Target<'_, Self::Index>,
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
        target: Target<'_, Self::Index>,
        filter: Option<&Self::Filter>,
        with_vector: bool,
    ) -> impl Future<Output = Result<u64>> + Send {
        let _ = (target, filter, with_vector);
        async { Err(undeclared("count")) }
    }

    /// Removes the rows that a filter meets, or some of them where all would take the database long.
    fn remove_where(
        &self,
        target: Target<'_, Self::Index>,
        filter: &Self::Filter,
    ) -> impl Future<Output = Result<Removed, WriteError>> + Send {
        let _ = (target, filter);
        async { Err(undeclared("remove_where").into()) }
    }

    /// Removes all rows, or some of them where all would take the database long.
    fn clear(
        &self,
        target: Target<'_, Self::Index>,
    ) -> impl Future<Output = Result<Removed, WriteError>> + Send {
        let _ = target;
        async { Err(undeclared("clear").into()) }
    }

    /// Merges patches into rows, ids distinct: `Failed(NotFound)` for a missing one.
    fn update(
        &self,
        target: Target<'_, Self::Index>,
        patches: &[(NativeId, MetadataPatch)],
    ) -> impl Future<Output = Result<Vec<Outcome>, WriteError>> + Send {
        let _ = (target, patches);
        async { Err(undeclared("update").into()) }
    }

    /// Waits until every read sees all acknowledged writes, or the deadline is near; says whether they do.
    fn await_visible(&self, target: Target<'_, Self::Index>) -> impl Future<Output = Result<bool>> + Send {
        let _ = target;
        async { Ok(true) }
    }

    /// Sizes and times, where known.
    fn sizes(&self, target: Target<'_, Self::Index>) -> impl Future<Output = Result<Sizes>> + Send {
        let _ = target;
        async { Ok(Sizes::default()) }
    }

    /// How many rows a search with this filter would read, where that is known without reading any.
    fn estimate(
        &self,
        target: Target<'_, Self::Index>,
        filter: Option<&Self::Filter>,
    ) -> impl Future<Output = Result<Option<u64>>> + Send {
        let _ = (target, filter);
        async { Ok(None) }
    }

    /// Version, uptime and totals; an error means that the server is down.
    fn health(&self, deadline: Deadline) -> impl Future<Output = Result<Health>> + Send;

    /// Compacts or rebuilds where there is something to do; says whether there was.
    fn optimize(&self, target: Target<'_, Self::Index>) -> impl Future<Output = Result<bool>> + Send {
        let _ = target;
        async { Err(undeclared("optimize")) }
    }

    /// Returns when every acknowledged write is durable.
    fn flush(&self, deadline: Deadline) -> impl Future<Output = Result<()>> + Send {
        let _ = deadline;
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
