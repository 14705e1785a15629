//! What the server does after it has answered: it loads collections, which after a restart of the server, or as another
//! program left them, are not; it flushes and compacts them, so that small segments become large ones, what was deleted is
//! gone, and indexes are built.

use std::future::Future;

use portolan_core::ErrorKind;
use portolan_core::driver::WriteError;
use portolan_core::driver::kit::{ready, when_ready};
use tokio::time::Instant;

use crate::client::{Client, about};
use crate::layout::{Target, index_params, replicas};
use crate::proto::common::CompactionState;
use crate::proto::milvus;

impl Client {
    /// Makes a call, and where the collection is not loaded, loads it and makes the call again.
    pub(crate) async fn loaded<T, F>(&self, target: Target<'_>, call: impl Fn() -> F) -> Result<T, WriteError>
    where
        F: Future<Output = Result<T, WriteError>>,
    {
        let end = Instant::now() + self.load_timeout;
        let end = target.deadline.instant().map_or(end, |deadline| end.min(deadline));
        let loaded = || async {
            match call().await {
                Err(e) if e.error().kind() == ErrorKind::NotReady => {
                    self.load(target, end).await?;
                    call().await
                }
                answer => answer,
            }
        };
        when_ready(Some(end), loaded).await
    }

    /// Loads the collection, which needs an index, and waits until it is loaded.
    pub(crate) async fn load(&self, target: Target<'_>, end: Instant) -> Result<(), WriteError> {
        let (name, replica_number) = (target.name, replicas(target.spec)?);
        let request = || about!(self, name, LoadCollectionRequest { replica_number });
        if let Err(e) = self.load_collection(request()).await {
            if !self.indexes(name).await?.is_empty() {
                return Err(e);
            }
            self.index(target).await?;
            self.load_collection(request()).await?;
        }
        let is_loaded = || async {
            let asked = about!(self, name, GetLoadingProgressRequest {});
            let percent = self.get_loading_progress(asked).await?.progress;
            ready(percent >= 100, || format!("the collection is loaded to {percent} %"))
        };
        when_ready(Some(end), is_loaded).await
    }

    /// Makes the vector index that the spec asks for.
    pub(crate) async fn index(&self, target: Target<'_>) -> Result<(), WriteError> {
        let (field_name, extra_params) = (target.index.vector.clone(), index_params(target.spec));
        let request = about!(self, target.name, CreateIndexRequest { field_name, extra_params });
        self.create_index(request).await.map(drop)
    }

    /// Flushes and compacts a collection, and returns when both are done, for the caller bounds the time; says whether there
    /// was something to do.
    pub(crate) async fn compact(&self, name: &str, collection_id: i64) -> Result<bool, WriteError> {
        let flushed = self.flush_all(name).await?;
        let request = milvus::ManualCompactionRequest { collection_id, ..Default::default() };
        let compaction = self.manual_compaction(request).await?;
        let compaction_id = compaction.compaction_id;
        let is_compacted = || async move {
            let asked = milvus::GetCompactionStateRequest { compaction_id };
            let state = self.get_compaction_state(asked).await?.state();
            ready(state != CompactionState::Executing, || "the collection is being compacted".to_owned())
        };
        when_ready(None, is_compacted).await?;
        Ok(flushed || compaction.compaction_plan_count > 0)
    }

    /// Whether there was something to flush.
    async fn flush_all(&self, name: &str) -> Result<bool, WriteError> {
        let (db_name, collection_names) = (self.database.clone(), vec![name.to_owned()]);
        let request = milvus::FlushRequest { db_name, collection_names, ..Default::default() };
        let reply = self.flush(request).await?;
        let segments = reply.coll_seg_i_ds.get(name).map(|ids| ids.data.clone()).unwrap_or_default();
        let asked = milvus::GetFlushStateRequest {
            segment_i_ds: segments.clone(),
            flush_ts: reply.coll_flush_ts.get(name).copied().unwrap_or_default(),
            db_name: self.database.clone(),
            collection_name: name.to_owned(),
        };
        let is_flushed = || async {
            let is_done = self.get_flush_state(asked.clone()).await?.flushed;
            ready(is_done, || "the collection is being flushed".to_owned())
        };
        when_ready(None, is_flushed).await?;
        Ok(!segments.is_empty())
    }
}
