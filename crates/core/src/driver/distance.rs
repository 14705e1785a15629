//! Distances, for rows that the engine scores itself.

use crate::index::Metric;

/// The metric's distance of two vectors of equal length, summed in f64.
pub(super) fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    match metric {
        Metric::Cosine => 1.0 - (dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())).clamp(-1.0, 1.0),
        Metric::DotProduct => -dot(a, b),
        Metric::Euclidean => pairs(a, b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt(),
        Metric::Manhattan => pairs(a, b).map(|(x, y)| (x - y).abs()).sum(),
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    pairs(a, b).map(|(x, y)| x * y).sum()
}

fn pairs(a: &[f32], b: &[f32]) -> impl Iterator<Item = (f64, f64)> {
    a.iter().zip(b).map(|(&x, &y)| (f64::from(x), f64::from(y)))
}
