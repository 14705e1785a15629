//! Distances and scores, worked out by hand.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use portolan_core::Metric;
use portolan_core::Metric::{Cosine, DotProduct, Euclidean, Manhattan};

use super::ScoreRow;

/// Every row, grouped by metric.
pub fn score_rows() -> impl Iterator<Item = ScoreRow> {
    COSINE.iter().chain(DOT_PRODUCT).chain(EUCLIDEAN).chain(MANHATTAN).copied()
}

const fn row(
    metric: Metric,
    query: &'static [f32],
    vector: &'static [f32],
    distance: f64,
    score: f64,
    normalized: f64,
) -> ScoreRow {
    ScoreRow { metric, query, vector, distance, score, normalized }
}

/// Distance 1 - cos, score cos, normalized (1 + cos) / 2; lengths do not matter.
const COSINE: &[ScoreRow] = &[
    row(Cosine, &[1.0, 0.0], &[1.0, 0.0], 0.0, 1.0, 1.0),
    row(Cosine, &[1.0, 0.0], &[5.0, 0.0], 0.0, 1.0, 1.0),
    row(Cosine, &[1.0, 0.0], &[0.0, 1.0], 1.0, 0.0, 0.5),
    row(Cosine, &[1.0, 0.0], &[-1.0, 0.0], 2.0, -1.0, 0.0),
    row(Cosine, &[1.0, 1.0], &[-3.0, -3.0], 2.0, -1.0, 0.0),
    row(Cosine, &[3.0, 4.0], &[4.0, 3.0], 0.04, 0.96, 0.98),
    row(Cosine, &[3.0, 4.0], &[-3.0, 4.0], 0.72, 0.28, 0.64),
    row(Cosine, &[3.0, 4.0], &[-4.0, 3.0], 1.0, 0.0, 0.5),
    row(Cosine, &[3.0, 4.0], &[-4.0, -3.0], 1.96, -0.96, 0.02),
    row(Cosine, &[1.0, 1.0], &[1.0, 0.0], 0.292_893_218_813, FRAC_1_SQRT_2, 0.853_553_390_593),
    row(Cosine, &[1.0, 0.0, 0.0], &[1.0, 1.0, 1.0], 0.422_649_730_810, 0.577_350_269_190, 0.788_675_134_595),
    row(Cosine, &[1.0, 2.0, 2.0], &[2.0, 1.0, 2.0], 0.111_111_111_111, 0.888_888_888_889, 0.944_444_444_444),
    row(Cosine, &[1.0, 1.0, 1.0], &[7.0, 7.0, 7.0], 0.0, 1.0, 1.0),
    row(Cosine, &[2e-15, 0.0], &[3e14, 0.0], 0.0, 1.0, 1.0),
    row(Cosine, &[2e-15, 0.0], &[0.0, 3e14], 1.0, 0.0, 0.5),
    row(Cosine, &[1.0], &[-3.0], 2.0, -1.0, 0.0),
];

/// Distance -dot, score dot, normalized 1 / (1 + e^-dot); a zero vector is allowed.
const DOT_PRODUCT: &[ScoreRow] = &[
    row(DotProduct, &[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], -32.0, 32.0, 1.0),
    row(DotProduct, &[1.0, 0.0], &[0.0, 1.0], 0.0, 0.0, 0.5),
    row(DotProduct, &[1.0, -1.0], &[3.0, 3.0], 0.0, 0.0, 0.5),
    row(DotProduct, &[0.0, 0.0], &[5.0, 6.0], 0.0, 0.0, 0.5),
    row(DotProduct, &[5.0, 6.0], &[0.0, 0.0], 0.0, 0.0, 0.5),
    row(DotProduct, &[1.0], &[1.0], -1.0, 1.0, 0.731_058_578_630),
    row(DotProduct, &[1.0], &[-1.0], 1.0, -1.0, 0.268_941_421_370),
    row(DotProduct, &[2.0, 0.0], &[1.0, 7.0], -2.0, 2.0, 0.880_797_077_978),
    row(DotProduct, &[-2.0, 0.0], &[1.0, 7.0], 2.0, -2.0, 0.119_202_922_022),
    row(DotProduct, &[1.0, 2.0], &[3.0, 0.0], -3.0, 3.0, 0.952_574_126_822),
    row(DotProduct, &[0.5, 0.5], &[0.5, 0.5], -0.5, 0.5, 0.622_459_331_202),
    row(DotProduct, &[3.0, -4.0], &[3.0, -4.0], -25.0, 25.0, 0.999_999_999_986),
    row(DotProduct, &[100.0, 0.0], &[1.0, 0.0], -100.0, 100.0, 1.0),
    row(DotProduct, &[-100.0, 0.0], &[1.0, 0.0], 100.0, -100.0, 0.0),
    row(DotProduct, &[1e10], &[1e10], -1e20, 1e20, 1.0),
    row(DotProduct, &[1e10], &[-1e10], 1e20, -1e20, 0.0),
];

/// Distance L2 and not its square, score 1 / (1 + distance), which normalization leaves alone.
const EUCLIDEAN: &[ScoreRow] = &[
    row(Euclidean, &[0.0, 0.0], &[0.0, 0.0], 0.0, 1.0, 1.0),
    row(Euclidean, &[1.5, -2.5], &[1.5, -2.5], 0.0, 1.0, 1.0),
    row(Euclidean, &[0.0, 0.0], &[3.0, 4.0], 5.0, 0.166_666_666_667, 0.166_666_666_667),
    row(Euclidean, &[-1.0, 0.0], &[2.0, 4.0], 5.0, 0.166_666_666_667, 0.166_666_666_667),
    row(Euclidean, &[1.0, 1.0], &[2.0, 2.0], SQRT_2, 0.414_213_562_373, 0.414_213_562_373),
    row(Euclidean, &[1.0, 2.0, 3.0], &[1.0, 2.0, 4.0], 1.0, 0.5, 0.5),
    row(Euclidean, &[0.0, 0.0, 0.0], &[2.0, 3.0, 6.0], 7.0, 0.125, 0.125),
    row(Euclidean, &[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0], 4.0, 0.2, 0.2),
    row(Euclidean, &[0.5], &[0.25], 0.25, 0.8, 0.8),
    row(Euclidean, &[0.0], &[9.0], 9.0, 0.1, 0.1),
    row(Euclidean, &[1e10, 0.0], &[-1e10, 0.0], 2e10, 5e-11, 5e-11),
];

/// Distance L1, score 1 / (1 + distance), which normalization leaves alone.
const MANHATTAN: &[ScoreRow] = &[
    row(Manhattan, &[0.0, 0.0], &[0.0, 0.0], 0.0, 1.0, 1.0),
    row(Manhattan, &[1.5, -2.5], &[1.5, -2.5], 0.0, 1.0, 1.0),
    row(Manhattan, &[0.0, 0.0], &[3.0, 4.0], 7.0, 0.125, 0.125),
    row(Manhattan, &[1.0, 1.0], &[2.0, 2.0], 2.0, 0.333_333_333_333, 0.333_333_333_333),
    row(Manhattan, &[-1.0, -1.0], &[1.0, 1.0], 4.0, 0.2, 0.2),
    row(Manhattan, &[1.0, 0.0, 0.0], &[0.0, 1.0, 1.0], 3.0, 0.25, 0.25),
    row(Manhattan, &[10.0, -10.0], &[-9.0, 9.0], 38.0, 0.025_641_025_641, 0.025_641_025_641),
    row(Manhattan, &[0.5], &[0.25], 0.25, 0.8, 0.8),
    row(Manhattan, &[0.0], &[9.0], 9.0, 0.1, 0.1),
    row(Manhattan, &[1e10, 0.0], &[-1e10, 0.0], 2e10, 5e-11, 5e-11),
];
