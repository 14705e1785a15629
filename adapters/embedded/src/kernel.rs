//! The arithmetic of the metrics over `f32`, with SIMD.
//!
//! Components are summed as `f32` within blocks, and blocks as `f64`: rounding stays well within the contract's tolerance
//! for every dimension. Norms are 0 or within 1e-15 and 1e15, so no square that matters leaves the range of `f32`.

use simsimd::SpatialSimilarity;

const BLOCK: usize = 512;
const LANES: usize = 16;

/// The dot product of two vectors of one length.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    by_block(a, b, |a, b| f32::dot(a, b).unwrap_or_default())
}

/// The square of the L2 distance.
pub(crate) fn squared_euclidean(a: &[f32], b: &[f32]) -> f64 {
    by_block(a, b, |a, b| f32::sqeuclidean(a, b).unwrap_or_default())
}

/// The L1 distance. The library has none: lanes that do not wait for each other let the compiler use SIMD.
pub(crate) fn manhattan(a: &[f32], b: &[f32]) -> f64 {
    by_block(a, b, |a, b| {
        let (a, a_rest) = a.as_chunks::<LANES>();
        let (b, b_rest) = b.as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                lanes[lane] += (a[lane] - b[lane]).abs();
            }
        }
        let rest = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from((a - b).abs()));
        lanes.into_iter().map(f64::from).chain(rest).sum()
    })
}

fn by_block(a: &[f32], b: &[f32], sum: impl Fn(&[f32], &[f32]) -> f64) -> f64 {
    if a.len() <= BLOCK {
        return sum(a, b);
    }
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|(a, b)| sum(a, b)).sum()
}

#[cfg(test)]
mod tests;
