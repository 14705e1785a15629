//! What is declared is so.

use portolan_core::{BatchAtomicity, Metric, Support, UpsertRequest, VectorFidelity};

use crate::case::{Verdict, cases, check, check_eq, granted, unsupported};
use crate::context::{Context, OPTIONS};
use crate::data::{filled, numbered};

cases! { "capability";
    [A2 C2 C3] leaves_unsupported_only_what_it_may;
    [C1] is_fixed, limits_are_within_the_contract, some_metric_is_supported;
    [C1 C4 I8] cosine_as_declared, dot_product_as_declared, euclidean_as_declared, manhattan_as_declared;
    [N14] normalized_vectors_only_under_cosine;
    [W5 W10] an_atomic_batch_is_not_cut;
    [A1] the_provider_has_a_name;
}

async fn leaves_unsupported_only_what_it_may(ctx: &Context) -> Verdict {
    granted("the capability", ctx.capability().check())
}

async fn is_fixed(ctx: &Context) -> Verdict {
    let before = ctx.capability().clone();
    let twin = filled(ctx, &numbered(5, 3)).await?;
    ctx.storage.delete_index(twin.name(), OPTIONS).await?;
    check!(*ctx.capability() == before, "the capability has changed since the store was opened");
    Ok(())
}

async fn limits_are_within_the_contract(ctx: &Context) -> Verdict {
    let limits = &ctx.capability().limits;
    check!((1..=10_000).contains(&limits.top_k), "the largest top_k is {}", limits.top_k);
    check!((1..=512).contains(&limits.id_bytes), "the longest id has {} bytes", limits.id_bytes);
    check!(limits.dimension >= 1, "the largest dimension is 0");
    let counts = [limits.window, limits.batch_count, limits.batch_bytes, limits.metadata_bytes];
    check!(!counts.contains(&Some(0)), "a limit is 0: {limits:?}");
    Ok(())
}

async fn some_metric_is_supported(ctx: &Context) -> Verdict {
    let supported = |metric: &Metric| ctx.capability().metric(*metric) != Support::Unsupported;
    check!(Metric::ALL.iter().any(supported), "no metric is supported");
    Ok(())
}

async fn metric_as_declared(ctx: &Context, metric: Metric) -> Verdict {
    let spec = ctx.spec(3).metric(metric);
    let created = ctx.storage.create_index(&spec, OPTIONS).await;
    if ctx.capability().metric(metric) == Support::Unsupported {
        let listed = ctx.storage.list_indexes(OPTIONS).await?;
        check!(!listed.contains(&spec.name), "an index of an unsupported metric is listed");
        return Err(unsupported(&format!("the metric {metric}"), created));
    }
    created?;
    check_eq!(
        ctx.storage.describe_index(&spec.name, OPTIONS).await?.spec.metric,
        metric,
        "the metric described"
    );
    Ok(())
}

async fn cosine_as_declared(ctx: &Context) -> Verdict {
    metric_as_declared(ctx, Metric::Cosine).await
}

async fn dot_product_as_declared(ctx: &Context) -> Verdict {
    metric_as_declared(ctx, Metric::DotProduct).await
}

async fn euclidean_as_declared(ctx: &Context) -> Verdict {
    metric_as_declared(ctx, Metric::Euclidean).await
}

async fn manhattan_as_declared(ctx: &Context) -> Verdict {
    metric_as_declared(ctx, Metric::Manhattan).await
}

/// Vectors of other metrics keep their length, without which their distances would be others.
async fn normalized_vectors_only_under_cosine(ctx: &Context) -> Verdict {
    if ctx.capability().vectors == VectorFidelity::Normalized {
        check!(
            ctx.capability().cosine != Support::Unsupported,
            "vectors are normalized, and there is no cosine"
        );
    }
    let twin = filled(ctx, &numbered(5, 3)).await?;
    twin.same().await
}

/// One bad item past any cut leaves nothing of an atomic batch, and of no batch a part that was refused as a whole.
async fn an_atomic_batch_is_not_cut(ctx: &Context) -> Verdict {
    let limits = &ctx.capability().limits;
    if ctx.capability().batch == BatchAtomicity::Atomic {
        check!(
            limits.batch_count.is_none() && limits.batch_bytes.is_none(),
            "an atomic batch is cut: {limits:?}"
        );
    }
    let twin = ctx.index(3).await?;
    let mut records = numbered(40, 3);
    records[39].id.clear();
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records)).await;
    check!(written.is_err(), "a batch with an empty id is written");
    twin.same().await
}

async fn the_provider_has_a_name(ctx: &Context) -> Verdict {
    check!(!ctx.storage.provider().is_empty(), "the provider has no name");
    Ok(())
}
