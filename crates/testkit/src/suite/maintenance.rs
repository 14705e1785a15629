//! Optimize and flush.

use portolan_core::Support;

use crate::case::{Verdict, cases, granted, unsupported};
use crate::context::{Context, OPTIONS};
use crate::data::{filled, ids, numbered};

cases! { "maintenance";
    [C4 I16] optimize_changes_no_answer, optimize_twice, optimize_an_empty_index;
    [I15] flush_changes_no_answer, flush_twice;
}

async fn optimize_changes_no_answer(ctx: &Context) -> Verdict {
    let records = numbered(80, 3);
    let twin = filled(ctx, &records).await?;
    let _ = twin.delete(&ids(&records[10..60])).await?;
    let optimized = twin.subject.optimize(twin.name(), OPTIONS).await;
    if ctx.capability().optimize == Support::Unsupported {
        return Err(unsupported("optimize", optimized));
    }
    optimized?;
    twin.search(&twin.query([1.0, 2.0, 3.0]).top_k(30)).await?;
    twin.same().await
}

async fn optimize_twice(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(9, 3)).await?;
    for _ in 0..2 {
        let optimized = twin.subject.optimize(twin.name(), OPTIONS).await;
        if ctx.capability().optimize == Support::Unsupported {
            return Err(unsupported("optimize", optimized));
        }
        optimized?;
    }
    twin.same().await
}

async fn optimize_an_empty_index(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let optimized = twin.subject.optimize(twin.name(), OPTIONS).await;
    if ctx.capability().optimize == Support::Unsupported {
        return Err(unsupported("optimize", optimized));
    }
    optimized?;
    twin.upsert(&numbered(3, 3)).await?;
    twin.same().await
}

async fn flush_changes_no_answer(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(9, 3)).await?;
    granted("flush", twin.subject.flush(OPTIONS).await)?;
    twin.same().await
}

async fn flush_twice(ctx: &Context) -> Verdict {
    ctx.storage.flush(OPTIONS).await?;
    Ok(ctx.storage.flush(OPTIONS).await?)
}
