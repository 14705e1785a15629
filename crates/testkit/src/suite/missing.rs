//! A missing index is `NotFound`, for every operation.

use portolan_core::filter::field;
use portolan_core::{
    CountRequest, DeleteRequest, DeleteWhereRequest, ErrorKind, GetRequest, MetadataPatch, MetadataUpdate,
    Result, ScanRequest, SearchRequest, Support, UpdateRequest, UpsertRequest,
};

use crate::case::{Verdict, cases, check_eq, refusal, unsupported};
use crate::context::{Context, OPTIONS};
use crate::data::{owned, plain};

cases! { "missing";
    [I4] describe_index, delete_index, upsert, get, delete, delete_where, clear, update_metadata, search, scan, count,
    stats, explain, optimize;
    [I4 W3] an_empty_upsert, an_empty_get, an_empty_delete, an_empty_update;
}

/// The error must be `NotFound`, and say of which index and in which operation.
fn not_found<T>(operation: &str, index: &str, result: Result<T>) -> Verdict {
    let e = refusal(&format!("{operation} on a missing index"), ErrorKind::NotFound, result)?;
    check_eq!(e.operation(), Some(operation), "the operation of the error {e}");
    check_eq!(e.index(), Some(index), "the index of the error {e}");
    Ok(())
}

async fn describe_index(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("describe_index", &name, ctx.storage.describe_index(&name, OPTIONS).await)
}

async fn delete_index(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("delete_index", &name, ctx.storage.delete_index(&name, OPTIONS).await)
}

async fn upsert(ctx: &Context) -> Verdict {
    let name = ctx.name();
    let records = [plain(0, 3)];
    not_found("upsert", &name, ctx.storage.upsert(&UpsertRequest::new(&name, &records[..])).await)?;
    let described = ctx.storage.describe_index(&name, OPTIONS).await;
    refusal("the index that an upsert must not create", ErrorKind::NotFound, described).map(drop)
}

async fn an_empty_upsert(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("upsert", &name, ctx.storage.upsert(&UpsertRequest::new(&name, &[][..])).await)
}

async fn get(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("get", &name, ctx.storage.get(&GetRequest::new(&name, &owned(&["a"]))).await)
}

async fn an_empty_get(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("get", &name, ctx.storage.get(&GetRequest::new(&name, &[])).await)
}

async fn delete(ctx: &Context) -> Verdict {
    let name = ctx.name();
    let ids = owned(&["a"]);
    not_found("delete", &name, ctx.storage.delete(&DeleteRequest::new(&name, &ids)).await)
}

async fn an_empty_delete(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("delete", &name, ctx.storage.delete(&DeleteRequest::new(&name, &[][..])).await)
}

async fn delete_where(ctx: &Context) -> Verdict {
    let name = ctx.name();
    let filter = field("a").eq(1);
    not_found("delete_where", &name, ctx.storage.delete_where(&DeleteWhereRequest::new(&name, &filter)).await)
}

async fn clear(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("clear", &name, ctx.storage.clear(&name, OPTIONS).await)
}

async fn update_metadata(ctx: &Context) -> Verdict {
    let name = ctx.name();
    let updates = [MetadataUpdate::new("a", MetadataPatch::new().set("x", 1))];
    let updated = ctx.storage.update_metadata(&UpdateRequest::new(&name, &updates[..])).await;
    not_found("update_metadata", &name, updated)
}

async fn an_empty_update(ctx: &Context) -> Verdict {
    let name = ctx.name();
    let updated = ctx.storage.update_metadata(&UpdateRequest::new(&name, &[][..])).await;
    not_found("update_metadata", &name, updated)
}

async fn search(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("search", &name, ctx.storage.search(&SearchRequest::new(&name, [1.0, 2.0])).await)
}

async fn scan(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("scan", &name, ctx.storage.scan(&ScanRequest::new(&name)).await)
}

async fn count(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("count", &name, ctx.storage.count(&CountRequest::new(&name)).await)
}

async fn stats(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("stats", &name, ctx.storage.stats(&name, false, OPTIONS).await)
}

async fn explain(ctx: &Context) -> Verdict {
    let name = ctx.name();
    not_found("explain", &name, ctx.storage.explain(&SearchRequest::without_vector(&name)).await)
}

async fn optimize(ctx: &Context) -> Verdict {
    let name = ctx.name();
    let optimized = ctx.storage.optimize(&name, OPTIONS).await;
    if ctx.capability().optimize == Support::Unsupported {
        return Err(unsupported("optimize", optimized));
    }
    not_found("optimize", &name, optimized)
}
