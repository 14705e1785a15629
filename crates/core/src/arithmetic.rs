//! The one arithmetic of distances: the same bits on every processor.
//!
//! Everything that memory, the embedded store and the engine's own scans return is scored and ordered by it; faster
//! kernels only choose what it is worth scoring. Each sum is eight sums in f64: element i, converted before anything is
//! done with it, goes into sum i mod 8, each beginning with 0, and the eight are then added from the first to the last.
//! Nothing is fused or reordered, so a compiler may hold the eight in vector registers and the result stays what it is.
//!
//! Squares of f32 and products of two squared norms neither overflow nor vanish in f64. No result is -0.0, which would
//! sort before 0.0.
//!
//! ```
//! use portolan_core::Metric;
//! use portolan_core::arithmetic::distance;
//!
//! assert_eq!(distance(Metric::Euclidean, &[0.0, 0.0], &[3.0, 4.0]), 5.0);
//! ```

use crate::index::Metric;

/// The number of sums.
const LANES: usize = 8;

/// The dot product of two vectors of one length; elements past the end of the shorter are left out.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    sum(a, b, |x, y| x * y)
}

/// The squared length of a vector: what [`dot`] gives of it and itself.
pub fn squared_norm(a: &[f32]) -> f64 {
    dot(a, a)
}

/// The squared L2 distance of two vectors of one length.
pub fn squared_euclidean(a: &[f32], b: &[f32]) -> f64 {
    sum(a, b, |x, y| (x - y) * (x - y))
}

/// The L1 distance of two vectors of one length.
pub fn manhattan(a: &[f32], b: &[f32]) -> f64 {
    sum(a, b, |x, y| (x - y).abs())
}

/// The metric's distance of two vectors of one length: 1 - cos, -dot, L2 not squared, L1.
///
/// A zero vector has no angle: its cosine distance is NaN.
pub fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    match metric {
        Metric::Cosine => distance_with_norms(metric, a, b, squared_norm(a), squared_norm(b)),
        _ => distance_with_norms(metric, a, b, 0.0, 0.0),
    }
}

/// [`distance`], bit for bit, given the [`squared_norm`] of each vector; only cosine looks at them.
pub fn distance_with_norms(
    metric: Metric,
    a: &[f32],
    b: &[f32],
    a_squared_norm: f64,
    b_squared_norm: f64,
) -> f64 {
    match metric {
        Metric::Cosine => 1.0 - (dot(a, b) / (a_squared_norm * b_squared_norm).sqrt()).clamp(-1.0, 1.0),
        Metric::DotProduct => 0.0 - dot(a, b),
        Metric::Euclidean => squared_euclidean(a, b).sqrt(),
        Metric::Manhattan => manhattan(a, b),
    }
}

#[inline]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let length = a.len().min(b.len());
    let (a, a_rest) = a[..length].as_chunks::<LANES>();
    let (b, b_rest) = b[..length].as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane].into(), b[lane].into());
        }
    }
    for (sum, (&x, &y)) in sums.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *sum += term(x.into(), y.into());
    }
    sums.into_iter().fold(0.0, |total, sum| total + sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_goes_into_its_sum_and_the_sums_are_added_in_order() {
        // An odd number is rounded where it is added to 2^53, and kept where that meets its opposite first.
        let big = 2_f32.powi(53);
        let mut a = [0.0; 18];
        (a[1], a[2], a[9]) = (big, 1.0, -big);
        assert_eq!(dot(&a, &[1.0; 18]), 1.0);
        let mut a = [0.0; 18];
        (a[1], a[2], a[3], a[16]) = (big, 1.0, -big, 5.0);
        assert_eq!(dot(&a, &[1.0; 18]), 4.0);
    }

    #[test]
    fn the_bits_are_those_of_every_processor() {
        let vector = |k: i32| -> Vec<f32> {
            let element = |i: i32| ((i * 7_919 + k * 104_729) % 2_001 - 1_000) as f32 / (1 + i % 89) as f32;
            (0..517).map(element).collect()
        };
        let (a, b) = (vector(1), vector(2));
        let bits = Metric::ALL.map(|metric| distance(metric, &a, &b).to_bits());
        let expected =
            [0x3ff7_b20c_2681_171f, 0x4135_4351_cbcb_36df, 0x40a6_e30b_e288_6a54, 0x40da_272c_a69e_c800];
        assert_eq!(bits, expected, "{bits:x?}");
    }

    #[test]
    fn each_metric_has_its_distance() {
        let of = |metric| distance(metric, &[1.0, 2.0, -2.0], &[4.0, 6.0, -14.0]);
        assert_eq!(of(Metric::DotProduct), -44.0);
        assert_eq!(of(Metric::Euclidean), 13.0);
        assert_eq!(of(Metric::Manhattan), 19.0);
        assert_eq!(of(Metric::Cosine), 1.0 - 44.0 / (9.0_f64 * 248.0).sqrt());
    }

    #[test]
    fn the_ends_of_the_range_of_f32_have_an_angle_and_zero_has_none() {
        for x in [f32::MAX, f32::MIN_POSITIVE, f32::from_bits(1)] {
            assert_eq!(distance(Metric::Cosine, &[x; 4_096], &[-x; 4_096]), 2.0, "{x}");
        }
        assert!(distance(Metric::Cosine, &[0.0; 3], &[1.0; 3]).is_nan());
    }

    #[test]
    fn no_distance_is_negative_zero() {
        for metric in Metric::ALL {
            let (a, b) = ([1.0, -0.0], [0.0, if metric == Metric::Cosine { 1.0 } else { -0.0 }]);
            assert!(distance(metric, &a, &b).is_sign_positive(), "{metric}");
            assert!(distance(metric, &a, &a).is_sign_positive() || metric == Metric::DotProduct, "{metric}");
        }
    }
}
