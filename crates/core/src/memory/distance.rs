//! Distances, in plain f64 loops.

use crate::index::Metric;

/// The metric's distance of two vectors of one length: 1 - cos, -dot, L2, L1.
pub(super) fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    match metric {
        Metric::Cosine => 1.0 - (dot(a, b) / (norm(a) * norm(b))).clamp(-1.0, 1.0),
        Metric::DotProduct => 0.0 - dot(a, b),
        Metric::Euclidean => differences(a, b).map(|d| d * d).sum::<f64>().sqrt(),
        Metric::Manhattan => differences(a, b).map(f64::abs).sum(),
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

fn norm(a: &[f32]) -> f64 {
    dot(a, a).sqrt()
}

fn differences(a: &[f32], b: &[f32]) -> impl Iterator<Item = f64> {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) - f64::from(y))
}
