//! Bad input: refused with its kind, with what, where and the range; and nothing is changed.

use std::time::Duration;

use portolan_core::filter::field;
use portolan_core::{
    CallOptions, CountRequest, DeleteRequest, DeleteWhereRequest, ErrorKind, GetRequest, Metadata,
    MetadataPatch, MetadataUpdate, Record, ScanRequest, SearchRequest, Support, UpdateRequest, UpsertRequest,
};

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{filled, numbered, owned, plain};

cases! { "invalid";
    [I19] ef_search_out_of_range, nprobe_out_of_range;
    [F30 I19] residual_budget_of_zero;
    [S8] threshold_that_is_no_number;
    [R3] offset_beyond_all_numbers;
    [I21] timeouts_out_of_range_on_reads, timeouts_out_of_range_on_writes, timeouts_out_of_range_on_indexes,
    timeouts_at_the_edges;
    [W5] the_first_bad_record_is_named, a_refused_record_says_which;
    [W5 W6] one_bad_record_of_many_stores_none, one_bad_update_of_many_changes_none, one_bad_id_of_many_deletes_none;
    [E1] errors_say_where;
}

/// A search that is refused, and the field that its error names.
async fn search_refused(
    ctx: &Context,
    named: &str,
    change: impl Fn(SearchRequest) -> SearchRequest,
) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let request = change(twin.query([1.0, 2.0, 3.0]));
    let e = refusal(named, ErrorKind::InvalidArgument, twin.subject.search(&request).await)?;
    check!(e.message().contains(named), "the error does not name {named}: {e}");
    refusal(named, ErrorKind::InvalidArgument, twin.subject.explain(&request).await).map(drop)
}

async fn ef_search_out_of_range(ctx: &Context) -> Verdict {
    search_refused(ctx, "ef_search", |r| r.ef_search(0)).await?;
    search_refused(ctx, "ef_search", |r| r.ef_search(10_001)).await
}

async fn nprobe_out_of_range(ctx: &Context) -> Verdict {
    search_refused(ctx, "nprobe", |r| r.nprobe(0)).await?;
    search_refused(ctx, "nprobe", |r| r.nprobe(1_001)).await
}

async fn residual_budget_of_zero(ctx: &Context) -> Verdict {
    search_refused(ctx, "residual_budget", |r| r.residual_budget(0)).await
}

async fn threshold_that_is_no_number(ctx: &Context) -> Verdict {
    search_refused(ctx, "similarity_threshold", |r| r.similarity_threshold(f32::NAN)).await
}

async fn offset_beyond_all_numbers(ctx: &Context) -> Verdict {
    search_refused(ctx, "offset", |r| r.offset(usize::MAX)).await
}

fn bad_timeouts() -> [CallOptions; 3] {
    [Duration::ZERO, Duration::from_micros(999), Duration::from_secs(24 * 60 * 60 + 1)]
        .map(|t| CallOptions::new().timeout(t))
}

async fn timeouts_out_of_range_on_reads(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let (name, subject) = (twin.name(), &twin.subject);
    let kind = ErrorKind::InvalidArgument;
    for options in bad_timeouts() {
        refusal("search", kind, subject.search(&twin.query([1.0, 2.0, 3.0]).options(options)).await)?;
        refusal("explain", kind, subject.explain(&twin.query([1.0, 2.0, 3.0]).options(options)).await)?;
        refusal("get", kind, subject.get(&GetRequest::new(name, &owned(&["a"])).options(options)).await)?;
        refusal("scan", kind, subject.scan(&ScanRequest::new(name).options(options)).await)?;
        refusal("count", kind, subject.count(&CountRequest::new(name).options(options)).await)?;
        refusal("stats", kind, subject.stats(name, false, options).await)?;
        refusal("health", kind, subject.health(options).await)?;
    }
    Ok(())
}

async fn timeouts_out_of_range_on_writes(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let (name, subject) = (twin.name(), &twin.subject);
    let kind = ErrorKind::InvalidArgument;
    let (records, ids, filter) = ([plain(9, 3)], owned(&["r00001"]), field("n").eq(1));
    let updates = [MetadataUpdate::new("r00001", MetadataPatch::new().set("x", 1))];
    for options in bad_timeouts() {
        let upsert = UpsertRequest::new(name, &records[..]).options(options);
        refusal("upsert", kind, subject.upsert(&upsert).await)?;
        refusal("delete", kind, subject.delete(&DeleteRequest::new(name, &ids).options(options)).await)?;
        let delete = DeleteWhereRequest::new(name, &filter).options(options);
        refusal("delete_where", kind, subject.delete_where(&delete).await)?;
        let update = UpdateRequest::new(name, &updates[..]).options(options);
        refusal("update_metadata", kind, subject.update_metadata(&update).await)?;
        refusal("clear", kind, subject.clear(name, options).await)?;
        refusal("flush", kind, subject.flush(options).await)?;
    }
    twin.same().await
}

async fn timeouts_out_of_range_on_indexes(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let (name, subject) = (twin.name(), &twin.subject);
    let kind = ErrorKind::InvalidArgument;
    for options in bad_timeouts() {
        refusal("create_index", kind, subject.create_index(&ctx.spec(2), options).await)?;
        refusal("describe_index", kind, subject.describe_index(name, options).await)?;
        refusal("list_indexes", kind, subject.list_indexes(options).await)?;
        refusal("delete_index", kind, subject.delete_index(name, options).await)?;
        if ctx.capability().optimize != Support::Unsupported {
            refusal("optimize", kind, subject.optimize(name, options).await)?;
        }
    }
    twin.same().await
}

async fn timeouts_at_the_edges(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let day = Duration::from_secs(24 * 60 * 60);
    for timeout in [Duration::from_millis(1), day] {
        let options = CallOptions::new().timeout(timeout);
        check!(options.validate().is_ok(), "the timeout {timeout:?} is refused");
    }
    let longest = CallOptions::new().timeout(day);
    twin.search(&twin.query([1.0, 2.0, 3.0]).options(longest)).await?;
    let count = CountRequest::new(twin.name()).options(longest);
    check_eq!(twin.subject.count(&count).await?, 3, "the count in at most a day");
    Ok(())
}

async fn the_first_bad_record_is_named(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let mut records = numbered(30, 3);
    records[11] = Record::new("", [1.0, 2.0, 3.0]);
    records[20] = Record::new("b", [f32::NAN, 2.0, 3.0]);
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records)).await;
    let e = refusal("a batch with two bad records", ErrorKind::InvalidArgument, written)?;
    check_eq!(e.position(), Some(11), "the position of the first");
    twin.same().await
}

async fn one_bad_record_of_many_stores_none(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let chunk = ctx.capability().limits.batch_count.unwrap_or(100).min(500);
    let mut records = numbered(chunk * 2 + 1, 3);
    records[chunk * 2].vector = Some([1.0].as_slice().into());
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records)).await;
    let e = refusal("a vector of another length, after whole chunks", ErrorKind::DimensionMismatch, written)?;
    check_eq!(e.position(), Some(chunk * 2), "the position of the bad record");
    twin.same().await
}

async fn a_refused_record_says_which(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let records = [plain(0, 3), plain(1, 3).metadata(Metadata::new().with("ratio", f64::NAN))];
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
    let e = refusal("NaN", ErrorKind::InvalidArgument, written)?;
    check!(
        e.to_string().contains("ratio") && e.to_string().contains("r00001"),
        "the error does not say which: {e}"
    );
    Ok(())
}

/// Operation, index and provider are in the error, once.
async fn errors_say_where(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let found = twin.subject.search(&twin.query([1.0, 2.0, 3.0]).top_k(0)).await;
    let e = refusal("top_k 0", ErrorKind::InvalidArgument, found)?;
    check_eq!(
        (e.operation(), e.index(), e.provider()),
        (Some("search"), Some(twin.name()), Some(twin.subject.provider())),
        "where the error is"
    );
    check!(!e.is_retryable(), "bad input is retryable");
    let updates = [MetadataUpdate::new("gone", MetadataPatch::new().set("x", 1))];
    let written = twin.update(&updates).await?;
    let e = written.items[0].error();
    check_eq!(e.and_then(|e| e.operation()), Some("update_metadata"), "the operation of an item's error");
    Ok(())
}

async fn one_bad_update_of_many_changes_none(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(30, 3)).await?;
    let mut updates: Vec<MetadataUpdate> =
        (0..30).map(|n| MetadataUpdate::new(format!("r{n:05}"), MetadataPatch::new().set("x", n))).collect();
    updates[29].patch = MetadataPatch::new().set("x", f64::INFINITY);
    let updated = twin.subject.update_metadata(&UpdateRequest::new(twin.name(), &updates)).await;
    let e = refusal("one bad patch", ErrorKind::InvalidArgument, updated)?;
    check_eq!(e.position(), Some(29), "the position of the bad patch");
    twin.same().await
}

async fn one_bad_id_of_many_deletes_none(ctx: &Context) -> Verdict {
    let records = numbered(30, 3);
    let twin = filled(ctx, &records).await?;
    let mut wanted = crate::data::ids(&records);
    wanted[29] = String::new();
    let deleted = twin.subject.delete(&DeleteRequest::new(twin.name(), &wanted)).await;
    refusal("one empty id", ErrorKind::InvalidArgument, deleted)?;
    twin.same().await
}
