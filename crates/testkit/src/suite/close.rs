//! Closing: idempotent, and final.

use std::sync::Arc;

use portolan_core::filter::field;
use portolan_core::{
    CountRequest, DeleteRequest, DeleteWhereRequest, ErrorKind, GetRequest, MetadataPatch, MetadataUpdate,
    ScanRequest, UpdateRequest, UpsertRequest, VectorStorage,
};

use crate::case::{Verdict, cases, granted, refusal};
use crate::context::{Context, OPTIONS};
use crate::data::{numbered, owned, plain};
use crate::twin::Twin;

cases! { "close";
    [I24] may_be_repeated, reads_are_refused_after_it, writes_are_refused_after_it,
    index_operations_are_refused_after_it, an_index_missing_then_is_still_closed, leaves_other_storages_open;
}

/// A storage of its own with an index in it, closed.
async fn closed(ctx: &Context) -> Verdict<(Arc<dyn VectorStorage>, Twin)> {
    let storage = ctx.open(&ctx.place()).await?;
    let twin = ctx.twin_in(storage.clone(), ctx.spec(3)).await?;
    twin.upsert(&numbered(3, 3)).await?;
    storage.close().await?;
    Ok((storage, twin))
}

async fn may_be_repeated(ctx: &Context) -> Verdict {
    let (storage, _) = closed(ctx).await?;
    for _ in 0..3 {
        granted("a repeated close", storage.close().await)?;
    }
    Ok(())
}

const KIND: ErrorKind = ErrorKind::Closed;

async fn reads_are_refused_after_it(ctx: &Context) -> Verdict {
    let (storage, twin) = closed(ctx).await?;
    let name = twin.name();
    let query = twin.query([1.0, 2.0, 3.0]);
    refusal("search after close", KIND, storage.search(&query).await)?;
    refusal("explain after close", KIND, storage.explain(&query).await)?;
    refusal("get after close", KIND, storage.get(&GetRequest::new(name, &owned(&["a"]))).await)?;
    refusal("scan after close", KIND, storage.scan(&ScanRequest::new(name)).await)?;
    refusal("count after close", KIND, storage.count(&CountRequest::new(name)).await)?;
    refusal("stats after close", KIND, storage.stats(name, false, OPTIONS).await)?;
    refusal("health after close", KIND, storage.health(OPTIONS).await).map(drop)
}

async fn writes_are_refused_after_it(ctx: &Context) -> Verdict {
    let (storage, twin) = closed(ctx).await?;
    let name = twin.name();
    let (records, ids, filter) = ([plain(9, 3)], owned(&["r00001"]), field("n").eq(1));
    let updates = [MetadataUpdate::new("r00001", MetadataPatch::new().set("x", 1))];
    refusal("upsert after close", KIND, storage.upsert(&UpsertRequest::new(name, &records[..])).await)?;
    refusal("delete after close", KIND, storage.delete(&DeleteRequest::new(name, &ids)).await)?;
    let delete = DeleteWhereRequest::new(name, &filter);
    refusal("delete_where after close", KIND, storage.delete_where(&delete).await)?;
    let update = UpdateRequest::new(name, &updates[..]);
    refusal("update_metadata after close", KIND, storage.update_metadata(&update).await)?;
    refusal("clear after close", KIND, storage.clear(name, OPTIONS).await)?;
    refusal("flush after close", KIND, storage.flush(OPTIONS).await).map(drop)
}

async fn index_operations_are_refused_after_it(ctx: &Context) -> Verdict {
    let (storage, twin) = closed(ctx).await?;
    refusal("create_index after close", KIND, storage.create_index(&ctx.spec(2), OPTIONS).await)?;
    refusal("describe_index after close", KIND, storage.describe_index(twin.name(), OPTIONS).await)?;
    refusal("list_indexes after close", KIND, storage.list_indexes(OPTIONS).await)?;
    refusal("delete_index after close", KIND, storage.delete_index(twin.name(), OPTIONS).await)?;
    refusal("optimize after close", KIND, storage.optimize(twin.name(), OPTIONS).await).map(drop)
}

async fn an_index_missing_then_is_still_closed(ctx: &Context) -> Verdict {
    let (storage, _) = closed(ctx).await?;
    refusal("count after close", KIND, storage.count(&CountRequest::new("no-such-index")).await)?;
    refusal("describe_index after close", KIND, storage.describe_index("no-such-index", OPTIONS).await)
        .map(drop)
}

async fn leaves_other_storages_open(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    closed(ctx).await?;
    twin.upsert(&numbered(3, 3)).await?;
    twin.same().await
}
