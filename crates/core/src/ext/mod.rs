//! Sugar on top of the port: a blanket extension, never implemented.
//!
//! No method here is an `async fn`: each promises a future that is `Send`, so that it can be spawned.

mod chunked;
mod handle;
mod one;
mod scan;
mod search;
mod shared;
#[cfg(test)]
mod tests;
mod typed;

use std::future::Future;
use std::sync::Arc;

pub use handle::IndexHandle;
pub use scan::ScanBuilder;
pub use search::SearchBuilder;

use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexSpec;
use crate::metadata::MetadataPatch;
use crate::options::CallOptions;
use crate::progress::Progress;
use crate::record::Record;
use crate::search::{SearchRequest, SearchResult};
use crate::storage::VectorStorage;
use crate::write::{UpsertRequest, WriteResult};
use shared::Shared;

/// Sugar for every [`VectorStorage`].
///
/// ```
/// use portolan_core::{IndexSpec, MemoryStorage, Metadata, Record, VectorStorageExt, filter::field};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> portolan_core::Result<()> {
/// let storage = MemoryStorage::default();
/// storage.ensure_index(&IndexSpec::new("companies", 2)).await?;
/// let index = storage.index("companies");
/// index.upsert_one(Record::new("a", [1.0, 0.0]).metadata(Metadata::new().with("industry", "fintech"))).await?;
/// index.upsert_one(Record::new("b", [0.0, 1.0])).await?;
///
/// let found = index.search([0.9, 0.1]).top_k(1).filter(field("industry").eq("fintech")).await?;
/// assert_eq!(found.matches[0].id, "a");
/// # Ok(())
/// # }
/// ```
pub trait VectorStorageExt: VectorStorage {
    /// A handle to an index, borrowed from this storage. Whether the index exists is not asked.
    fn index(&self, name: impl Into<String>) -> IndexHandle<'_, Self> {
        IndexHandle::new(Shared::Borrowed(self), name.into())
    }

    /// A handle to an index that keeps the storage alive: a task can take it along.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use portolan_core::{IndexSpec, MemoryStorage, VectorStorage, VectorStorageExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> portolan_core::Result<()> {
    /// let storage: Arc<dyn VectorStorage> = Arc::new(MemoryStorage::default());
    /// storage.ensure_index(&IndexSpec::new("companies", 2)).await?;
    /// let index = storage.owned_index("companies");
    /// let task = tokio::spawn(async move { index.search([1.0, 0.0]).await });
    /// assert!(task.await.unwrap()?.matches.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    fn owned_index(self: &Arc<Self>, name: impl Into<String>) -> IndexHandle<'static, Self> {
        IndexHandle::new(Shared::Owned(Arc::clone(self)), name.into())
    }

    /// Creates an index unless one with an equal spec exists; says whether it was created. May be repeated, and run
    /// by several clients at once.
    ///
    /// # Errors
    /// `AlreadyExists`, naming the difference, where an index of that name has another spec; those of
    /// [`create_index`](VectorStorage::create_index).
    fn ensure_index(&self, spec: &IndexSpec) -> impl Future<Output = Result<bool>> + Send {
        async move {
            if existing_equals(self, spec).await? {
                return Ok(false);
            }
            match self.create_index(spec, CallOptions::new()).await {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => match existing_equals(self, spec).await? {
                    true => Ok(false),
                    false => Err(e),
                },
                created => created.map(|()| true),
            }
        }
    }

    /// Stores one record.
    ///
    /// # Errors
    /// Where it was not surely stored; an unknown outcome carries the context `outcome: unknown`.
    fn upsert_one(&self, index: &str, record: Record) -> impl Future<Output = Result<()>> + Send {
        one::upsert(self, index, record)
    }

    /// Reads one record, or `None` where there is none of that id.
    ///
    /// # Errors
    /// Those of [`get`](VectorStorage::get).
    fn get_one(&self, index: &str, id: &str) -> impl Future<Output = Result<Option<Record>>> + Send {
        one::get(self, index, id)
    }

    /// Deletes one record; deleting what is absent is no error.
    ///
    /// # Errors
    /// Where it is not surely gone; an unknown outcome carries the context `outcome: unknown`.
    fn delete_one(&self, index: &str, id: &str) -> impl Future<Output = Result<()>> + Send {
        one::delete(self, index, id)
    }

    /// Merges a patch into one record's metadata.
    ///
    /// # Errors
    /// `NotFound` where there is no such record; an unknown outcome carries the context `outcome: unknown`.
    fn update_one(
        &self,
        index: &str,
        id: &str,
        patch: MetadataPatch,
    ) -> impl Future<Output = Result<()>> + Send {
        one::update(self, index, id, patch)
    }

    /// The records most like a stored one, which is itself left out: the request's vector is that record's, and its
    /// filter and total do not count the record.
    ///
    /// # Errors
    /// `NotFound` where there is no such record; `InvalidArgument` where it has no vector; those of
    /// [`search`](VectorStorage::search).
    fn search_by_id(
        &self,
        id: &str,
        request: SearchRequest,
    ) -> impl Future<Output = Result<SearchResult>> + Send {
        async move {
            let request = search::like(self, id, request).await?;
            self.search(&request).await
        }
    }

    /// Runs several searches, at most `max_parallel` at a time: one answer per request, in order.
    ///
    /// # Errors
    /// `InvalidArgument` where `max_parallel` is 0. A search that fails does so alone.
    fn search_many(
        &self,
        requests: &[SearchRequest],
        max_parallel: usize,
    ) -> impl Future<Output = Result<Vec<Result<SearchResult>>>> + Send {
        search::many(self, requests, max_parallel)
    }

    /// Stores records in chunks of `chunk_size`, at most `max_parallel` at a time, and gives one outcome per input
    /// position, as a single upsert would.
    ///
    /// All records are checked before the first chunk is sent, and the last of equal ids wins over all chunks. A chunk
    /// is a call of its own, with the request's options. When `progress` cancels, the chunks not yet sent fail as
    /// `Cancelled`.
    ///
    /// # Errors
    /// Only where nothing was changed: an invalid record, with its position; a missing index; `InvalidArgument` where
    /// `chunk_size` or `max_parallel` is 0.
    fn upsert_chunked(
        &self,
        request: &UpsertRequest<'_>,
        chunk_size: usize,
        max_parallel: usize,
        progress: &dyn Progress,
    ) -> impl Future<Output = Result<WriteResult>> + Send {
        chunked::upsert(self, request, chunk_size, max_parallel, progress)
    }
}

impl<S: VectorStorage + ?Sized> VectorStorageExt for S {}

/// Whether an index of that name exists, with that spec; another spec is an error.
async fn existing_equals<S: VectorStorage + ?Sized>(storage: &S, spec: &IndexSpec) -> Result<bool> {
    let existing = match storage.describe_index(&spec.name, CallOptions::new()).await {
        Ok(info) => info.spec,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    match existing.difference(spec) {
        None => Ok(true),
        Some(difference) => Err(Error::new(
            ErrorKind::AlreadyExists,
            format!("the index {:?} exists with another spec: {difference}", spec.name),
        )
        .with_index(&spec.name)),
    }
}
