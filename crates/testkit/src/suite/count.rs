//! Count: exact, with and without a filter.

use portolan_core::filter::{field, id_in};
use portolan_core::{CountRequest, Filter};

use crate::case::{Verdict, cases, check_eq};
use crate::context::Context;
use crate::data::{filled, ids, mixed_index, numbered};

cases! { "count";
    [R11] an_empty_index, everything, follows_every_write, many;
    [A3 R11] with_filters;
    [F13 R11] with_constants;
    [F30 R11] a_budget_that_suffices;
}

async fn an_empty_index(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    check_eq!(twin.count(None).await?, 0, "the count of nothing");
    check_eq!(twin.count(Some(&field("n").exists())).await?, 0, "the count of nothing");
    Ok(())
}

async fn everything(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(37, 3)).await?;
    check_eq!(twin.count(None).await?, 37, "the count of all records");
    Ok(())
}

async fn with_filters(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for filter in [
        field("year").gte(2015),
        !field("tags").exists(),
        field("name").contains("a") & field("active").eq(true),
        id_in(["r00001", "gone"]) | field("score").lt(0),
    ] {
        twin.filter(&filter).await?;
    }
    Ok(())
}

async fn with_constants(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    check_eq!(twin.count(Some(&Filter::all())).await?, 12, "the count where TRUE");
    check_eq!(twin.count(Some(&Filter::none())).await?, 0, "the count where FALSE");
    Ok(())
}

async fn follows_every_write(ctx: &Context) -> Verdict {
    let records = numbered(20, 3);
    let twin = ctx.index(3).await?;
    for chunk in records.chunks(7) {
        twin.upsert(chunk).await?;
        twin.count(None).await?;
    }
    twin.upsert(&records[..5]).await?;
    twin.count(None).await?;
    let _ = twin.delete(&ids(&records[3..9])).await?;
    twin.count(None).await?;
    twin.delete_where(&field("even").eq(true)).await?;
    twin.count(None).await?;
    twin.clear().await?;
    twin.count(None).await.map(drop)
}

async fn many(ctx: &Context) -> Verdict {
    let rows = ctx.session.harness.rows().min(3_000);
    let twin = filled(ctx, &numbered(rows, 2)).await?;
    check_eq!(twin.count(None).await?, rows as u64, "the count of many");
    twin.filter(&field("name").ends_with("3")).await
}

/// A budget of as many records as there are is enough for any filter.
async fn a_budget_that_suffices(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    let filter = field("name").ends_with("a");
    let request = CountRequest::new(twin.name()).filter(Some(&filter)).residual_budget(12);
    check_eq!(
        twin.subject.count(&request).await?,
        twin.count(Some(&filter)).await?,
        "the count within a budget"
    );
    Ok(())
}
