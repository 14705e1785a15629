//! Rows written by hand from the contract, none of them computed: what tests the oracle.
//!
//! A suite that compares every adapter with one evaluator and one set of distance loops would pass any adapter that
//! shares their mistakes. These rows say what the contract says, each in its own words and numbers.

mod filters;
mod scores;

use portolan_core::{Filter, Metadata, Metric, Result};

pub use filters::filter_rows;
pub use scores::score_rows;

/// A record, a filter, and whether the record meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterRow {
    /// The rule of the contract that decides the row.
    pub rule: &'static str,
    /// The record's id, where the filter asks for it; else any.
    pub id: Option<&'static str>,
    /// The record's metadata, as JSON.
    pub metadata: &'static str,
    /// The filter, as text or JSON.
    pub filter: &'static str,
    /// Whether the record meets the filter.
    pub meets: bool,
}

impl FilterRow {
    /// The metadata.
    ///
    /// # Errors
    /// `InvalidArgument` where the row is miswritten.
    pub fn metadata(&self) -> Result<Metadata> {
        Metadata::from_json_str(self.metadata)
    }

    /// The filter.
    ///
    /// # Errors
    /// `InvalidArgument` where the row is miswritten.
    pub fn filter(&self) -> Result<Filter> {
        Filter::parse(self.filter)
    }
}

/// Two vectors, and how a metric compares them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRow {
    /// The metric.
    pub metric: Metric,
    /// The query vector.
    pub query: &'static [f32],
    /// The stored vector.
    pub vector: &'static [f32],
    /// The metric's own distance.
    pub distance: f64,
    /// The score.
    pub score: f64,
    /// The score with `score_normalization`.
    pub normalized: f64,
}

#[cfg(test)]
mod tests;
