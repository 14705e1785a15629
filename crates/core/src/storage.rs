//! The port.

use std::any::Any;
use std::fmt::Debug;

use async_trait::async_trait;

use crate::capability::Capability;
use crate::error::Result;
use crate::health::Health;
use crate::index::{IndexInfo, IndexSpec};
use crate::options::CallOptions;
use crate::record::{GetRequest, Record};
use crate::scan::{CountRequest, ScanPage, ScanRequest};
use crate::search::{SearchRequest, SearchResult};
use crate::stats::{Explanation, IndexStats};
use crate::write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, UpdateRequest, UpsertRequest, WriteResult,
};

/// The port: the one trait that applications call and layers wrap, whatever the database.
///
/// Use it as `Arc<dyn VectorStorage>`, with the sugar of [`VectorStorageExt`](crate::VectorStorageExt). Implement it
/// for a layer; for a database implement [`Driver`](crate::driver::Driver), from which
/// [`DriverStorage`](crate::driver::DriverStorage) makes a storage.
///
/// **What holds for every operation.** The whole call is validated before anything is sent. An operation on a missing
/// index is `NotFound`. After [`close`](Self::close) every operation is `Closed`. Dropping a future midway
/// leaves the storage consistent. Each call ends within its timeout (see [`CallOptions`]).
///
/// No operation has a default body: a layer that forgot one would be bypassed.
#[async_trait]
pub trait VectorStorage: Any + Debug + Send + Sync {
    /// The storage below, where this is a layer over a single one.
    fn inner(&self) -> Option<&dyn VectorStorage>;

    /// The provider's name, such as `memory` or `qdrant`.
    fn provider(&self) -> &str;

    /// What the storage can do; fixed when it was opened.
    fn capability(&self) -> &Capability;

    /// Creates an index; returns when it takes reads and writes. Not idempotent: after an unknown outcome use
    /// `ensure_index`.
    ///
    /// # Errors
    /// `AlreadyExists` where one of that name exists, whatever its spec; `InvalidArgument` for a name that is not
    /// portable or a spec out of range; `Unsupported` for a metric; `NotReady` where it exists and does not serve yet.
    async fn create_index(&self, spec: &IndexSpec, options: CallOptions) -> Result<()>;

    /// The index's spec, as it was given.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` where another program made an index that the port cannot hold.
    async fn describe_index(&self, index: &str, options: CallOptions) -> Result<IndexInfo>;

    /// The names of all indexes, sorted.
    ///
    /// # Errors
    /// Those of reaching the database.
    async fn list_indexes(&self, options: CallOptions) -> Result<Vec<String>>;

    /// Deletes an index; when it returns, the name is free.
    ///
    /// # Errors
    /// `NotFound`, also for a second delete.
    async fn delete_index(&self, index: &str, options: CallOptions) -> Result<()>;

    /// Stores records, each replacing the record of its id as a whole.
    ///
    /// # Errors
    /// Only where nothing was changed: one invalid record refuses the call, with its position. Else an outcome per
    /// item.
    async fn upsert(&self, request: &UpsertRequest<'_>) -> Result<WriteResult>;

    /// Reads records by id: one entry per requested id, in order, `None` where there is no such record.
    ///
    /// # Errors
    /// `IdCollision` where an id stands for two native records.
    async fn get(&self, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>>;

    /// Deletes records by id; deleting what is absent is stored as done.
    ///
    /// # Errors
    /// Only where nothing was changed. Else an outcome per item.
    async fn delete(&self, request: &DeleteRequest<'_>) -> Result<WriteResult>;

    /// Deletes the records that meet a filter. Safe to repeat; an error may leave it partly done.
    ///
    /// # Errors
    /// `InvalidArgument` for a filter that folds to true; `ResidualLimit`.
    async fn delete_where(&self, request: &DeleteWhereRequest<'_>) -> Result<DeleteWhereResult>;

    /// Deletes all records of an index and keeps the index. Safe to repeat; an error may leave it partly done.
    ///
    /// # Errors
    /// `NotFound`.
    async fn clear(&self, index: &str, options: CallOptions) -> Result<()>;

    /// Merges patches into the metadata of existing records; vectors stay, and a missing id fails alone.
    ///
    /// # Errors
    /// Only where nothing was changed. Else an outcome per item.
    async fn update_metadata(&self, request: &UpdateRequest<'_>) -> Result<WriteResult>;

    /// The nearest records to a vector, best first.
    ///
    /// # Errors
    /// `DimensionMismatch`; `Unsupported` past the declared window, or for `exact` where it cannot be promised;
    /// `ResidualLimit`.
    async fn search(&self, request: &SearchRequest) -> Result<SearchResult>;

    /// One page of all records, or of those that meet a filter.
    ///
    /// # Errors
    /// `InvalidArgument` for a cursor that another storage gave.
    async fn scan(&self, request: &ScanRequest<'_>) -> Result<ScanPage>;

    /// The exact number of records, or of those that meet a filter.
    ///
    /// # Errors
    /// `ResidualLimit`.
    async fn count(&self, request: &CountRequest<'_>) -> Result<u64>;

    /// Statistics; with `detail`, counts for every metadata field and not only the declared ones.
    ///
    /// # Errors
    /// `NotFound`.
    async fn stats(&self, index: &str, detail: bool, options: CallOptions) -> Result<IndexStats>;

    /// How the store is; `Ok` also when the server is down.
    ///
    /// # Errors
    /// Only after [`close`](Self::close).
    async fn health(&self, options: CallOptions) -> Result<Health>;

    /// How a search would be answered; its vector may be absent, and no record is read.
    ///
    /// # Errors
    /// Those of the search's validation.
    async fn explain(&self, request: &SearchRequest) -> Result<Explanation>;

    /// Compacts or rebuilds, where there is something to do; says whether there was.
    ///
    /// # Errors
    /// `Unsupported` where declared.
    async fn optimize(&self, index: &str, options: CallOptions) -> Result<bool>;

    /// Returns when every acknowledged write is durable.
    ///
    /// # Errors
    /// Those of writing.
    async fn flush(&self, options: CallOptions) -> Result<()>;

    /// Releases everything. Idempotent; later calls of other operations are `Closed`.
    ///
    /// # Errors
    /// Those of writing what was not durable yet.
    async fn close(&self) -> Result<()>;
}

/// Finds a layer or adapter in a stack by its type.
///
/// Layers over several stores are not looked into.
pub fn find<T: VectorStorage>(storage: &dyn VectorStorage) -> Option<&T> {
    (storage as &dyn Any).downcast_ref().or_else(|| find(storage.inner()?))
}
