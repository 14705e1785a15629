//! Tables: what the catalog says of them, and so how they are an index.

use portolan_core::{EngineKind, EngineParams, Error, ErrorKind, IndexInfo, IndexSpec, Metric, Result};
use serde::{Deserialize, Serialize};

use crate::PROVIDER;
use crate::config::Foreign;
use crate::query::{Binds, Query, VectorTypes, identifier, literal};

/// The columns of an index that the port made.
pub(crate) const ID: &str = "id";
/// See [`ID`].
pub(crate) const VECTOR: &str = "embedding";
/// See [`ID`].
pub(crate) const METADATA: &str = "metadata";

/// The largest dimension of an index over `vector`; beyond, it is over `halfvec`.
pub(crate) const MAX_VECTOR: usize = 2_000;
/// The largest dimension of an index over `halfvec`.
pub(crate) const MAX_HALFVEC: usize = 4_000;

/// The types of pgvector: a table with a column of one is listed.
const VECTOR_TYPES: [&str; 3] = ["vector", "halfvec", "sparsevec"];

const COMMENT_VERSION: u32 = 1;

/// Kept in the table's comment.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Comment {
    portolan: u32,
    spec: IndexSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
}

impl Comment {
    /// Of an index that is created now.
    pub(crate) fn new(spec: &IndexSpec) -> Self {
        Self { portolan: COMMENT_VERSION, spec: spec.clone(), created_at: Some(portolan_core::time::now()) }
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
    fn named(name: &str) -> Option<Self> {
        match name {
            "text" | "varchar" => Some(Self::Text),
            "uuid" => Some(Self::Uuid),
            "int2" | "int4" | "int8" => Some(Self::Integer),
            _ => None,
        }
    }

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
            Self::Integer => id.parse::<i64>().is_ok_and(|n| n.to_string() == id),
        }
    }
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36
        && id.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
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

/// How many clusters an IVF index has whose spec leaves that open.
pub(crate) const DEFAULT_LISTS: u32 = 100;

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
    /// Whether values may lie aside, and declared fields have indexes: the port made it.
    pub(crate) aside: bool,
}

impl Layout {
    /// Of a table that the port made.
    pub(crate) fn own() -> Self {
        Self {
            id: ID.to_owned(),
            id_type: IdType::Text,
            vector: VECTOR.to_owned(),
            metadata: METADATA.to_owned(),
            written: Some((METADATA.to_owned(), "jsonb")),
            aside: true,
        }
    }

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
    /// The id in an order that pages follow; qualified, lest it be taken for the text that is selected.
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
    columns: Vec<Column>,
    indexes: Option<Vec<VectorIndex>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    of: String,
    modifier: i32,
    unique: bool,
    primary: bool,
}

#[derive(Debug, Deserialize)]
struct VectorIndex {
    method: String,
    opclass: String,
    column: Option<String>,
    options: Option<Vec<String>>,
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
        self.columns.iter().any(|column| VECTOR_TYPES.contains(&column.of.as_str()))
    }

    /// The column of vectors, quoted, where its dimension is to be asked of a row: its type says none.
    pub(crate) fn undimensioned(&self, foreign: &Foreign) -> Option<String> {
        self.vector(foreign).ok().filter(|c| c.modifier < 1).map(|c| identifier(&c.name))
    }

    /// The index that it is; `dimension` where its type says none.
    pub(crate) fn open(
        &self,
        schema: &str,
        name: &str,
        foreign: &Foreign,
        dimension: Option<usize>,
    ) -> Result<Table> {
        let qualified = format!("{}.{}", identifier(schema), identifier(name));
        if let Some(comment) = self.own() {
            let engine = Engine::of(&comment.spec);
            let info = IndexInfo::new(comment.spec, PROVIDER).created_at(comment.created_at);
            return Ok(Table { name: qualified, layout: Layout::own(), engine, info });
        }
        let why = |e: Error| Error::unsupported(format!("the table {name:?} is no index: {}", e.message()));
        let (vector, id) = (self.vector(foreign).map_err(why)?, self.id(foreign).map_err(why)?);
        let layout = self.foreign_layout(foreign, vector, id).map_err(why)?;
        let dimension = usize::try_from(vector.modifier).ok().filter(|n| *n > 0).or(dimension);
        let dimension = dimension
            .ok_or_else(|| Error::unsupported("its vectors have no dimension, and it holds none to tell"))
            .map_err(why)?;
        let (metric, params, engine) = self.search(foreign, &vector.name).map_err(why)?;
        let spec = IndexSpec::new(name, dimension).metric(metric).engine(params);
        Ok(Table { name: qualified, layout, engine, info: IndexInfo::new(spec, PROVIDER) })
    }

    /// What the port said of it when it made it, where it did and it still looks so.
    fn own(&self) -> Option<Comment> {
        let comment: Comment = serde_json::from_str(self.comment.as_deref()?).ok()?;
        let has = |name: &str, of: &str| self.columns.iter().any(|c| c.name == name && c.of == of);
        let looks = has(ID, "text") && has(VECTOR, "vector") && has(METADATA, "jsonb");
        (comment.portolan == COMMENT_VERSION && looks).then_some(comment)
    }

    fn vector(&self, foreign: &Foreign) -> Result<&Column> {
        let candidates: Vec<&Column> = self.columns.iter().filter(|c| c.of == "vector").collect();
        if let Some(name) = &foreign.vector_column {
            return candidates
                .into_iter()
                .find(|c| c.name == *name)
                .ok_or_else(|| Error::unsupported(format!("it has no column {name:?} of type vector")));
        }
        match candidates[..] {
            [one] => Ok(one),
            [] => Err(Error::unsupported("it has no column of type vector")),
            _ => {
                Err(Error::unsupported("it has several columns of type vector; name one with vector_column"))
            }
        }
    }

    fn id(&self, foreign: &Foreign) -> Result<(&Column, IdType)> {
        let column = match &foreign.id_column {
            Some(name) => self.columns.iter().find(|c| c.name == *name && c.unique).ok_or_else(|| {
                Error::unsupported(format!("it has no column {name:?} with a unique index of its own"))
            })?,
            None => self.columns.iter().find(|c| c.primary).ok_or_else(|| {
                Error::unsupported("it has no primary key of one column; name a unique one with id_column")
            })?,
        };
        let of = IdType::named(&column.of).ok_or_else(|| {
            Error::unsupported(format!(
                "its ids are of type {}, and text, uuid and integers are known",
                column.of
            ))
        })?;
        Ok((column, of))
    }

    /// The column of metadata, where there is one, and all others as fields.
    fn foreign_layout(
        &self,
        foreign: &Foreign,
        vector: &Column,
        (id, id_type): (&Column, IdType),
    ) -> Result<Layout> {
        let others: Vec<&Column> = self
            .columns
            .iter()
            .filter(|c| c.name != vector.name && c.name != id.name && !is_vector(c))
            .collect();
        let json: Vec<&&Column> =
            others.iter().filter(|c| matches!(c.of.as_str(), "json" | "jsonb")).collect();
        let metadata = match (&foreign.metadata_column, &json[..]) {
            (Some(name), json) => Some(json.iter().find(|c| c.name == *name).ok_or_else(|| {
                Error::unsupported(format!("it has no column {name:?} of type jsonb or json"))
            })?),
            (None, [one]) => Some(one),
            (None, _) => None,
        };
        let written = metadata.map(|c| (identifier(&c.name), if c.of == "json" { "json" } else { "jsonb" }));
        let fields: Vec<&Column> =
            others.iter().copied().filter(|c| metadata.is_none_or(|m| m.name != c.name)).collect();
        let mut parts: Vec<String> = fields.chunks(50).map(object_of).collect();
        if let Some((column, _)) = &written {
            parts.insert(0, format!("COALESCE({column}::jsonb, '{{}}')"));
        }
        let sql =
            if parts.is_empty() { "'{}'::jsonb".to_owned() } else { format!("({})", parts.join(" || ")) };
        let written = written.filter(|_| fields.is_empty() && self.kind == "r");
        Ok(Layout {
            id: identifier(&id.name),
            id_type,
            vector: identifier(&vector.name),
            metadata: sql,
            written,
            aside: false,
        })
    }

    /// The metric and the vector index that fits it.
    fn search(&self, foreign: &Foreign, vector: &str) -> Result<(Metric, EngineParams, Engine)> {
        let index = self.indexes.iter().flatten().find(|i| {
            i.column.as_deref() == Some(vector) && foreign.metric.is_none_or(|m| i.metric() == Some(m))
        });
        let metric = foreign.metric.or_else(|| index.and_then(VectorIndex::metric)).ok_or_else(|| {
            Error::unsupported(
                "it has no vector index that tells the metric; name it with metric=cosine or another",
            )
        })?;
        let (params, engine) = index.map_or((EngineParams::default(), Engine::Flat), VectorIndex::engine);
        Ok((metric, params, engine))
    }
}

fn is_vector(column: &Column) -> bool {
    matches!(column.of.as_str(), "vector" | "halfvec" | "sparsevec")
}

fn object_of(fields: &[&Column]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|c| format!("{}, {}", literal(&c.name), identifier(&c.name))).collect();
    format!("jsonb_build_object({})", pairs.join(", "))
}

impl VectorIndex {
    fn metric(&self) -> Option<Metric> {
        match self.opclass.as_str() {
            "vector_cosine_ops" => Some(Metric::Cosine),
            "vector_ip_ops" => Some(Metric::DotProduct),
            "vector_l2_ops" => Some(Metric::Euclidean),
            "vector_l1_ops" => Some(Metric::Manhattan),
            _ => None,
        }
    }

    fn engine(&self) -> (EngineParams, Engine) {
        let option = |key: &str| {
            let options = self.options.iter().flatten();
            options
                .filter_map(|o| o.split_once('='))
                .find(|(k, _)| *k == key)
                .and_then(|(_, v)| v.parse().ok())
        };
        if self.method == "hnsw" {
            let (m, ef_construction) = (option("m"), option("ef_construction"));
            let params = EngineParams { kind: Some(EngineKind::Hnsw), m, ef_construction, nlist: None };
            return (params, Engine::Hnsw { half: false });
        }
        let lists = option("lists").unwrap_or(DEFAULT_LISTS);
        let params =
            EngineParams { kind: Some(EngineKind::Ivf), nlist: Some(lists), ..EngineParams::default() };
        (params, Engine::Ivf { lists, half: false })
    }
}

/// The distance operator of a metric, qualified.
pub(crate) fn operator(types: &VectorTypes, metric: Metric) -> String {
    let symbol = match metric {
        Metric::Cosine => "<=>",
        Metric::DotProduct => "<#>",
        Metric::Euclidean => "<->",
        Metric::Manhattan => "<+>",
    };
    format!("OPERATOR({}.{symbol})", types.schema)
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
