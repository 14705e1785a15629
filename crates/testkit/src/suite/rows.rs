//! The rows that are written by hand, over the store itself: no oracle has a say in them.

use std::collections::BTreeMap;

use portolan_core::filter::id_in;
use portolan_core::{
    CountRequest, FieldType, IndexSpec, Limits, Metric, Record, SearchRequest, UpsertRequest, validate,
};

use crate::case::{Verdict, cases, check, check_eq};
use crate::context::{Context, OPTIONS};
use crate::rows::{FilterRow, ScoreRow, filter_rows, score_rows};
use crate::twin::scan_all;

cases! { "rows";
    [F1 F2 F3 F7 F8 F9 F10 F11 F12 F13 N6] filters_over_undeclared_fields;
    [F1 F2 F3 F7 F8 F9 F10 F11 F12 F13 N21] filters_over_declared_fields;
    [S2 S3 S4 S6 S12] scores_under_cosine, scores_under_dot_product, scores_under_euclidean, scores_under_manhattan;
}

async fn filters_over_undeclared_fields(ctx: &Context) -> Verdict {
    filters(ctx, ctx.spec(2)).await
}

async fn filters_over_declared_fields(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2).field("b", FieldType::Bool).field("i", FieldType::Integer);
    filters(ctx, spec.field("f", FieldType::Float).field("s", FieldType::String)).await
}

async fn filters(ctx: &Context, spec: IndexSpec) -> Verdict {
    let mut rows: Vec<(String, FilterRow)> = Vec::new();
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    let mut ids: BTreeMap<&str, String> = BTreeMap::new();
    for row in filter_rows() {
        let metadata = row.metadata()?;
        if validate::metadata(&metadata, &spec, &Limits::default()).is_err() {
            continue;
        }
        let next = format!("row {}", ids.len());
        let id = match row.id {
            Some(id) => id.to_owned(),
            None => ids.entry(row.metadata).or_insert(next).clone(),
        };
        let vector = [1.0, 1.0 + records.len() as f32];
        records.entry(id.clone()).or_insert_with(|| Record::new(&id, vector).metadata(metadata));
        rows.push((id, row));
    }
    let records: Vec<Record> = records.into_values().collect();
    ctx.storage.create_index(&spec, OPTIONS).await?;
    ctx.storage.upsert(&UpsertRequest::new(&spec.name, &records)).await?.into_result()?;
    for (id, row) in rows {
        let filter = row.filter()?;
        let of_it = id_in([&id]) & filter.clone();
        let count = ctx.storage.count(&CountRequest::new(&spec.name).filter(Some(&of_it))).await?;
        check_eq!(count, u64::from(row.meets), "the count of {row:?}");
        let search = SearchRequest::new(&spec.name, [1.0, 1.0]).top_k(1).filter(of_it);
        let found = ctx.storage.search(&search).await?.matches.len();
        check_eq!(found, usize::from(row.meets), "the matches of a search for {row:?}");
        let scanned = scan_all(&*ctx.storage, &spec.name, Some(&filter), 10_000).await?;
        check_eq!(scanned.iter().any(|r| r.id == id), row.meets, "whether a scan finds {row:?}");
    }
    Ok(())
}

async fn scores_under_cosine(ctx: &Context) -> Verdict {
    scores(ctx, Metric::Cosine).await
}

async fn scores_under_dot_product(ctx: &Context) -> Verdict {
    scores(ctx, Metric::DotProduct).await
}

async fn scores_under_euclidean(ctx: &Context) -> Verdict {
    scores(ctx, Metric::Euclidean).await
}

async fn scores_under_manhattan(ctx: &Context) -> Verdict {
    scores(ctx, Metric::Manhattan).await
}

async fn scores(ctx: &Context, metric: Metric) -> Verdict {
    let mut by_dimension: BTreeMap<usize, Vec<ScoreRow>> = BTreeMap::new();
    for row in score_rows().filter(|row| row.metric == metric) {
        by_dimension.entry(row.vector.len()).or_default().push(row);
    }
    for (dimension, rows) in by_dimension {
        let twin = ctx.metric_index(metric, dimension).await?;
        let record = |(n, row): (usize, &ScoreRow)| Record::new(n.to_string(), row.vector);
        twin.upsert(&rows.iter().enumerate().map(record).collect::<Vec<_>>()).await?;
        for (n, row) in rows.iter().enumerate() {
            score(ctx, twin.name(), &n.to_string(), row).await?;
        }
    }
    Ok(())
}

async fn score(ctx: &Context, index: &str, id: &str, row: &ScoreRow) -> Verdict {
    let search = SearchRequest::new(index, row.query).filter(id_in([id]));
    let (near, far) = bounds(row);
    for normalized in [false, true] {
        let found = ctx.storage.search(&search.clone().score_normalization(normalized)).await?;
        check_eq!(found.matches.len(), 1, "the matches of {row:?}");
        let found = &found.matches[0];
        let distance = f64::from(found.distance);
        check!(near <= distance && distance <= far, "{row:?} has the distance {distance}");
        let expected = if normalized { row.normalized } else { row.score };
        let slack = row.metric.score(near) - row.metric.score(far) + 1e-6 * expected.abs().max(1.0);
        let off = (f64::from(found.score) - expected).abs();
        check!(off <= slack, "{row:?} has the score {}, expected {expected}", found.score);
        let (low, high) = range(row.metric, normalized);
        check!((low..=high).contains(&found.score), "{row:?} has the score {}, out of range", found.score);
    }
    Ok(())
}

/// The least and the greatest distance within the tolerance of the contract.
fn bounds(row: &ScoreRow) -> (f64, f64) {
    let square = |v: &[f32]| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let absolute = |v: &[f32]| v.iter().map(|&x| f64::from(x).abs()).sum::<f64>();
    let (a, b, distance) = (row.query, row.vector, row.distance);
    let around = |size: f64| (distance - 1e-5 * size, distance + 1e-5 * size);
    match row.metric {
        Metric::Cosine => around(1.0),
        Metric::DotProduct => around((square(a) * square(b)).sqrt()),
        Metric::Manhattan => around(absolute(a) + absolute(b)),
        Metric::Euclidean => {
            let slack = 1e-5 * (square(a) + square(b));
            ((distance * distance - slack).max(0.0).sqrt(), (distance * distance + slack).sqrt())
        }
    }
}

fn range(metric: Metric, normalized: bool) -> (f32, f32) {
    match (metric, normalized) {
        (Metric::Cosine, false) => (-1.0, 1.0),
        (Metric::DotProduct, false) => (f32::MIN, f32::MAX),
        _ => (0.0, 1.0),
    }
}
