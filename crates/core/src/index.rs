//! Indexes: what they hold and how they are described.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::metadata::Scalar;
use crate::suggest::suggest;

/// How two vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The angle: distance 1 - cos, score cos.
    #[default]
    Cosine,
    /// The dot product: distance -dot, score dot.
    DotProduct,
    /// The straight line, L2 and not squared: score 1 / (1 + distance).
    Euclidean,
    /// The sum of absolute differences, L1: score 1 / (1 + distance).
    Manhattan,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Self; 4] = [Self::Cosine, Self::DotProduct, Self::Euclidean, Self::Manhattan];

    /// The name, as it stands in JSON, TOML, URIs and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::DotProduct => "dot_product",
            Self::Euclidean => "euclidean",
            Self::Manhattan => "manhattan",
        }
    }

    /// The score of a distance: higher is better. `1 - d` under cosine, `-d` under dot product, else `1 / (1 + d)`.
    pub fn score(self, distance: f64) -> f64 {
        match self {
            Self::Cosine => (1.0 - distance).clamp(-1.0, 1.0),
            Self::DotProduct => 0.0 - distance,
            Self::Euclidean | Self::Manhattan => 1.0 / (1.0 + distance.max(0.0)),
        }
    }

    /// A score mapped to [0, 1]: cosine `(1 + s) / 2`, dot product the logistic function, others as they are. The
    /// exponential is a library's, since the system's differs from one processor to the next.
    pub fn normalize_score(self, score: f64) -> f64 {
        match self {
            Self::Cosine => (1.0 + score) / 2.0,
            Self::DotProduct => 1.0 / (1.0 + libm::exp(-score)),
            Self::Euclidean | Self::Manhattan => score,
        }
    }

    /// The score that an answer gives for a distance, and compares with a threshold.
    pub fn returned_score(self, distance: f64, normalized: bool) -> f32 {
        let score = self.score(distance);
        (if normalized { self.normalize_score(score) } else { score }) as f32
    }

    /// The distance that an answer gives, clamped to the metric's range.
    pub fn returned_distance(self, distance: f64) -> f32 {
        (match self {
            Self::Cosine => distance.clamp(0.0, 2.0),
            Self::DotProduct => distance,
            Self::Euclidean | Self::Manhattan => distance.max(0.0),
        }) as f32
    }
}

impl Display for Metric {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        named("metric", name, &Self::ALL, Self::as_str)
    }
}

/// The declared type of a metadata field; lists of the type are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// True or false.
    Bool,
    /// A 64-bit integer.
    Integer,
    /// A 64-bit float; an integer written to it becomes that float.
    Float,
    /// Text.
    String,
}

impl FieldType {
    /// All types.
    pub const ALL: [Self; 4] = [Self::Bool, Self::Integer, Self::Float, Self::String];

    /// The name, as it stands in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::String => "string",
        }
    }

    /// Whether a scalar is of this type.
    pub fn holds(self, scalar: &Scalar) -> bool {
        self.as_str() == scalar.type_name()
    }
}

impl Display for FieldType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FieldType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        named("field type", name, &Self::ALL, Self::as_str)
    }
}

/// The kind of vector index that the provider builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// No approximation: every search reads all candidates.
    Flat,
    /// A navigable small-world graph.
    Hnsw,
    /// An inverted file of clusters.
    Ivf,
}

impl EngineKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Flat, Self::Hnsw, Self::Ivf];

    /// The name, as it stands in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Hnsw => "hnsw",
            Self::Ivf => "ivf",
        }
    }
}

impl FromStr for EngineKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        named("engine", name, &Self::ALL, Self::as_str)
    }
}

/// Parameters of the vector index. What is absent is left to the provider; an exact store keeps them and needs none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineParams {
    /// The kind of index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EngineKind>,
    /// HNSW: links of a node, 2 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub m: Option<u32>,
    /// HNSW: candidates while building, 1 to 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ef_construction: Option<u32>,
    /// IVF: number of clusters, 1 to 1,000,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nlist: Option<u32>,
}

/// What an index is created with, and described as.
///
/// ```
/// use portolan_core::{FieldType, IndexSpec, Metric};
///
/// let spec = IndexSpec::new("companies", 384).metric(Metric::Cosine).field("industry", FieldType::String);
/// assert_eq!(spec.dimension, 384);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct IndexSpec {
    /// The portable name: `[a-z][a-z0-9]*([-_][a-z0-9]+)*`, 3 to 40 characters, at most 45 counting each `_` twice.
    pub name: String,
    /// The length of every vector, 1 to the provider's limit.
    pub dimension: usize,
    /// How vectors are compared.
    #[serde(default)]
    pub metric: Metric,
    /// Declared fields: their type binds, and a filter on them is fast.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, FieldType>,
    /// Parameters of the vector index.
    #[serde(default)]
    pub engine: EngineParams,
    /// Options of the provider; an unknown key is `InvalidArgument`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, Scalar>,
}

impl IndexSpec {
    /// An index under the cosine metric without declared fields.
    pub fn new(name: impl Into<String>, dimension: usize) -> Self {
        Self {
            name: name.into(),
            dimension,
            metric: Metric::default(),
            fields: BTreeMap::new(),
            engine: EngineParams::default(),
            options: BTreeMap::new(),
        }
    }

    /// Sets the metric.
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// Declares a field.
    #[must_use]
    pub fn field(mut self, key: impl Into<String>, of: FieldType) -> Self {
        self.fields.insert(key.into(), of);
        self
    }

    /// Sets the parameters of the vector index.
    #[must_use]
    pub fn engine(mut self, engine: EngineParams) -> Self {
        self.engine = engine;
        self
    }

    /// Sets an option of the provider.
    #[must_use]
    pub fn option(mut self, key: impl Into<String>, value: impl Into<Scalar>) -> Self {
        self.options.insert(key.into(), value.into());
        self
    }

    /// What differs between this spec and another, as a sentence; `None` where they are equal.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let mut parts = Vec::new();
        let mut part = |what: &str, mine: String, theirs: String| {
            if mine != theirs {
                parts.push(format!("{what} is {mine}, not {theirs}"));
            }
        };
        part("name", self.name.clone(), other.name.clone());
        part("dimension", self.dimension.to_string(), other.dimension.to_string());
        part("metric", self.metric.to_string(), other.metric.to_string());
        part("fields", list(&self.fields), list(&other.fields));
        part("engine", format!("{:?}", self.engine), format!("{:?}", other.engine));
        part("options", list(&self.options), list(&other.options));
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn list<V: Display>(map: &BTreeMap<String, V>) -> String {
    if map.is_empty() {
        return "none".to_owned();
    }
    map.iter().map(|(k, v)| format!("{k}:{v}")).collect::<Vec<_>>().join(", ")
}

/// An existing index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IndexInfo {
    /// The spec, as it was given.
    #[serde(flatten)]
    pub spec: IndexSpec,
    /// The provider that keeps it.
    pub provider: String,
    /// When it was created, RFC 3339 UTC, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
}

impl IndexInfo {
    /// An index of which only spec and provider are known.
    pub fn new(spec: IndexSpec, provider: impl Into<String>) -> Self {
        Self { spec, provider: provider.into(), created_at: None }
    }

    /// Sets the time of creation.
    #[must_use]
    pub fn created_at(mut self, time: Option<String>) -> Self {
        self.created_at = time;
        self
    }
}

/// Finds a value by its name, or says what there is.
fn named<T: Copy>(what: &str, name: &str, all: &[T], as_str: fn(T) -> &'static str) -> Result<T> {
    all.iter().copied().find(|v| as_str(*v) == name).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|v| as_str(*v)).collect();
        let hint =
            suggest(name, names.iter().copied()).map(|s| format!("; did you mean {s}?")).unwrap_or_default();
        Error::invalid(format!("unknown {what} {name:?}: one of {}{hint}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logistic_function_has_the_same_bits_on_every_processor() {
        for (score, bits) in
            [(-1.0, 0x3fd1_3656_1454_ba86), (0.3, 0x3fe2_61d5_45e4_6a8b), (2.5, 0x3fed_9291_ddb5_96f8)]
        {
            let normalized: f64 = Metric::DotProduct.normalize_score(score);
            assert_eq!(normalized.to_bits(), bits, "{score}: {normalized}");
        }
        assert_eq!(Metric::DotProduct.normalize_score(f64::MAX), 1.0);
        assert_eq!(Metric::DotProduct.normalize_score(f64::MIN), 0.0);
    }

    #[test]
    fn what_is_returned_is_within_the_range_of_the_metric() {
        let returned = |metric: Metric, distance| {
            (metric.returned_score(distance, false), metric.returned_distance(distance))
        };
        assert_eq!(returned(Metric::Cosine, -1e-9), (1.0, 0.0));
        assert_eq!(returned(Metric::Cosine, 2.5), (-1.0, 2.0));
        assert_eq!(returned(Metric::DotProduct, -3.0), (3.0, -3.0));
        assert_eq!(returned(Metric::Euclidean, -1e-9), (1.0, 0.0));
        assert_eq!(returned(Metric::Manhattan, 3.0), (0.25, 3.0));
        assert_eq!(Metric::Cosine.returned_score(1.5, true), 0.25);
    }
}
