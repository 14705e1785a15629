//! The one arithmetic.
use crate::index::Metric;
/// The metric's distance.
pub fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let sum = |f: &dyn Fn(f64, f64) -> f64| {
        let mut s = [0.0; 8];
        for (i, (x, y)) in a.iter().zip(b).enumerate() {
            s[i % 8] += f(f64::from(*x), f64::from(*y));
        }
        s.iter().sum::<f64>()
    };
    match metric {
        Metric::Cosine => {
            let aa: f64 = a.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
            let bb: f64 = b.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
            1.0 - (sum(&|x, y| x * y) / (aa * bb).sqrt()).clamp(-1.0, 1.0)
        }
        Metric::DotProduct => -sum(&|x, y| x * y),
        Metric::Euclidean => sum(&|x, y| (x - y) * (x - y)).sqrt(),
        Metric::Manhattan => sum(&|x, y| (x - y).abs()),
    }
}
