//! A handle to one index.
#![expect(clippy::manual_async_fn, reason = "the signature promises a future that is `Send`")]

use std::future::Future;

use serde::de::DeserializeOwned;

use super::scan::ScanBuilder;
use super::search::SearchBuilder;
use super::shared::Shared;
use super::{chunked, one};
use crate::error::Result;
use crate::filter::Filter;
use crate::index::IndexInfo;
use crate::metadata::MetadataPatch;
use crate::options::CallOptions;
use crate::progress::Progress;
use crate::record::{GetRequest, Record};
use crate::scan::CountRequest;
use crate::stats::IndexStats;
use crate::storage::VectorStorage;
use crate::write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, MetadataUpdate, UpdateRequest, UpsertRequest,
    WriteResult,
};

/// A handle to one index: the storage's operations without its name in each.
///
/// Made by [`index`](super::VectorStorageExt::index), which borrows the storage, and by
/// [`owned_index`](super::VectorStorageExt::owned_index), which keeps it alive. Cheap to clone. What each operation means and
/// refuses is said at [`VectorStorage`].
#[derive(Debug)]
pub struct IndexHandle<'a, S: VectorStorage + ?Sized = dyn VectorStorage> {
    storage: Shared<'a, S>,
    name: String,
}

impl<S: VectorStorage + ?Sized> Clone for IndexHandle<'_, S> {
    fn clone(&self) -> Self {
        Self { storage: self.storage.clone(), name: self.name.clone() }
    }
}

impl<'a, S: VectorStorage + ?Sized> IndexHandle<'a, S> {
    pub(super) fn new(storage: Shared<'a, S>, name: String) -> Self {
        Self { storage, name }
    }

    /// The index's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The storage.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// The index's spec, as it was given.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn describe(&self) -> impl Future<Output = Result<IndexInfo>> + Send {
        self.storage.describe_index(&self.name, CallOptions::new())
    }

    /// Statistics; with `detail`, counts for every metadata field and not only the declared ones.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn stats(&self, detail: bool) -> impl Future<Output = Result<IndexStats>> + Send {
        self.storage.stats(&self.name, detail, CallOptions::new())
    }

    /// Stores records, each replacing the record of its id as a whole.
    ///
    /// # Errors
    /// Only where nothing was changed.
    pub fn upsert(&self, records: &[Record]) -> impl Future<Output = Result<WriteResult>> + Send {
        async move { self.storage.upsert(&UpsertRequest::new(&self.name, records)).await }
    }

    /// Stores one record.
    ///
    /// # Errors
    /// Those of [`VectorStorageExt::upsert_one`](super::VectorStorageExt::upsert_one).
    pub fn upsert_one(&self, record: Record) -> impl Future<Output = Result<()>> + Send {
        one::upsert(&*self.storage, &self.name, record)
    }

    /// Stores records in chunks; see [`VectorStorageExt::upsert_chunked`](super::VectorStorageExt::upsert_chunked).
    ///
    /// # Errors
    /// Only where nothing was changed.
    pub fn upsert_chunked(
        &self,
        records: &[Record],
        chunk_size: usize,
        max_parallel: usize,
        progress: &dyn Progress,
    ) -> impl Future<Output = Result<WriteResult>> + Send {
        async move {
            let request = UpsertRequest::new(&self.name, records);
            chunked::upsert(&*self.storage, &request, chunk_size, max_parallel, progress).await
        }
    }

    /// Reads records by id: one entry per requested id, in order, `None` where there is no such record.
    ///
    /// # Errors
    /// Those of [`VectorStorage::get`].
    pub fn get(&self, ids: &[String]) -> impl Future<Output = Result<Vec<Option<Record>>>> + Send {
        async move { self.storage.get(&GetRequest::new(&self.name, ids)).await }
    }

    /// Reads one record.
    ///
    /// # Errors
    /// Those of [`VectorStorage::get`].
    pub fn get_one(&self, id: &str) -> impl Future<Output = Result<Option<Record>>> + Send {
        one::get(&*self.storage, &self.name, id)
    }

    /// Reads one record's metadata as a type of your own.
    ///
    /// # Errors
    /// `InvalidArgument` where the metadata does not fit the type; those of [`VectorStorage::get`].
    pub fn get_as<T: DeserializeOwned>(&self, id: &str) -> impl Future<Output = Result<Option<T>>> + Send {
        async move { self.get_one(id).await?.map(|r| r.metadata_as()).transpose() }
    }

    /// Deletes records by id; deleting what is absent is stored as done.
    ///
    /// # Errors
    /// Only where nothing was changed.
    pub fn delete(&self, ids: &[String]) -> impl Future<Output = Result<WriteResult>> + Send {
        async move { self.storage.delete(&DeleteRequest::new(&self.name, ids)).await }
    }

    /// Deletes one record; deleting what is absent is no error.
    ///
    /// # Errors
    /// Those of [`VectorStorageExt::delete_one`](super::VectorStorageExt::delete_one).
    pub fn delete_one(&self, id: &str) -> impl Future<Output = Result<()>> + Send {
        one::delete(&*self.storage, &self.name, id)
    }

    /// Deletes the records that meet a filter.
    ///
    /// # Errors
    /// Those of [`VectorStorage::delete_where`].
    pub fn delete_where(&self, filter: &Filter) -> impl Future<Output = Result<DeleteWhereResult>> + Send {
        async move { self.storage.delete_where(&DeleteWhereRequest::new(&self.name, filter)).await }
    }

    /// Deletes all records and keeps the index.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn clear(&self) -> impl Future<Output = Result<()>> + Send {
        self.storage.clear(&self.name, CallOptions::new())
    }

    /// Merges patches into the metadata of existing records.
    ///
    /// # Errors
    /// Only where nothing was changed.
    pub fn update_metadata(
        &self,
        updates: &[MetadataUpdate],
    ) -> impl Future<Output = Result<WriteResult>> + Send {
        async move { self.storage.update_metadata(&UpdateRequest::new(&self.name, updates)).await }
    }

    /// Merges a patch into one record's metadata.
    ///
    /// # Errors
    /// `NotFound` where there is no such record; those of [`VectorStorageExt::update_one`](super::VectorStorageExt::update_one).
    pub fn update_one(&self, id: &str, patch: MetadataPatch) -> impl Future<Output = Result<()>> + Send {
        one::update(&*self.storage, &self.name, id, patch)
    }

    /// The nearest records to a vector: set what else is wanted, then `.await` it or take its
    /// [`pages`](SearchBuilder::pages).
    pub fn search(&self, vector: impl AsRef<[f32]>) -> SearchBuilder<'a, S> {
        SearchBuilder::near(self.storage.clone(), &self.name, vector.as_ref())
    }

    /// The records most like a stored one, which is itself left out; see [`VectorStorageExt::search_by_id`](super::VectorStorageExt::search_by_id).
    pub fn search_by_id(&self, id: impl Into<String>) -> SearchBuilder<'a, S> {
        SearchBuilder::like(self.storage.clone(), &self.name, id.into())
    }

    /// All records, or those that meet a filter: set what is wanted, then take the [`stream`](ScanBuilder::stream).
    pub fn scan(&self) -> ScanBuilder<'a, S> {
        ScanBuilder::new(self.storage.clone(), &self.name)
    }

    /// The exact number of records.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn count(&self) -> impl Future<Output = Result<u64>> + Send {
        async move { self.storage.count(&CountRequest::new(&self.name)).await }
    }

    /// The exact number of records that meet a filter.
    ///
    /// # Errors
    /// `InvalidArgument` for the filter; `ResidualLimit`.
    pub fn count_where(&self, filter: &Filter) -> impl Future<Output = Result<u64>> + Send {
        async move { self.storage.count(&CountRequest::new(&self.name).filter(Some(filter))).await }
    }
}
