//! Tables: what the catalog says of them, and so how they are an index.

use portolan_core::driver::kit::{SpecRecord, integer_id, is_uuid};
use portolan_core::{EngineKind, Error, ErrorKind, IndexInfo, IndexSpec, Metric, Result};
use serde::Deserialize;

use crate::provider::PROVIDER;
use crate::query::{Binds, Query, VectorTypes};

/// The column of ids of an index that Portolan made.
pub(crate) const ID: &str = "id";
/// The column of vectors of an index that Portolan made.
pub(crate) const VECTOR: &str = "embedding";
/// The column of metadata of an index that Portolan made.
pub(crate) const METADATA: &str = "metadata";

/// What the version of the record of a spec is called, which is the table's comment.
pub(crate) const VERSION: &str = "portolan";

/// The largest dimension of an index over `vector`; beyond, it is over `halfvec`.
pub(crate) const MAX_VECTOR: usize = 2_000;
/// The largest dimension of an index over `halfvec`.
pub(crate) const MAX_HALFVEC: usize = 4_000;
/// How many clusters an IVF index has whose spec leaves that open.
pub(crate) const DEFAULT_LISTS: u32 = 100;

/// The types of pgvector: a table with a column of one is listed.
pub(crate) const VECTOR_TYPES: [&str; 3] = ["vector", "halfvec", "sparsevec"];

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

/// How the vector index of a table is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// There is none.
    Flat,
    /// HNSW, over `halfvec` where it says so.
    Hnsw { half: bool },
    /// IVFFlat with so many lists, over `halfvec` where it says so.
    Ivf { lists: u32, half: bool },
}

impl Engine {
    /// What an index of this spec has. What the spec leaves open is HNSW, where that takes the vectors.
    pub(crate) fn of(spec: &IndexSpec) -> Self {
        let half = spec.dimension > MAX_VECTOR;
        // Beyond cosine, halfvec does not hold every vector that the port takes.
        let open = if spec.dimension <= MAX_VECTOR
            || (spec.dimension <= MAX_HALFVEC && spec.metric == Metric::Cosine)
        {
            EngineKind::Hnsw
        } else {
            EngineKind::Flat
        };
        match spec.engine.kind.unwrap_or(open) {
            EngineKind::Flat => Self::Flat,
            EngineKind::Hnsw => Self::Hnsw { half },
            EngineKind::Ivf => Self::Ivf { lists: spec.engine.nlist.unwrap_or(DEFAULT_LISTS), half },
        }
    }

    /// Whether it is over `halfvec`.
    pub(crate) fn half(self) -> bool {
        matches!(self, Self::Hnsw { half: true } | Self::Ivf { half: true, .. })
    }
}

/// How a table's columns make the parts of a record; all of it SQL.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The column of ids.
    pub(crate) id: String,
    pub(crate) id_type: IdType,
    /// The column of vectors.
    pub(crate) vector: String,
    /// Metadata as a `jsonb` object.
    pub(crate) metadata: String,
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
            metadata: METADATA.to_owned(),
            written: Some((METADATA.to_owned(), "jsonb")),
            ours: true,
        }
    }
}

impl Layout {
    /// The id as text, in the order of its bytes.
    pub(crate) fn id_text(&self) -> String {
        match self.id_type {
            IdType::Text => format!("{} COLLATE \"C\"", self.id),
            IdType::Uuid | IdType::Integer => format!("{}::text COLLATE \"C\"", self.id),
        }
    }
}

/// A table, opened as an index.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its qualified name, quoted.
    pub(crate) name: String,
    pub(crate) layout: Layout,
    pub(crate) engine: Engine,
    pub(crate) info: IndexInfo,
}

impl Table {
    /// The id in an order that pages follow; qualified, so that it is not taken for the text that is selected.
    pub(crate) fn id_order(&self) -> String {
        match self.layout.id_type {
            IdType::Text => self.layout.id_text(),
            IdType::Uuid | IdType::Integer => format!("{}.{}", self.name, self.layout.id),
        }
    }
}

/// A table as the catalog describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Described {
    pub(crate) kind: String,
    comment: Option<String>,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Option<Vec<VectorIndex>>,
}

/// A column of a table.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) of: String,
    /// The dimension of a vector, where its type says one.
    pub(crate) modifier: i32,
    pub(crate) unique: bool,
    pub(crate) primary: bool,
}

/// A vector index of a table.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct VectorIndex {
    pub(crate) method: String,
    pub(crate) opclass: String,
    pub(crate) options: Option<Vec<String>>,
    pub(crate) column: Option<String>,
}

/// Asks the catalog for a table.
pub(crate) fn describe(schema: &str, name: &str) -> Query {
    let mut binds = Binds::default();
    let (schema, name) = (binds.text(schema), binds.text(name));
    binds.query(format!(
        "SELECT json_build_object(\
           'kind', c.relkind::text, \
           'comment', obj_description(c.oid, 'pg_class'), \
           'columns', (SELECT json_agg(json_build_object(\
               'name', a.attname, 'type', t.typname, 'modifier', a.atttypmod, \
               'unique', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid \
                 AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL), \
               'primary', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary \
                 AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)) ORDER BY a.attnum) \
             FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), \
           'indexes', (SELECT json_agg(json_build_object(\
               'method', m.amname, 'opclass', o.opcname, 'options', x.reloptions, \
               'column', (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attnum > 0))) \
             FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam \
             JOIN pg_opclass o ON o.oid = i.indclass[0] \
             WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND m.amname IN ('hnsw', 'ivfflat')))::text \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relname::text = {name} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    ))
}

/// Asks for the names of the tables of a schema that have vectors.
pub(crate) fn list(schema: &str) -> Query {
    let mut binds = Binds::default();
    let schema = binds.text(schema);
    binds.query(format!(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND EXISTS (\
           SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0 \
           AND NOT a.attisdropped AND t.typname IN ({}))",
        VECTOR_TYPES.map(|name| format!("'{name}'")).join(", ")
    ))
}

impl Described {
    /// From the answer to [`describe`].
    pub(crate) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| {
            Error::new(ErrorKind::Unexpected, "the catalog's answer could not be read").with_source(e)
        })
    }

    /// Whether it is listed as an index.
    pub(crate) fn has_vectors(&self) -> bool {
        self.columns.iter().any(Column::is_vector)
    }

    /// The index of this qualified name, where Portolan made it and it still looks so.
    pub(crate) fn ours(&self, name: &str) -> Option<Table> {
        let record = SpecRecord::read("the table's comment", self.comment.as_deref()).ok()?;
        let has = |name: &str, of: &str| self.columns.iter().any(|c| c.name == name && c.of == of);
        let looks_so = has(ID, "text") && has(VECTOR, "vector") && has(METADATA, "jsonb");
        looks_so.then(|| Table {
            name: name.to_owned(),
            layout: Layout::default(),
            engine: Engine::of(&record.spec),
            info: record.into_info(PROVIDER),
        })
    }
}

impl Column {
    /// Whether its type is one of pgvector.
    pub(crate) fn is_vector(&self) -> bool {
        VECTOR_TYPES.contains(&self.of.as_str())
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

/// The distance operator of a metric, qualified.
pub(crate) fn operator(types: &VectorTypes, metric: Metric) -> String {
    format!("OPERATOR({}.{})", types.schema, measure(metric).0)
}

/// A vector expression as the index over `halfvec` holds it. Under cosine it is scaled first, for `halfvec` ends at
/// 65,504.
pub(crate) fn halved(types: &VectorTypes, spec: &IndexSpec, vector: &str) -> String {
    let (schema, n) = (&types.schema, spec.dimension);
    match spec.metric {
        Metric::Cosine => format!("({schema}.l2_normalize({vector})::{schema}.halfvec({n}))"),
        _ => format!("({vector}::{schema}.halfvec({n}))"),
    }
}
