//! Flush and compaction: small segments become large ones, what was deleted is gone, and indexes are built.

use portolan_core::Result;
use portolan_core::driver::WriteError;

use crate::client::{Client, about};
use crate::load::{ready, when_ready};
use crate::proto::common::CompactionState;
use crate::proto::milvus::{
    FlushRequest, GetCompactionStateRequest, GetFlushStateRequest, ManualCompactionRequest,
};

/// Flushes and compacts a collection, and returns when both are done, for the caller bounds the time; says whether there
/// was something to do.
pub(crate) async fn optimize(client: &Client, name: &str, collection_id: i64) -> Result<bool> {
    let flushed = flush(client, name).await?;
    let request = ManualCompactionRequest { collection_id, ..ManualCompactionRequest::default() };
    let compaction = client.manual_compaction(request).await?;
    let compaction_id = compaction.compaction_id;
    let is_compacted = || async move {
        let state = client.get_compaction_state(GetCompactionStateRequest { compaction_id }).await?.state();
        ready(state != CompactionState::Executing, || "the collection is being compacted".to_owned())
    };
    when_ready(None, is_compacted).await?;
    Ok(flushed || compaction.compaction_plan_count > 0)
}

/// Whether there was something to flush.
async fn flush(client: &Client, name: &str) -> Result<bool, WriteError> {
    let (db_name, collection_names) = (client.database.clone(), vec![name.to_owned()]);
    let reply = client.flush(FlushRequest { db_name, collection_names, ..FlushRequest::default() }).await?;
    let segments = reply.coll_seg_i_ds.get(name).map(|ids| ids.data.clone()).unwrap_or_default();
    let state = GetFlushStateRequest {
        segment_i_ds: segments.clone(),
        flush_ts: reply.coll_flush_ts.get(name).copied().unwrap_or_default(),
        ..about!(client, name, GetFlushStateRequest {})
    };
    let is_flushed = || async {
        let flushed = client.get_flush_state(state.clone()).await?.flushed;
        ready(flushed, || "the collection is being flushed".to_owned())
    };
    when_ready(None, is_flushed).await?;
    Ok(!segments.is_empty())
}
