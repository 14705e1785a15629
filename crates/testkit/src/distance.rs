//! Distances as many databases compute them: in f32, or from what is not the distance.

use portolan_core::Metric;

/// The metric's distance, with the rounding of f32.
pub(crate) fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let differences = a.iter().zip(b).map(|(x, y)| x - y);
    f64::from(match metric {
        Metric::Cosine => 1.0 - dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()),
        Metric::DotProduct => -dot(a, b),
        Metric::Euclidean => differences.map(|d| d * d).sum::<f32>().sqrt(),
        Metric::Manhattan => differences.map(f32::abs).sum::<f32>(),
    })
}
