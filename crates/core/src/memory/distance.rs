//! Distances, in one plain loop.
//!
//! This is the arithmetic of the contract, written a second time and apart from [`crate::arithmetic`], so that the oracle
//! shares nothing with what it judges. The two are compared bit by bit.

use crate::index::Metric;

/// The metric's distance of two vectors of one length: 1 - cos, -dot, L2, L1.
pub(super) fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    match metric {
        Metric::Cosine => {
            let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
            1.0 - cosine.clamp(-1.0, 1.0)
        }
        Metric::DotProduct => 0.0 - dot(a, b),
        Metric::Euclidean => sum(differences(a, b).map(|d| d * d)).sqrt(),
        Metric::Manhattan => sum(differences(a, b).map(f64::abs)),
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    sum(a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)))
}

fn differences(a: &[f32], b: &[f32]) -> impl Iterator<Item = f64> {
    a.iter().zip(b).map(|(&x, &y)| f64::from(x) - f64::from(y))
}

/// Term i goes into sum i mod 8; the eight sums are added in order.
fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let mut sums = [0.0; 8];
    for (i, term) in terms.enumerate() {
        sums[i % 8] += term;
    }
    let mut total = 0.0;
    for sum in sums {
        total += sum;
    }
    total
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::num::f32::{NORMAL, SUBNORMAL, ZERO};
    use proptest::prelude::{Just, ProptestConfig, Strategy};
    use proptest::{prop_assert_eq, prop_oneof, proptest};

    use super::*;
    use crate::arithmetic::{self, squared_norm};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn the_arithmetic_of_core_is_the_same_to_the_bit((a, b) in pair()) {
            let (a2, b2) = (squared_norm(&a), squared_norm(&b));
            for metric in Metric::ALL {
                let expected = bits(distance(metric, &a, &b));
                prop_assert_eq!(bits(arithmetic::distance(metric, &a, &b)), expected, "{}", metric);
                let with_norms = arithmetic::distance_with_norms(metric, &a, &b, a2, b2);
                prop_assert_eq!(bits(with_norms), expected, "{} with norms", metric);
            }
        }
    }

    fn bits(x: f64) -> Option<u64> {
        (!x.is_nan()).then(|| x.to_bits())
    }

    /// Two vectors: of like length or not, near copies, or any finite numbers.
    fn pair() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
        let dimension = prop_oneof![6 => 1..=40_usize, 1 => Just(384), 1 => Just(513), 1 => Just(4_096)];
        dimension.prop_flat_map(|dimension| {
            prop_oneof![
                (scaled(dimension), scaled(dimension)),
                (scaled(dimension), vec(-1e-7_f32..1e-7, dimension)).prop_map(|(a, jitter)| {
                    let b = a.iter().zip(jitter).map(|(x, by)| x * (1.0 + by)).collect();
                    (a, b)
                }),
                (any_finite(dimension), any_finite(dimension)),
            ]
        })
    }

    fn scaled(dimension: usize) -> impl Strategy<Value = Vec<f32>> {
        (vec(-1.0_f32..1.0, dimension), prop_oneof![Just(1e-15), Just(1.0), Just(1e15)])
            .prop_map(|(vector, scale): (_, f32)| vector.into_iter().map(|x| x * scale).collect())
    }

    fn any_finite(dimension: usize) -> impl Strategy<Value = Vec<f32>> {
        vec(NORMAL | SUBNORMAL | ZERO, dimension)
    }
}
