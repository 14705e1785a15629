//! Statistics of an index, and the explanation of a search.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::filter::PushDown;
use crate::index::{EngineKind, Metric};
use crate::search::Exactness;

/// What is known of an index. Counts are exact; what the provider does not know is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IndexStats {
    /// The index.
    pub index: String,
    /// The number of records.
    pub vectors: u64,
    /// The length of its vectors.
    pub dimension: usize,
    /// The metric.
    pub metric: Metric,
    /// Bytes on disk.
    pub disk_bytes: Option<u64>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// The mean time of a search through this handle since it was opened; absent before the first.
    pub average_query_time_ms: Option<f64>,
    /// Searches a second through this handle since it was opened.
    pub queries_per_second: Option<f64>,
    /// The number of records per metadata field: the declared ones, or all with `detail`.
    pub fields: BTreeMap<String, u64>,
    /// When the index was created, RFC 3339 UTC.
    pub created_at: Option<String>,
    /// When it was last written, RFC 3339 UTC.
    pub updated_at: Option<String>,
}

impl IndexStats {
    /// Statistics in which nothing optional is known.
    pub fn new(index: impl Into<String>, vectors: u64, dimension: usize, metric: Metric) -> Self {
        Self {
            index: index.into(),
            vectors,
            dimension,
            metric,
            disk_bytes: None,
            memory_bytes: None,
            average_query_time_ms: None,
            queries_per_second: None,
            fields: BTreeMap::new(),
            created_at: None,
            updated_at: None,
        }
    }
}

/// How a search would be answered; no record is read to say so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The index.
    pub index: String,
    /// The provider.
    pub provider: String,
    /// How much of the filter the database evaluates.
    pub push_down: PushDown,
    /// What the database evaluates, in its own form; absent where nothing is pushed.
    pub native: Option<String>,
    /// What is evaluated on the client, as filter text; absent where nothing is left.
    pub residual: Option<String>,
    /// How the search would run, in a sentence.
    pub plan: String,
    /// Whether the index answers exactly; absent where nobody knows.
    pub exactness: Option<Exactness>,
    /// By what it answers; absent where nobody knows.
    pub engine: Option<EngineKind>,
    /// How many records would be read, where that can be estimated without reading any.
    pub estimated_records: Option<u64>,
}

impl Explanation {
    /// An explanation in which nothing optional is known.
    pub fn new(
        index: impl Into<String>,
        provider: impl Into<String>,
        push_down: PushDown,
        plan: impl Into<String>,
    ) -> Self {
        Self {
            index: index.into(),
            provider: provider.into(),
            push_down,
            native: None,
            residual: None,
            plan: plan.into(),
            exactness: None,
            engine: None,
            estimated_records: None,
        }
    }
}
