//! Each metric: order, scores, distances, thresholds, normalization, ties.

use portolan_core::{Metric, Record};

use crate::case::{Case, Verdict, check, check_eq, sentences};
use crate::context::Context;
use crate::data::numbered;
use crate::twin::Twin;

/// The same cases for every metric.
macro_rules! metric_cases {
    ($($checks:tt $($name:literal $run:ident $metric:ident),+;)+) => {
        pub(crate) const CASES: &[Case] = &[$($(Case {
            name: concat!("metric::", $name),
            checks: sentences!($checks),
            run: |ctx| Box::pin($run(ctx, Metric::$metric)),
        }),+),+];
    };
}

metric_cases! {
    [S1 S9 S11]
    "order_by_cosine" order Cosine,
    "order_by_dot_product" order DotProduct,
    "order_by_euclidean" order Euclidean,
    "order_by_manhattan" order Manhattan;
    [S2 S3 S5]
    "scores_of_cosine" scores Cosine,
    "scores_of_dot_product" scores DotProduct,
    "scores_of_euclidean" scores Euclidean,
    "scores_of_manhattan" scores Manhattan;
    [S7]
    "threshold_on_cosine" threshold Cosine,
    "threshold_on_dot_product" threshold DotProduct,
    "threshold_on_euclidean" threshold Euclidean,
    "threshold_on_manhattan" threshold Manhattan;
    [S7]
    "threshold_is_inclusive_on_cosine" inclusive Cosine,
    "threshold_is_inclusive_on_dot_product" inclusive DotProduct,
    "threshold_is_inclusive_on_euclidean" inclusive Euclidean,
    "threshold_is_inclusive_on_manhattan" inclusive Manhattan;
    [S6 S7]
    "normalized_scores_of_cosine" normalized Cosine,
    "normalized_scores_of_dot_product" normalized DotProduct,
    "normalized_scores_of_euclidean" normalized Euclidean,
    "normalized_scores_of_manhattan" normalized Manhattan;
    [S12 S13]
    "random_floats_by_cosine" random Cosine,
    "random_floats_by_dot_product" random DotProduct,
    "random_floats_by_euclidean" random Euclidean,
    "random_floats_by_manhattan" random Manhattan;
    [S9]
    "ties_by_id_on_dot_product" ties DotProduct,
    "ties_by_id_on_euclidean" ties Euclidean,
    "ties_by_id_on_manhattan" ties Manhattan;
    [R5 S10]
    "ties_across_the_cut_on_dot_product" ties_cut DotProduct,
    "ties_across_the_cut_on_euclidean" ties_cut Euclidean,
    "ties_across_the_cut_on_manhattan" ties_cut Manhattan;
    [R6 S9]
    "ties_across_pages_on_dot_product" ties_pages DotProduct,
    "ties_across_pages_on_euclidean" ties_pages Euclidean,
    "ties_across_pages_on_manhattan" ties_pages Manhattan;
}

const QUERY: [f32; 3] = [3.0, -1.0, 2.0];

async fn small(ctx: &Context, metric: Metric) -> Verdict<Twin> {
    let twin = ctx.metric_index(metric, 3).await?;
    twin.upsert(&numbered(40, 3)).await?;
    Ok(twin)
}

async fn order(ctx: &Context, metric: Metric) -> Verdict {
    let twin = small(ctx, metric).await?;
    for k in [1, 7, 40, 100] {
        twin.search(&twin.query(QUERY).top_k(k).with_total(true)).await?;
    }
    Ok(())
}

/// Known vectors and known scores, written by hand.
async fn scores(ctx: &Context, metric: Metric) -> Verdict {
    let twin = ctx.metric_index(metric, 2).await?;
    let records = [("along", [6.0, 8.0]), ("across", [-4.0, 3.0]), ("against", [-3.0, -4.0])];
    twin.upsert(&records.map(|(id, v): (&str, [f32; 2])| Record::new(id, v))).await?;
    // The query is (3, 4).
    let expected: [(&str, f32, f32); 3] = match metric {
        Metric::Cosine => [("along", 1.0, 0.0), ("across", 0.0, 1.0), ("against", -1.0, 2.0)],
        Metric::DotProduct => [("along", 50.0, -50.0), ("across", 0.0, 0.0), ("against", -25.0, 25.0)],
        Metric::Euclidean => [
            ("along", 1.0 / 6.0, 5.0),
            ("across", 1.0 / (1.0 + 50f32.sqrt()), 50f32.sqrt()),
            ("against", 1.0 / 11.0, 10.0),
        ],
        Metric::Manhattan => {
            [("along", 1.0 / 8.0, 7.0), ("across", 1.0 / 9.0, 8.0), ("against", 1.0 / 15.0, 14.0)]
        }
    };
    let found = twin.search(&twin.query([3.0, 4.0])).await?;
    check_eq!(found.matches.len(), 3, "the number of matches");
    for (row, (id, score, distance)) in found.matches.iter().zip(expected) {
        check_eq!(row.id, id, "the order by {metric}");
        let near = |a: f32, b: f32| (a - b).abs() <= 2e-5 * b.abs().max(1.0);
        check!(near(row.score, score), "{id:?} has the score {}, expected {score}", row.score);
        check!(near(row.distance, distance), "{id:?} has the distance {}, expected {distance}", row.distance);
    }
    Ok(())
}

/// Thresholds between the scores, so that none is near enough to be in doubt.
async fn threshold(ctx: &Context, metric: Metric) -> Verdict {
    let twin = small(ctx, metric).await?;
    let all = twin.search(&twin.query(QUERY).top_k(40)).await?;
    for cut in [0, 5, 20, 38] {
        let between = (all.matches[cut].score + all.matches[cut + 1].score) / 2.0;
        let query = twin.query(QUERY).top_k(40).similarity_threshold(between).with_total(true);
        twin.search(&query).await?;
        twin.search(&query.top_k(3)).await?;
    }
    let above_all = all.matches[0].score + 1.0;
    let none = twin.search(&twin.query(QUERY).similarity_threshold(above_all)).await?;
    check!(none.matches.is_empty() && !none.has_more, "a threshold above every score gives matches");
    let everything =
        twin.search(&twin.query(QUERY).top_k(40).similarity_threshold(f32::NEG_INFINITY)).await?;
    check_eq!(everything.matches.len(), 40, "the matches above a threshold below every score");
    Ok(())
}

/// The score of a match as threshold keeps that match.
/// On an axis all distances are exact, whichever way they are computed.
async fn inclusive(ctx: &Context, metric: Metric) -> Verdict {
    let twin = ctx.metric_index(metric, 2).await?;
    let axis = [-4.0, -3.0, -1.0, 1.0, 2.0, 5.0, 9.0].map(|x| Record::new(format!("x{x}"), [x, 0.0]));
    twin.upsert(&axis).await?;
    twin.upsert(&[Record::new("y", [0.0, 2.0])]).await?;
    let query = twin.query([3.0, 0.0]);
    for row in twin.search(&query).await?.matches {
        let found = twin.search(&query.clone().similarity_threshold(row.score)).await?;
        let kept = found.matches.iter().any(|m| m.id == row.id);
        check!(kept, "{:?} has the score {}, and that threshold drops it", row.id, row.score);
    }
    Ok(())
}

async fn normalized(ctx: &Context, metric: Metric) -> Verdict {
    let twin = small(ctx, metric).await?;
    let query = twin.query(QUERY).top_k(40).score_normalization(true);
    let all = twin.search(&query).await?;
    let outside = all.matches.iter().find(|m| !(0.0..=1.0).contains(&m.score));
    check!(outside.is_none(), "a normalized score is outside [0, 1]: {outside:?}");
    let between = (all.matches[9].score + all.matches[10].score) / 2.0;
    twin.search(&query.similarity_threshold(between)).await.map(drop)
}

async fn random(ctx: &Context, metric: Metric) -> Verdict {
    use rand::RngExt;

    let mut rng = ctx.rng(0);
    let twin = ctx.metric_index(metric, 24).await?;
    let mut vector =
        move |scale: f32| (0..24).map(|_| rng.random_range(-1.0f32..1.0) * scale).collect::<Vec<f32>>();
    let records: Vec<Record> =
        (0..120).map(|n| Record::new(format!("r{n}"), vector(10f32.powi(n % 5 - 2)))).collect();
    twin.upsert(&records).await?;
    for offset in [0, 3, 50, 115] {
        let query = twin.query(vector(1.0)).top_k(9).offset(offset).include_vectors(true);
        twin.search(&query).await?;
    }
    Ok(())
}

/// Eight records at one distance, four nearer and four farther.
async fn tied(ctx: &Context, metric: Metric) -> Verdict<Twin> {
    let twin = ctx.metric_index(metric, 3).await?;
    let at = |id: String, x: f32| match metric {
        Metric::DotProduct => Record::new(id, [10.0 - x, 1.0, 0.0]),
        _ => Record::new(id, [x, 0.0, 0.0]),
    };
    let tied = ["b", "a", "é", "Z", "10", "9", "aa", "z"].map(|id| at(id.to_owned(), 2.0));
    let others = (0..8).map(|n| at(format!("other {n}"), if n < 4 { 1.0 } else { 3.0 }));
    twin.upsert(&tied.into_iter().chain(others).collect::<Vec<_>>()).await?;
    Ok(twin)
}

fn origin(metric: Metric) -> [f32; 3] {
    if metric == Metric::DotProduct { [1.0, 0.0, 0.0] } else { [0.0; 3] }
}

async fn ties(ctx: &Context, metric: Metric) -> Verdict {
    let twin = tied(ctx, metric).await?;
    let found = twin.search(&twin.query(origin(metric)).top_k(16).with_total(true)).await?;
    check_eq!(found.matches.len(), 16, "the number of matches");
    Ok(())
}

async fn ties_cut(ctx: &Context, metric: Metric) -> Verdict {
    let twin = tied(ctx, metric).await?;
    for k in 1..16 {
        let found = twin.search(&twin.query(origin(metric)).top_k(k)).await?;
        check!(found.has_more, "has_more is false, and {k} of 16 are found");
    }
    Ok(())
}

async fn ties_pages(ctx: &Context, metric: Metric) -> Verdict {
    let twin = tied(ctx, metric).await?;
    for size in [1, 3, 5] {
        for offset in (0..16).step_by(size) {
            twin.search(&twin.query(origin(metric)).top_k(size).offset(offset)).await?;
        }
    }
    Ok(())
}
