//! Statistics of an index.

use portolan_core::{FieldType, IndexStats, Metadata, MetadataPatch, Support};

use crate::case::{Verdict, cases, check, check_eq};
use crate::context::{Context, OPTIONS};
use crate::data::{filled, ids, numbered, plain};
use crate::twin::Twin;

cases! { "stats";
    [A1] name_the_index;
    [I9] count_records_exactly, of_an_empty_index;
    [I11] count_declared_fields, count_all_fields_with_detail;
    [I9 I11] follow_updates;
    [I10] query_times_are_of_this_index;
    [C4 I9] sizes_as_declared;
    [I8] times_have_one_form;
}

/// Both sides' statistics; counts must be the same.
async fn same(twin: &Twin, detail: bool) -> Verdict<IndexStats> {
    let found = twin.subject.stats(twin.name(), detail, OPTIONS).await?;
    let expected = twin.oracle.stats(twin.name(), detail, OPTIONS).await?;
    check_eq!(found.vectors, expected.vectors, "the number of records");
    check_eq!(found.fields, expected.fields, "the counts per field (detail: {detail})");
    Ok(found)
}

async fn name_the_index(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 5)).await?;
    let stats = same(&twin, false).await?;
    check_eq!(
        (stats.index.as_str(), stats.dimension, stats.metric),
        (twin.name(), 5, twin.spec.metric),
        "name, dimension and metric"
    );
    Ok(())
}

async fn count_records_exactly(ctx: &Context) -> Verdict {
    let records = numbered(30, 3);
    let twin = filled(ctx, &records).await?;
    check_eq!(same(&twin, false).await?.vectors, 30, "the number of records");
    twin.upsert(&records[..7]).await?;
    let _ = twin.delete(&ids(&records[..4])).await?;
    check_eq!(same(&twin, true).await?.vectors, 26, "the number of records after a delete");
    Ok(())
}

async fn declared(ctx: &Context) -> Verdict<Twin> {
    let spec = ctx.spec(3).field("n", FieldType::Integer).field("word", FieldType::String);
    let twin = ctx.twin(spec).await?;
    twin.upsert(&numbered(8, 3)).await?;
    let with_word = Metadata::new().with("word", ["a", "b"]).with("free", 1);
    twin.upsert(&[plain(20, 3).metadata(with_word), plain(21, 3)]).await?;
    Ok(twin)
}

async fn count_declared_fields(ctx: &Context) -> Verdict {
    let stats = same(&declared(ctx).await?, false).await?;
    let counts = [("n".to_owned(), 8), ("word".to_owned(), 1)];
    check_eq!(stats.fields, counts.into_iter().collect(), "the counts of declared fields");
    Ok(())
}

async fn count_all_fields_with_detail(ctx: &Context) -> Verdict {
    let stats = same(&declared(ctx).await?, true).await?;
    check_eq!(
        (stats.fields.get("free"), stats.fields.get("even")),
        (Some(&1), Some(&8)),
        "undeclared fields"
    );
    Ok(())
}

async fn follow_updates(ctx: &Context) -> Verdict {
    let twin = declared(ctx).await?;
    twin.patch("r00021", MetadataPatch::new().set("word", "x")).await?;
    twin.patch("r00001", MetadataPatch::new().remove("n")).await?;
    let stats = same(&twin, true).await?;
    check_eq!(
        (stats.fields.get("n"), stats.fields.get("word")),
        (Some(&7), Some(&2)),
        "the counts after updates"
    );
    Ok(())
}

async fn of_an_empty_index(ctx: &Context) -> Verdict {
    let twin = ctx.twin(ctx.spec(3).field("n", FieldType::Integer)).await?;
    let stats = same(&twin, true).await?;
    check_eq!((stats.vectors, stats.fields.get("n")), (0, Some(&0)), "the counts of nothing");
    Ok(())
}

async fn query_times_are_of_this_index(ctx: &Context) -> Verdict {
    let twin = ctx.twin(ctx.spec(3)).await?;
    twin.upsert(&numbered(9, 3)).await?;
    let before = same(&twin, false).await?;
    check!(before.average_query_time_ms.is_none(), "there is a query time before the first search");
    twin.search(&twin.query([1.0, 2.0, 3.0])).await?;
    let after = same(&twin, false).await?;
    check!(after.average_query_time_ms.is_some_and(|ms| ms > 0.0), "there is no query time after a search");
    check!(after.queries_per_second.is_some_and(|rate| rate > 0.0), "there is no rate after a search");
    Ok(())
}

async fn sizes_as_declared(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(50, 3)).await?;
    let stats = same(&twin, false).await?;
    let known = stats.disk_bytes.is_some() || stats.memory_bytes.is_some();
    check_eq!(known, ctx.capability().sizes != Support::Unsupported, "whether sizes are known");
    check!(stats.disk_bytes != Some(0) && stats.memory_bytes != Some(0), "50 records take no room");
    Ok(())
}

async fn times_have_one_form(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(2, 3)).await?;
    let stats = same(&twin, false).await?;
    let now = portolan_core::time::now();
    for time in stats.created_at.iter().chain(&stats.updated_at) {
        check!(time.len() == now.len() && time.ends_with('Z'), "the time {time:?} has another form");
    }
    check!(
        stats.updated_at >= stats.created_at || stats.updated_at.is_none(),
        "written before it was created"
    );
    Ok(())
}
