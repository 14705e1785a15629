//! Flush and compaction: small segments become large ones, what was deleted is gone, and indexes are built.

use std::time::Duration;

use portolan_core::Error;
use portolan_core::driver::WriteError;
use tokio::time::sleep;

use crate::client::Client;

use crate::proto::common::CompactionState;
use crate::proto::milvus::{
    DescribeCollectionRequest, FlushRequest, GetCompactionStateRequest, GetFlushStateRequest,
    ManualCompactionRequest,
};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Flushes and compacts a collection, and returns when both are done; says whether there was something to do.
pub(crate) async fn optimize(client: &Client, name: &str) -> Result<bool, Error> {
    let flushed = flush(client, name).await?;
    let collection = client
        .describe_collection(DescribeCollectionRequest {
            db_name: client.database(),
            collection_name: name.to_owned(),
            ..DescribeCollectionRequest::default()
        })
        .await?;
    let request = ManualCompactionRequest {
        collection_id: collection.collection_id,
        ..ManualCompactionRequest::default()
    };
    let compaction = client.manual_compaction(request).await?;
    let id = compaction.compaction_id;
    poll(|| async {
        let state = client.get_compaction_state(GetCompactionStateRequest { compaction_id: id }).await?;
        Ok(state.state() != CompactionState::Executing)
    })
    .await?;
    Ok(flushed || compaction.compaction_plan_count > 0)
}

/// Whether there was something to flush.
async fn flush(client: &Client, name: &str) -> Result<bool, WriteError> {
    let names = vec![name.to_owned()];
    let request =
        FlushRequest { db_name: client.database(), collection_names: names, ..FlushRequest::default() };
    let reply = client.flush(request).await?;
    let segments = reply.coll_seg_i_ds.get(name).map(|ids| ids.data.clone()).unwrap_or_default();
    let since = reply.coll_flush_ts.get(name).copied().unwrap_or_default();
    let some = !segments.is_empty();
    poll(|| async {
        let request = GetFlushStateRequest {
            segment_i_ds: segments.clone(),
            flush_ts: since,
            db_name: client.database(),
            collection_name: name.to_owned(),
        };
        Ok(client.get_flush_state(request).await?.flushed)
    })
    .await?;
    Ok(some)
}

/// Asks again and again until it is so; the caller bounds the time.
async fn poll<F>(is_done: impl Fn() -> F) -> Result<(), WriteError>
where
    F: Future<Output = Result<bool, WriteError>>,
{
    let mut pause = FIRST_PAUSE;
    while !is_done().await? {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}
