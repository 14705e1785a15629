//! Similarity search.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::index::Metric;
use crate::metadata::{Metadata, Value};
use crate::options::{CallOptions, DEFAULT_RESIDUAL_BUDGET};
use crate::record::Vector;

/// The largest `top_k`.
pub const MAX_TOP_K: usize = 10_000;

/// What makes two matches duplicates of each other, besides an equal id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deduplicate {
    /// An equal vector.
    Vector,
    /// An equal value of this field: the whole value, numbers by mathematical value, lists element by element.
    /// Records without the field are no duplicates.
    Field(String),
}

/// A similarity search.
///
/// ```
/// use portolan_core::{SearchRequest, filter::field};
///
/// let request = SearchRequest::new("companies", vec![0.1, 0.2]).top_k(5).filter(field("country").eq("DE"));
/// assert!(request.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SearchRequest {
    /// The index.
    pub index: String,
    /// The query vector; absent only where a filter is explained.
    pub vector: Option<Vector>,
    /// How many matches: 1 to 10,000 (10).
    pub top_k: usize,
    /// How many survivors of filter, threshold and deduplication are passed over first (0).
    pub offset: usize,
    /// The lowest score returned, inclusive, on the score as it is returned.
    pub similarity_threshold: Option<f32>,
    /// Which records.
    pub filter: Option<Filter>,
    /// HNSW: candidates while searching, 1 to 10,000; the provider's default if unset.
    pub ef_search: Option<u32>,
    /// IVF: clusters searched, 1 to 1,000; the provider's default if unset.
    pub nprobe: Option<u32>,
    /// Whether the answer must be exact (no).
    pub exact: bool,
    /// Whether metadata is returned (yes).
    pub include_metadata: bool,
    /// Whether vectors are returned (no).
    pub include_vectors: bool,
    /// Which matches fold into their best.
    pub deduplicate: Option<Deduplicate>,
    /// Whether scores are mapped to [0, 1] (no).
    pub score_normalization: bool,
    /// Whether the number of all matches is counted (no).
    pub with_total: bool,
    /// The most records that may be read to check a filter on the client, at least 1 (1,000,000).
    pub residual_budget: u64,
    /// Options of the call.
    pub options: CallOptions,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $value:expr),* $(,)?) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $value;
            self
        }
    )*};
}

impl SearchRequest {
    /// The ten nearest to a vector.
    pub fn new(index: impl Into<String>, vector: impl Into<Vector>) -> Self {
        Self { vector: Some(vector.into()), ..Self::without_vector(index) }
    }

    /// A request without a vector, for `explain` only.
    pub fn without_vector(index: impl Into<String>) -> Self {
        Self {
            index: index.into(),
            vector: None,
            top_k: 10,
            offset: 0,
            similarity_threshold: None,
            filter: None,
            ef_search: None,
            nprobe: None,
            exact: false,
            include_metadata: true,
            include_vectors: false,
            deduplicate: None,
            score_normalization: false,
            with_total: false,
            residual_budget: DEFAULT_RESIDUAL_BUDGET,
            options: CallOptions::new(),
        }
    }

    /// The preset for recall: wide graph and cluster searches.
    #[must_use]
    pub fn precise(self) -> Self {
        self.ef_search(512).nprobe(128)
    }

    /// The preset for speed: narrow graph and cluster searches, no metadata.
    #[must_use]
    pub fn fast(self) -> Self {
        self.ef_search(32).nprobe(4).include_metadata(false)
    }

    setters! {
        /// How many matches: 1 to 10,000.
        top_k: usize => top_k,
        /// How many survivors are passed over first.
        offset: usize => offset,
        /// The lowest score returned, inclusive.
        similarity_threshold: f32 => Some(similarity_threshold),
        /// Which records.
        filter: Filter => Some(filter),
        /// HNSW: candidates while searching, 1 to 10,000.
        ef_search: u32 => Some(ef_search),
        /// IVF: clusters searched, 1 to 1,000.
        nprobe: u32 => Some(nprobe),
        /// Whether the answer must be exact.
        exact: bool => exact,
        /// Whether metadata is returned.
        include_metadata: bool => include_metadata,
        /// Whether vectors are returned.
        include_vectors: bool => include_vectors,
        /// Which matches fold into their best.
        deduplicate: Deduplicate => Some(deduplicate),
        /// Whether scores are mapped to [0, 1].
        score_normalization: bool => score_normalization,
        /// Whether all matches are counted.
        with_total: bool => with_total,
        /// The most records read to check a filter on the client.
        residual_budget: u64 => residual_budget,
        /// Options of the call.
        options: CallOptions => options,
    }

    /// Checks every range and the filter, not the vector, which needs the index's spec.
    ///
    /// # Errors
    /// `InvalidArgument` naming field, value and range.
    pub fn validate(&self) -> Result<()> {
        within("top_k", self.top_k as u64, 1, MAX_TOP_K as u64)?;
        within("offset", self.offset as u64, 0, i64::MAX as u64 - MAX_TOP_K as u64)?;
        self.ef_search.map_or(Ok(()), |v| within("ef_search", v.into(), 1, 10_000))?;
        self.nprobe.map_or(Ok(()), |v| within("nprobe", v.into(), 1, 1_000))?;
        within("residual_budget", self.residual_budget, 1, u64::MAX)?;
        if self.similarity_threshold.is_some_and(f32::is_nan) {
            return Err(Error::invalid("similarity_threshold is NaN, and must be a number"));
        }
        self.options.validate()?;
        self.filter.as_ref().map_or(Ok(()), Filter::validate)
    }
}

fn within(field: &str, value: u64, low: u64, high: u64) -> Result<()> {
    if (low..=high).contains(&value) { Ok(()) } else { Err(Error::out_of_range(field, value, low, high)) }
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The record's id.
    pub id: String,
    /// How similar: higher is better.
    pub score: f32,
    /// The metric's own distance: lower is nearer.
    pub distance: f32,
    /// The metadata, where asked for.
    #[serde(default)]
    pub metadata: Metadata,
    /// The vector, where asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vector>,
}

/// Whether a nearer record may be missing from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exactness {
    /// The answer is the nearest records.
    Exact,
    /// A nearer record may be missing; every row returned exists, meets the filter and carries its own score.
    Approximate,
}

/// The answer to a search, best first: distance ascending, then id by bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SearchResult {
    /// The matches.
    pub matches: Vec<Match>,
    /// The number of records with a vector that meet the filter; present when asked for.
    pub total_matches: Option<u64>,
    /// How many records were read to find them: scored by an exact scan, or fetched and checked on the client.
    pub records_read: u64,
    /// The time the search took.
    #[serde(rename = "elapsed_ms", with = "millis")]
    pub elapsed: Duration,
    /// A name for this search, unique within the process.
    pub query_id: String,
    /// The index's metric.
    pub metric: Metric,
    /// How many survivors were passed over.
    pub offset: usize,
    /// Whether there are further survivors.
    pub has_more: bool,
    /// Whether a nearer record may be missing.
    #[serde(rename = "approximate", with = "approximate")]
    pub exactness: Exactness,
    /// The index.
    pub index: String,
    /// The provider.
    pub provider: String,
    /// Which store answered, where a layer chose between several; else the provider.
    pub served_by: String,
    /// Whether the answer comes from a cache.
    pub cached: bool,
    /// When it was answered, RFC 3339 UTC.
    pub timestamp: String,
}

impl SearchResult {
    /// An empty exact answer of a provider, stamped with the present time and a new query id.
    pub fn new(index: impl Into<String>, provider: impl Into<String>, metric: Metric) -> Self {
        let provider = provider.into();
        Self {
            matches: Vec::new(),
            total_matches: None,
            records_read: 0,
            elapsed: Duration::ZERO,
            query_id: crate::time::query_id(),
            metric,
            offset: 0,
            has_more: false,
            exactness: Exactness::Exact,
            index: index.into(),
            served_by: provider.clone(),
            provider,
            cached: false,
            timestamp: crate::time::now(),
        }
    }

    /// The best `n` matches.
    pub fn top(&self, n: usize) -> &[Match] {
        &self.matches[..n.min(self.matches.len())]
    }

    /// The matches with at least this score.
    pub fn above(&self, score: f32) -> impl Iterator<Item = &Match> {
        self.matches.iter().filter(move |m| m.score >= score)
    }

    /// The values of a metadata field, match by match; those without it are passed over.
    pub fn values(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.matches.iter().filter_map(move |m| m.metadata.get(key))
    }
}

mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(time.as_secs_f64() * 1e3)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        let ms = f64::deserialize(d)?;
        Duration::try_from_secs_f64(ms / 1e3).map_err(serde::de::Error::custom)
    }
}

mod approximate {
    use super::Exactness;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(exactness: &Exactness, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bool(*exactness == Exactness::Approximate)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Exactness, D::Error> {
        Ok(if bool::deserialize(d)? { Exactness::Approximate } else { Exactness::Exact })
    }
}
