//! Scores of providers as distances of the contract.

use crate::index::Metric;

/// What a provider tells of two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// The distance of the contract.
    Distance,
    /// The cosine.
    Cosine,
    /// The dot product.
    Dot,
    /// One less the dot product.
    OneMinusDot,
    /// The square of the distance, below zero by rounding only.
    Squared,
}

impl Score {
    /// The distance of the contract.
    pub fn distance(self, score: f64) -> f64 {
        match self {
            Self::Distance => score,
            Self::Cosine => 1.0 - score,
            Self::Dot => -score,
            Self::OneMinusDot => score - 1.0,
            Self::Squared => score.max(0.0).sqrt(),
        }
    }
}

/// What a provider tells, metric by metric. A metric that it has not is never asked for.
///
/// ```
/// use portolan_core::Metric;
/// use portolan_core::driver::kit::{Score, Scores};
///
/// const MILVUS: Scores =
///     Scores { cosine: Score::Cosine, dot_product: Score::Dot, euclidean: Score::Squared, manhattan: Score::Distance };
///
/// assert_eq!(MILVUS.distance(Metric::Cosine, 0.25), 0.75);
/// assert_eq!(MILVUS.distance(Metric::Euclidean, 25.0), 5.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scores {
    /// Under [`Metric::Cosine`].
    pub cosine: Score,
    /// Under [`Metric::DotProduct`].
    pub dot_product: Score,
    /// Under [`Metric::Euclidean`].
    pub euclidean: Score,
    /// Under [`Metric::Manhattan`].
    pub manhattan: Score,
}

impl Scores {
    /// The distance of the contract.
    pub fn distance(&self, metric: Metric, score: f64) -> f64 {
        let told = match metric {
            Metric::Cosine => self.cosine,
            Metric::DotProduct => self.dot_product,
            Metric::Euclidean => self.euclidean,
            Metric::Manhattan => self.manhattan,
        };
        told.distance(score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_convention_gives_the_contracts_distance() {
        for (told, score, distance) in [
            (Score::Distance, 7.0, 7.0),
            (Score::Cosine, 0.25, 0.75),
            (Score::Dot, 3.0, -3.0),
            (Score::OneMinusDot, 0.25, -0.75),
            (Score::Squared, 0.25, 0.5),
            (Score::Squared, -1e-9, 0.0),
        ] {
            assert_eq!(told.distance(score), distance, "{told:?}");
        }
    }
}
