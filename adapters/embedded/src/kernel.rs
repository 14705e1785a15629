//! Fast sums over `f32`, which choose the rows that are worth scoring, and by how much they may be off.
//!
//! What is returned is scored by [`arithmetic`]; a kernel is free in how it sums, as long as what it gives is within the
//! bounds below of the exact value. They are those of sums of at most [`BLOCK`] terms in `f32`, in any order, whose
//! results are added in `f64`: with the unit roundoff u = 2^-24, a sum of n terms that are each rounded once is off by at
//! most γ(n + 1) times the sum of their magnitudes, where γ(n) = nu / (1 - nu) (Higham, Accuracy and Stability of Numerical
//! Algorithms, 2nd edition, sections 3.1 and 4.2).
//!
//! - **Dot product**: the magnitudes |aᵢbᵢ| sum to at most |a||b| (Cauchy and Schwarz).
//! - **Squared L2, L1**: each difference is rounded once more, and all terms are positive, so that the error is relative to
//!   the sum itself; a computed sum S of that error is off by at most γ / (1 - γ) S.
//! - **Underflow**: each product may lose what lies below the least normal `f32`, 2^-126.
//!
//! To each comes a part in 10^12 for the rounding of `f64`, here and in [`arithmetic`].

use std::env;
use std::str::FromStr;

use portolan_core::{Error, Result, arithmetic};
use simsimd::{SpatialSimilarity, capabilities};

/// The most terms that are summed in `f32`.
const BLOCK: usize = 512;
const LANES: usize = 16;
const ROUNDOFF: f64 = 1.0 / (1 << 24) as f64;
const LEAST_NORMAL: f64 = f32::MIN_POSITIVE as f64;
const F64_PART: f64 = 1e-12;

/// The environment variable that chooses the kernels.
pub(crate) const VARIABLE: &str = "PORTOLAN_SIMD";

/// Sums over two vectors of one length, within the bounds of this module.
pub(crate) trait Kernel {
    /// The dot product.
    fn dot(&self, a: &[f32], b: &[f32]) -> f64;

    /// The square of the L2 distance.
    fn squared_euclidean(&self, a: &[f32], b: &[f32]) -> f64;

    /// The L1 distance.
    fn manhattan(&self, a: &[f32], b: &[f32]) -> f64;
}

/// How far kernels over vectors of a dimension may be off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    rounding: f64,
    underflow: f64,
}

impl Bounds {
    /// Those of a kernel that does not err, which there is none of.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self { rounding: 0.0, underflow: 0.0 };

    /// Those of a dimension.
    pub(crate) fn of(dimension: usize) -> Self {
        let rounded = (dimension.min(BLOCK) + 2) as f64 * ROUNDOFF;
        Self {
            rounding: rounded / (1.0 - rounded) + F64_PART,
            underflow: (2 * dimension) as f64 * LEAST_NORMAL,
        }
    }

    /// The error of a dot product of vectors whose norms have this product.
    pub(crate) fn of_dot(self, norms: f64) -> f64 {
        self.rounding * norms + self.underflow
    }

    /// The error of a sum of positive terms.
    pub(crate) fn of_positive(self, sum: f64) -> f64 {
        self.rounding / (1.0 - self.rounding) * sum + self.underflow
    }
}

/// Which kernels are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Simd {
    /// Plain loops.
    Scalar,
    /// The best of what this processor has.
    Auto,
}

impl Simd {
    /// What [`VARIABLE`] says; without it the best.
    ///
    /// # Errors
    /// `InvalidArgument` for another value.
    pub(crate) fn from_env() -> Result<Self> {
        env::var_os(VARIABLE).unwrap_or_default().to_string_lossy().parse()
    }

    /// The name of the instructions that are used.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Auto if capabilities::uses_skylake() => "AVX-512",
            Self::Auto if capabilities::uses_haswell() => "AVX2",
            Self::Auto if capabilities::uses_sve() => "SVE",
            Self::Auto if capabilities::uses_neon() => "NEON",
            Self::Auto => "portable",
        }
    }
}

impl FromStr for Simd {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "" | "auto" => Ok(Self::Auto),
            "scalar" => Ok(Self::Scalar),
            other => Err(Error::invalid(format!("{VARIABLE} is {other:?}, and must be scalar or auto"))),
        }
    }
}

/// The kernels of plain loops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar;

impl Kernel for Scalar {
    fn dot(&self, a: &[f32], b: &[f32]) -> f64 {
        arithmetic::dot(a, b)
    }

    fn squared_euclidean(&self, a: &[f32], b: &[f32]) -> f64 {
        arithmetic::squared_euclidean(a, b)
    }

    fn manhattan(&self, a: &[f32], b: &[f32]) -> f64 {
        arithmetic::manhattan(a, b)
    }
}

/// The kernels of the best instructions that this processor has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Native;

impl Kernel for Native {
    fn dot(&self, a: &[f32], b: &[f32]) -> f64 {
        by_block(a, b, |a, b| f32::dot(a, b).unwrap_or_default())
    }

    fn squared_euclidean(&self, a: &[f32], b: &[f32]) -> f64 {
        by_block(a, b, |a, b| f32::sqeuclidean(a, b).unwrap_or_default())
    }

    /// The library has none: lanes that do not wait for each other let the compiler use SIMD.
    fn manhattan(&self, a: &[f32], b: &[f32]) -> f64 {
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
}

fn by_block(a: &[f32], b: &[f32], sum: impl Fn(&[f32], &[f32]) -> f64) -> f64 {
    if a.len() <= BLOCK {
        return sum(a, b);
    }
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|(a, b)| sum(a, b)).sum()
}

#[cfg(test)]
mod tests;
