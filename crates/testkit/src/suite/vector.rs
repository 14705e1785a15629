//! Vectors: what is stored, what is refused, extremes.

use portolan_core::{ErrorKind, Metric, Record, SearchRequest, Support, UpsertRequest};

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{filled, owned, plain};

cases! { "vector";
    [N14] reads_back_as_declared, negative_zero_components, tiny_components;
    [N12 S12] extreme_norms_by_cosine, extreme_norms_by_dot_product, extreme_norms_by_euclidean,
    extreme_norms_by_manhattan;
    [N12 N13] norms_at_the_edges, zero_is_stored_where_it_has_a_meaning, zero_is_refused_under_cosine, zero_queries,
    too_large_or_too_small_norms_are_refused;
    [N11 N13 W5] not_finite_is_refused, another_length_is_a_mismatch;
    [N11 W5] a_record_without_a_vector_is_refused;
    [N13] queries_are_checked_like_records;
    [S9 S11] equal_vectors_are_separate_records;
    [S2 S4 S6] opposite_vectors_by_cosine;
}

async fn reads_back_as_declared(ctx: &Context) -> Verdict {
    for metric in Metric::ALL {
        if ctx.capability().metric(metric) == Support::Unsupported {
            continue;
        }
        let twin = ctx.metric_index(metric, 4).await?;
        let vectors =
            [[0.1, 0.2, 0.3, 0.4], [1.0 / 3.0, -2.0 / 7.0, 1e-3, 123.456], [f32::EPSILON, 1.0, -1.0, 0.5]];
        let records: Vec<Record> =
            vectors.iter().enumerate().map(|(n, v)| Record::new(n.to_string(), *v)).collect();
        twin.upsert(&records).await?;
        twin.get(&owned(&["0", "1", "2"])).await?;
        twin.search(&twin.query([0.5, 0.5, 0.5, 0.5]).include_vectors(true)).await?;
        twin.same().await?;
    }
    Ok(())
}

async fn negative_zero_components(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[Record::new("a", [-0.0, 1.0]), Record::new("b", [0.0, 1.0])]).await?;
    twin.same().await?;
    twin.search(&twin.query([-0.0, 2.0]).include_vectors(true)).await.map(drop)
}

async fn tiny_components(ctx: &Context) -> Verdict {
    let twin =
        filled(ctx, &[Record::new("a", [1.0, 1e-30]), Record::new("b", [f32::MIN_POSITIVE, 2.0])]).await?;
    twin.same().await?;
    twin.search(&twin.query([1.0, 1.0])).await.map(drop)
}

async fn extreme_norms(ctx: &Context, metric: Metric) -> Verdict {
    let twin = ctx.metric_index(metric, 2).await?;
    let scaled = |n: i32| Record::new(format!("1e{n}"), [10f32.powi(n) * 0.6, 10f32.powi(n) * -0.7]);
    let records: Vec<Record> = [-14, -7, -3, 0, 3, 7, 14].map(scaled).to_vec();
    twin.upsert(&records).await?;
    twin.same().await?;
    for query in [[1e-14f32, 1e-14], [1.0, -2.0], [4e14, 1e14]] {
        twin.search(&twin.query(query)).await?;
    }
    Ok(())
}

async fn extreme_norms_by_cosine(ctx: &Context) -> Verdict {
    extreme_norms(ctx, Metric::Cosine).await
}

async fn extreme_norms_by_dot_product(ctx: &Context) -> Verdict {
    extreme_norms(ctx, Metric::DotProduct).await
}

async fn extreme_norms_by_euclidean(ctx: &Context) -> Verdict {
    extreme_norms(ctx, Metric::Euclidean).await
}

async fn extreme_norms_by_manhattan(ctx: &Context) -> Verdict {
    extreme_norms(ctx, Metric::Manhattan).await
}

/// The nearest to 1e-15 and 1e15 that an `f32` can be within them.
async fn norms_at_the_edges(ctx: &Context) -> Verdict {
    let edges = [1e-15f32, 1e15];
    let twin = ctx.index(2).await?;
    twin.upsert(&edges.map(|x| Record::new(format!("{x:e}"), [x, 0.0]))).await?;
    for x in edges {
        twin.search(&twin.query([0.0, x])).await?;
    }
    twin.same().await
}

async fn zero_is_stored_where_it_has_a_meaning(ctx: &Context) -> Verdict {
    for metric in [Metric::DotProduct, Metric::Euclidean, Metric::Manhattan] {
        if ctx.capability().metric(metric) == Support::Unsupported {
            continue;
        }
        let twin = ctx.metric_index(metric, 3).await?;
        twin.upsert(&[Record::new("zero", [0.0; 3]), Record::new("one", [1.0, 2.0, 3.0])]).await?;
        let found = twin.search(&twin.query([1.0, 0.0, 0.0])).await?;
        check_eq!(found.matches.len(), 2, "the matches, the zero vector among them");
        twin.same().await?;
    }
    Ok(())
}

async fn zero_is_refused_under_cosine(ctx: &Context) -> Verdict {
    let twin = ctx.metric_index(Metric::Cosine, 3).await?;
    let records = [plain(0, 3), Record::new("zero", [0.0, -0.0, 0.0])];
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
    let e = refusal("a zero vector under cosine", ErrorKind::InvalidArgument, written)?;
    check_eq!(e.position(), Some(1), "the position of the zero vector");
    let found = twin.subject.search(&SearchRequest::new(twin.name(), [0.0; 3])).await;
    refusal("a zero query under cosine", ErrorKind::InvalidArgument, found)?;
    twin.same().await
}

async fn zero_queries(ctx: &Context) -> Verdict {
    for metric in [Metric::DotProduct, Metric::Euclidean, Metric::Manhattan] {
        if ctx.capability().metric(metric) == Support::Unsupported {
            continue;
        }
        let twin = ctx.metric_index(metric, 3).await?;
        twin.upsert(&crate::data::numbered(9, 3)).await?;
        twin.search(&twin.query([0.0; 3]).top_k(5)).await?;
    }
    Ok(())
}

/// Both a record's vector and a query are refused, and nothing is stored.
async fn refused(ctx: &Context, kind: ErrorKind, bad: Vec<f32>) -> Verdict {
    let twin = filled(ctx, &[plain(0, 2)]).await?;
    let records = [plain(1, 2), plain(2, 2), Record::new("bad", bad.clone()), plain(3, 2)];
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
    let e = refusal(&format!("the vector {bad:?}"), kind, written)?;
    check_eq!(e.position(), Some(2), "the position of the bad vector");
    let query = SearchRequest::new(twin.name(), bad);
    refusal("a bad query", kind, twin.subject.search(&query).await)?;
    refusal("a bad query", kind, twin.subject.explain(&query).await)?;
    twin.same().await
}

async fn not_finite_is_refused(ctx: &Context) -> Verdict {
    for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        refused(ctx, ErrorKind::InvalidArgument, vec![1.0, x]).await?;
    }
    Ok(())
}

async fn too_large_or_too_small_norms_are_refused(ctx: &Context) -> Verdict {
    for bad in [[1e16, 0.0], [f32::MAX, f32::MAX], [1e-16, 0.0], [f32::MIN_POSITIVE, 0.0]] {
        refused(ctx, ErrorKind::InvalidArgument, bad.to_vec()).await?;
    }
    Ok(())
}

async fn another_length_is_a_mismatch(ctx: &Context) -> Verdict {
    for bad in [vec![], vec![1.0], vec![1.0; 3], vec![1.0; 5_000]] {
        refused(ctx, ErrorKind::DimensionMismatch, bad).await?;
    }
    Ok(())
}

async fn a_record_without_a_vector_is_refused(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 2)]).await?;
    let mut records = [plain(0, 2), plain(1, 2)];
    records[1].vector = None;
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
    refusal("a record without a vector", ErrorKind::InvalidArgument, written)?;
    twin.same().await
}

async fn queries_are_checked_like_records(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 2)]).await?;
    let none = twin.subject.search(&SearchRequest::without_vector(twin.name())).await;
    let e = refusal("a search without a vector", ErrorKind::InvalidArgument, none)?;
    check!(e.message().contains("vector"), "the error does not name the vector: {e}");
    Ok(())
}

async fn equal_vectors_are_separate_records(ctx: &Context) -> Verdict {
    let records: Vec<Record> = (0..6).map(|n| Record::new(format!("same {n}"), [1.0, 2.0])).collect();
    let twin = filled(ctx, &records).await?;
    let found = twin.search(&twin.query([1.0, 2.0]).top_k(6).with_total(true)).await?;
    check_eq!(found.matches.len(), 6, "the records of one vector");
    Ok(())
}

async fn opposite_vectors_by_cosine(ctx: &Context) -> Verdict {
    let twin = ctx.metric_index(Metric::Cosine, 2).await?;
    twin.upsert(&[Record::new("same", [0.3, 0.7]), Record::new("opposite", [-0.6, -1.4])]).await?;
    let found = twin.search(&twin.query([0.15, 0.35])).await?;
    let scores: Vec<f32> = found.matches.iter().map(|m| m.score).collect();
    check!(scores[0] <= 1.0 && scores[1] >= -1.0, "a cosine is outside [-1, 1]: {scores:?}");
    let normalized = twin.search(&twin.query([0.15, 0.35]).score_normalization(true)).await?;
    check!(normalized.matches[1].score >= 0.0, "a normalized score is below 0");
    Ok(())
}
