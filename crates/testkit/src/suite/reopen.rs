//! Closing and opening again: what was acknowledged is there, where the store is durable.

use std::sync::Arc;

use portolan_core::filter::field;
use portolan_core::{
    Cursor, EngineParams, ErrorKind, FieldType, Metadata, MetadataPatch, Record, ScanRequest,
};

use crate::case::{Stop, Verdict, cases, check, check_eq, refusal};
use crate::context::{Context, OPTIONS};
use crate::data::{ids, mixed, numbered, plain};
use crate::twin::Twin;

cases! { "reopen";
    [A3] keeps_records, keeps_updates_and_deletes, keeps_a_cleared_index, answers_searches_and_filters,
    takes_further_writes, many_times;
    [I8] keeps_the_spec;
    [I5] keeps_no_deleted_index;
    [A3 N7 N18] keeps_hostile_ids_and_values;
    [R10] old_cursors_are_dead;
}

/// A storage at a place of its own, with an empty index.
async fn opened(ctx: &Context) -> Verdict<(String, Twin)> {
    let place = ctx.place();
    let storage = ctx.open(&place).await?;
    let spec = ctx.spec(4).field("n", FieldType::Integer);
    Ok((place, ctx.twin_in(storage, spec).await?))
}

/// Closes the storage and opens the place again. Where the store is not durable the index must be gone, and the case
/// ends as unsupported.
async fn again(ctx: &Context, place: &str, twin: Twin) -> Verdict<Twin> {
    twin.subject.close().await?;
    let storage = ctx.open(place).await?;
    if !ctx.capability().durable {
        let described = storage.describe_index(twin.name(), OPTIONS).await;
        refusal("an index of a store that is not durable", ErrorKind::NotFound, described)?;
        return Err(Stop::Unsupported("the store is not durable, and keeps nothing".to_owned()));
    }
    Ok(Twin { subject: storage, oracle: Arc::clone(&twin.oracle), spec: twin.spec })
}

/// Deletes the index and closes the storage.
async fn done(twin: Twin) -> Verdict {
    twin.subject.delete_index(twin.name(), OPTIONS).await?;
    Ok(twin.subject.close().await?)
}

async fn keeps_records(ctx: &Context) -> Verdict {
    let (place, twin) = opened(ctx).await?;
    twin.upsert(&mixed()).await?;
    twin.upsert(&numbered(250, 4)).await?;
    let twin = again(ctx, &place, twin).await?;
    twin.same().await?;
    done(twin).await
}

async fn keeps_the_spec(ctx: &Context) -> Verdict {
    let place = ctx.place();
    let storage = ctx.open(&place).await?;
    let engine = EngineParams { m: Some(32), ..EngineParams::default() };
    let spec = ctx.spec(4).field("a b", FieldType::String).field("x", FieldType::Float).engine(engine);
    let twin = ctx.twin_in(storage, spec.clone()).await?;
    let created = twin.subject.describe_index(twin.name(), OPTIONS).await?;
    let twin = again(ctx, &place, twin).await?;
    check_eq!(twin.subject.describe_index(twin.name(), OPTIONS).await?, created, "the description");
    check!(twin.subject.list_indexes(OPTIONS).await?.contains(&spec.name), "the index is not listed");
    done(twin).await
}

async fn keeps_updates_and_deletes(ctx: &Context) -> Verdict {
    let (place, twin) = opened(ctx).await?;
    let records = numbered(40, 4);
    twin.upsert(&records).await?;
    twin.patch("r00003", MetadataPatch::new().set("n", 999).remove("name")).await?;
    let _ = twin.delete(&ids(&records[10..20])).await?;
    twin.delete_where(&field("n").is_in([30, 31])).await?;
    let twin = again(ctx, &place, twin).await?;
    twin.same().await?;
    done(twin).await
}

async fn keeps_no_deleted_index(ctx: &Context) -> Verdict {
    let (place, twin) = opened(ctx).await?;
    twin.upsert(&numbered(4, 4)).await?;
    twin.subject.delete_index(twin.name(), OPTIONS).await?;
    let twin = again(ctx, &place, twin).await?;
    let described = twin.subject.describe_index(twin.name(), OPTIONS).await;
    refusal("a deleted index", ErrorKind::NotFound, described)?;
    Ok(twin.subject.close().await?)
}

async fn keeps_a_cleared_index(ctx: &Context) -> Verdict {
    let (place, twin) = opened(ctx).await?;
    twin.upsert(&numbered(9, 4)).await?;
    twin.clear().await?;
    let twin = again(ctx, &place, twin).await?;
    twin.same().await?;
    done(twin).await
}

async fn keeps_hostile_ids_and_values(ctx: &Context) -> Verdict {
    let (place, twin) = opened(ctx).await?;
    let hostile = |(n, text): (usize, &&str)| {
        let metadata = Metadata::new().with("v", *text).with("list", [*text, "x"]);
        Record::new(*text, crate::data::vector(n, 4)).metadata(metadata)
    };
    twin.upsert(&super::hostile::TEXTS.iter().enumerate().map(hostile).collect::<Vec<_>>()).await?;
    let twin = again(ctx, &place, twin).await?;
    twin.same().await?;
    done(twin).await
}

async fn answers_searches_and_filters(ctx: &Context) -> Verdict {
    let (place, twin) = opened(ctx).await?;
    twin.upsert(&numbered(90, 4)).await?;
    let twin = again(ctx, &place, twin).await?;
    twin.search(&twin.query([1.0, -2.0, 3.0, 0.0]).top_k(20).offset(5).with_total(true)).await?;
    twin.filter(&field("n").gt(70)).await?;
    twin.filter(&field("name").ends_with("3")).await?;
    done(twin).await
}

async fn takes_further_writes(ctx: &Context) -> Verdict {
    let (place, twin) = opened(ctx).await?;
    twin.upsert(&numbered(20, 4)).await?;
    let twin = again(ctx, &place, twin).await?;
    twin.upsert(&(10..30).map(|n| plain(n, 4)).collect::<Vec<_>>()).await?;
    twin.patch("r00005", MetadataPatch::new().set("n", 5_000)).await?;
    twin.filter(&field("n").gte(5)).await?;
    twin.same().await?;
    done(twin).await
}

async fn many_times(ctx: &Context) -> Verdict {
    let (place, mut twin) = opened(ctx).await?;
    for n in 0..5 {
        twin.upsert(&[plain(n, 4), plain(n + 100, 4)]).await?;
        twin = again(ctx, &place, twin).await?;
        twin.same().await?;
    }
    done(twin).await
}

/// A cursor lives as long as the storage that gave it.
async fn old_cursors_are_dead(ctx: &Context) -> Verdict {
    let (place, twin) = opened(ctx).await?;
    twin.upsert(&numbered(9, 4)).await?;
    let page = twin.subject.scan(&ScanRequest::new(twin.name()).page_size(2)).await?;
    let cursor: Option<Cursor> = page.cursor;
    check!(cursor.is_some(), "the first page of several has no cursor");
    let twin = again(ctx, &place, twin).await?;
    let scan = twin.subject.scan(&ScanRequest::new(twin.name()).cursor(cursor.as_ref())).await;
    refusal("a cursor from before", ErrorKind::InvalidArgument, scan)?;
    done(twin).await
}
