//! How a table is an index: which columns make a record, and how its vectors are compared.

use portolan_core::driver::kit::{integer_id, is_uuid};
use portolan_core::{EngineKind, IndexInfo, IndexSpec, Metric};

use crate::catalog::{ID, METADATA, VECTOR};
use crate::metadata::Metadata;
use crate::query::VectorTypes;

/// The largest dimension of an index over `vector`; beyond, it is over `halfvec`.
pub(crate) const MAX_VECTOR: usize = 2_000;
/// The largest dimension of an index over `halfvec`.
pub(crate) const MAX_HALFVEC: usize = 4_000;
/// The largest magnitude of a `halfvec`.
pub(crate) const MAX_HALF: f32 = 65_504.0;
/// How many clusters an IVF index has whose spec leaves that open.
pub(crate) const DEFAULT_LISTS: u32 = 100;

/// A table, opened as an index.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its qualified name, quoted.
    pub(crate) name: String,
    pub(crate) layout: Layout,
    /// What its vector index is; flat: there is none.
    pub(crate) engine: EngineKind,
    pub(crate) info: IndexInfo,
    pub(crate) types: VectorTypes,
}

impl Table {
    /// One that Portolan makes, or made.
    pub(crate) fn ours(name: String, info: IndexInfo, types: VectorTypes) -> Self {
        Self { name, layout: Layout::default(), engine: engine(&info.spec), info, types }
    }

    /// The id in an order that pages follow; qualified, so that it is not taken for the text that is selected.
    pub(crate) fn id_order(&self) -> String {
        match self.layout.id_type {
            IdType::Text => self.layout.id_text(),
            IdType::Uuid | IdType::Integer => format!("{}.{}", self.name, self.layout.id),
        }
    }

    /// How many clusters its vector index has, where that is IVF.
    pub(crate) fn lists(&self) -> u32 {
        self.info.spec.engine.nlist.unwrap_or(DEFAULT_LISTS)
    }

    /// Whether its vector index is over `halfvec`.
    pub(crate) fn is_half(&self) -> bool {
        self.engine != EngineKind::Flat && self.info.spec.dimension > MAX_VECTOR
    }

    /// Whether its vector index can hold a vector, or be asked with it.
    pub(crate) fn indexes(&self, vector: &[f32]) -> bool {
        let scaled = self.info.spec.metric == Metric::Cosine;
        !self.is_half() || scaled || vector.iter().all(|x| x.abs() <= MAX_HALF)
    }

    /// A vector expression as the index over `halfvec` holds it. Under cosine it is scaled first, for `halfvec` ends at
    /// 65,504.
    pub(crate) fn halved(&self, vector: &str) -> String {
        let (schema, IndexSpec { dimension, metric, .. }) = (&self.types.schema, &self.info.spec);
        match metric {
            Metric::Cosine => format!("({schema}.l2_normalize({vector})::{schema}.halfvec({dimension}))"),
            _ => format!("({vector}::{schema}.halfvec({dimension}))"),
        }
    }

    /// The distance operator, qualified.
    pub(crate) fn operator(&self) -> String {
        format!("OPERATOR({}.{})", self.types.schema, measure(self.info.spec.metric).0)
    }
}

/// What pgvector calls a metric: its operator, and within the names of its classes.
pub(crate) fn measure(metric: Metric) -> (&'static str, &'static str) {
    match metric {
        Metric::Cosine => ("<=>", "cosine"),
        Metric::DotProduct => ("<#>", "ip"),
        Metric::Euclidean => ("<->", "l2"),
        Metric::Manhattan => ("<+>", "l1"),
    }
}

/// The vector index that a spec asks for. What it leaves open is HNSW, where that takes the vectors.
fn engine(spec: &IndexSpec) -> EngineKind {
    // Beyond cosine, halfvec does not hold every vector that the port takes.
    let most = if spec.metric == Metric::Cosine { MAX_HALFVEC } else { MAX_VECTOR };
    let open = if spec.dimension <= most { EngineKind::Hnsw } else { EngineKind::Flat };
    spec.engine.kind.unwrap_or(open)
}

/// How a table's columns make the parts of a record; all of it SQL.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The column of ids.
    pub(crate) id: String,
    pub(crate) id_type: IdType,
    /// The column of vectors.
    pub(crate) vector: String,
    /// The vector where it is of the index's dimension.
    pub(crate) compared: String,
    pub(crate) metadata: Metadata,
    /// The column that metadata is written to, with its type.
    pub(crate) written: Option<(String, &'static str)>,
    /// Whether Portolan made it: values may be in the overflow, and declared fields have indexes.
    pub(crate) ours: bool,
}

/// Of a table that Portolan made.
impl Default for Layout {
    fn default() -> Self {
        Self {
            id: ID.to_owned(),
            id_type: IdType::Text,
            vector: VECTOR.to_owned(),
            compared: VECTOR.to_owned(),
            metadata: Metadata { json: METADATA.to_owned(), fields: Vec::new(), prefix: String::new() },
            written: Some((METADATA.to_owned(), "jsonb")),
            ours: true,
        }
    }
}

impl Layout {
    /// The id as text, in the order of its bytes.
    pub(crate) fn id_text(&self) -> String {
        format!("{}::text COLLATE \"C\"", self.id)
    }
}

/// What type ids are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdType {
    /// `text` or `varchar`.
    Text,
    /// `uuid`.
    Uuid,
    /// `smallint`, `integer` or `bigint`.
    Integer,
}

impl IdType {
    /// The type's name in SQL.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Integer => "bigint",
        }
    }

    /// Whether a row can have this id.
    pub(crate) fn takes(self, id: &str) -> bool {
        match self {
            Self::Text => !id.contains('\0'),
            Self::Uuid => is_uuid(id),
            Self::Integer => integer_id::<i64>(id).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_spec_leaves_open_is_hnsw_where_that_takes_the_vectors() {
        for (dimension, metric, kind, is_half) in [
            (MAX_VECTOR, Metric::Manhattan, EngineKind::Hnsw, false),
            (MAX_VECTOR + 1, Metric::Cosine, EngineKind::Hnsw, true),
            (MAX_VECTOR + 1, Metric::Euclidean, EngineKind::Flat, false),
            (MAX_HALFVEC + 1, Metric::Cosine, EngineKind::Flat, false),
        ] {
            let info = IndexInfo::new(IndexSpec::new("any", dimension).metric(metric), "any");
            let table = Table::ours("any".to_owned(), info, VectorTypes::new("any", 1, 2));
            assert_eq!((table.engine, table.is_half()), (kind, is_half), "{dimension} {metric}");
        }
    }
}
