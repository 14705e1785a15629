//! Health of the store.

use portolan_core::Status;

use crate::case::{Verdict, cases, check, check_eq, granted};
use crate::context::{Context, OPTIONS};
use crate::data::{filled, numbered};

cases! { "health";
    [I12] is_healthy, latency_and_uptime_are_no_nonsense, counts_what_it_knows;
    [A1] names_the_provider;
}

async fn is_healthy(ctx: &Context) -> Verdict {
    let health = granted("health", ctx.storage.health(OPTIONS).await)?;
    check_eq!(health.status, Status::Healthy, "the status");
    check!(health.message.is_none(), "a healthy store complains: {:?}", health.message);
    Ok(())
}

async fn names_the_provider(ctx: &Context) -> Verdict {
    check_eq!(ctx.storage.health(OPTIONS).await?.provider, ctx.storage.provider(), "the provider");
    Ok(())
}

async fn latency_and_uptime_are_no_nonsense(ctx: &Context) -> Verdict {
    let health = ctx.storage.health(OPTIONS).await?;
    check!(
        health.latency_ms.is_finite() && health.latency_ms >= 0.0,
        "the latency is {} ms",
        health.latency_ms
    );
    check!(health.uptime_seconds.is_none_or(|s| s >= 0.0), "the uptime is {:?} s", health.uptime_seconds);
    Ok(())
}

async fn counts_what_it_knows(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(6, 3)).await?;
    let health = ctx.storage.health(OPTIONS).await?;
    check!(health.indexes.is_none_or(|n| n >= 1), "an index is there, and {:?} are counted", health.indexes);
    check!(
        health.vectors.is_none_or(|n| n >= 6),
        "6 records are there, and {:?} are counted",
        health.vectors
    );
    twin.count(None).await.map(drop)
}
