//! What a store can do: fixed when it is opened.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::index::Metric;

/// How a feature is provided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// By the database.
    Native,
    /// Exactly, by the engine over the database's raw abilities.
    Emulated,
    /// Not at all: the operation returns `Unsupported`.
    Unsupported,
}

impl Display for Support {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Emulated => "emulated",
            Self::Unsupported => "unsupported",
        })
    }
}

/// How vectors read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorFidelity {
    /// Bit for bit.
    Exact,
    /// Each component within 2^-21 of its magnitude.
    Rounded,
    /// The same direction, at unit length, under cosine.
    Normalized,
}

/// What is written together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchAtomicity {
    /// Each item.
    Item,
    /// A whole call.
    Atomic,
}

/// The limits of a store. `None` is no limit but the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// The largest dimension.
    pub dimension: usize,
    /// The largest `top_k`.
    pub top_k: usize,
    /// The most of `offset + top_k`; past it a search is `Unsupported`.
    pub window: Option<usize>,
    /// The most items that the database takes at once; larger batches are cut.
    pub batch_count: Option<usize>,
    /// The most bytes that the database takes at once; larger batches are cut.
    pub batch_bytes: Option<usize>,
    /// The most bytes of an id.
    pub id_bytes: usize,
    /// The most bytes of a record's metadata, as JSON.
    pub metadata_bytes: Option<usize>,
    /// The most indexes.
    pub indexes: Option<usize>,
    /// The most records of an index.
    pub records: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            dimension: 65_536,
            top_k: crate::search::MAX_TOP_K,
            window: None,
            batch_count: None,
            batch_bytes: None,
            id_bytes: 512,
            metadata_bytes: None,
            indexes: None,
            records: None,
        }
    }
}

/// What a store can do, feature by feature, and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Capability {
    /// Search by cosine.
    pub cosine: Support,
    /// Search by dot product.
    pub dot_product: Support,
    /// Search by L2 distance.
    pub euclidean: Support,
    /// Search by L1 distance.
    pub manhattan: Support,
    /// Exact search on request.
    pub exact: Support,
    /// Filters: emulated where some leaf is checked on the client.
    pub filter: Support,
    /// Scan.
    pub scan: Support,
    /// Count, with and without a filter.
    pub count: Support,
    /// Delete by filter.
    pub delete_where: Support,
    /// Update of metadata.
    pub update_metadata: Support,
    /// Search from an offset.
    pub offset: Support,
    /// Total number of matches.
    pub total_matches: Support,
    /// Deduplication.
    pub deduplicate: Support,
    /// Sizes in statistics.
    pub sizes: Support,
    /// Optimize.
    pub optimize: Support,
    /// How vectors read back.
    pub vectors: VectorFidelity,
    /// What is written together or not at all.
    pub batch: BatchAtomicity,
    /// Whether another client's concurrent update of the same record cannot be lost.
    pub update_isolated: bool,
    /// Whether acknowledged writes survive the end of the process.
    pub durable: bool,
    /// Limits.
    pub limits: Limits,
}

impl Capability {
    /// Everything native, exact and without limits; not durable.
    pub fn native() -> Self {
        Self {
            cosine: Support::Native,
            dot_product: Support::Native,
            euclidean: Support::Native,
            manhattan: Support::Native,
            exact: Support::Native,
            filter: Support::Native,
            scan: Support::Native,
            count: Support::Native,
            delete_where: Support::Native,
            update_metadata: Support::Native,
            offset: Support::Native,
            total_matches: Support::Native,
            deduplicate: Support::Native,
            sizes: Support::Native,
            optimize: Support::Native,
            vectors: VectorFidelity::Exact,
            batch: BatchAtomicity::Atomic,
            update_isolated: true,
            durable: false,
            limits: Limits::default(),
        }
    }

    /// How a metric is provided.
    pub fn metric(&self, metric: Metric) -> Support {
        match metric {
            Metric::Cosine => self.cosine,
            Metric::DotProduct => self.dot_product,
            Metric::Euclidean => self.euclidean,
            Metric::Manhattan => self.manhattan,
        }
    }

    /// Every feature by its name, for tables.
    pub fn features(&self) -> [(&'static str, Support); 15] {
        [
            ("cosine", self.cosine),
            ("dot_product", self.dot_product),
            ("euclidean", self.euclidean),
            ("manhattan", self.manhattan),
            ("exact", self.exact),
            ("filter", self.filter),
            ("scan", self.scan),
            ("count", self.count),
            ("delete_where", self.delete_where),
            ("update_metadata", self.update_metadata),
            ("offset", self.offset),
            ("total_matches", self.total_matches),
            ("deduplicate", self.deduplicate),
            ("sizes", self.sizes),
            ("optimize", self.optimize),
        ]
    }

    /// Checks that a capability leaves unsupported only what the contract allows: a metric, `exact`, `sizes` and
    /// `optimize`.
    ///
    /// # Errors
    /// `Unexpected`, naming the feature.
    pub fn check(&self) -> Result<()> {
        const MAY_LACK: [&str; 7] =
            ["cosine", "dot_product", "euclidean", "manhattan", "exact", "sizes", "optimize"];
        match self.features().iter().find(|(n, s)| *s == Support::Unsupported && !MAY_LACK.contains(n)) {
            Some((name, _)) => Err(Error::new(
                crate::error::ErrorKind::Unexpected,
                format!("the capability declares {name} unsupported, which the contract does not allow"),
            )),
            None => Ok(()),
        }
    }
}
