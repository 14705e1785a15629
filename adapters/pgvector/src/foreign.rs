//! Tables that other programs made: which of their columns make a record, and how they are searched.

use portolan_core::{EngineKind, EngineParams, Error, IndexInfo, IndexSpec, Metric, Result};
use portolan_net::Options;

use crate::provider::PROVIDER;
use crate::query::{identifier, literal};
use crate::table::{Column, DEFAULT_LISTS, Described, Engine, IdType, Layout, Table, VectorIndex, measure};

/// A function takes at most 100 arguments: two for each field.
const FIELDS_OF_A_CALL: usize = 50;

/// How to read tables that other programs made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// The column of ids; unset: the primary key.
    pub id_column: Option<String>,
    /// The column of vectors; unset: the only one of type `vector`.
    pub vector_column: Option<String>,
    /// The column of metadata; unset: the only one of type `jsonb` or `json`.
    pub metadata_column: Option<String>,
    /// The metric; unset: that of the table's vector index.
    pub metric: Option<Metric>,
}

impl Foreign {
    pub(crate) fn read(options: &mut Options) -> Result<Self> {
        Ok(Self {
            id_column: options.text("id_column")?,
            vector_column: options.text("vector_column")?,
            metadata_column: options.text("metadata_column")?,
            metric: options.text("metric")?.map(|metric| metric.parse()).transpose()?,
        })
    }

    /// The column of vectors, quoted, where its dimension is to be asked of a row: its type says none.
    pub(crate) fn undimensioned(&self, table: &Described) -> Option<String> {
        self.vector(table).ok().filter(|c| c.modifier < 1).map(|c| identifier(&c.name))
    }

    /// The index that a table is; `dimension` where its type says none.
    pub(crate) fn open(
        &self,
        table: &Described,
        name: &str,
        qualified: String,
        dimension: Option<usize>,
    ) -> Result<Table> {
        self.index(table, name, qualified, dimension)
            .map_err(|why| Error::unsupported(format!("the table {name:?} is no index: {why}")))
    }

    fn index(
        &self,
        table: &Described,
        name: &str,
        qualified: String,
        dimension: Option<usize>,
    ) -> Result<Table, String> {
        let (vector, id) = (self.vector(table)?, self.id(table)?);
        let layout = self.layout(table, vector, id)?;
        let dimension = usize::try_from(vector.modifier).ok().filter(|n| *n > 0).or(dimension);
        let dimension = dimension.ok_or("its vectors have no dimension, and it holds none to tell")?;
        let (metric, params, engine) = self.search(table, &vector.name)?;
        let spec = IndexSpec::new(name, dimension).metric(metric).engine(params);
        Ok(Table { name: qualified, layout, engine, info: IndexInfo::new(spec, PROVIDER) })
    }

    fn vector<'a>(&self, table: &'a Described) -> Result<&'a Column, String> {
        let candidates: Vec<&Column> = table.columns.iter().filter(|c| c.of == "vector").collect();
        choose(&candidates, self.vector_column.as_deref(), "vector")?.ok_or_else(|| match candidates[..] {
            [] => "it has no column of type vector".to_owned(),
            _ => "it has several columns of type vector; name one with vector_column".to_owned(),
        })
    }

    fn id<'a>(&self, table: &'a Described) -> Result<(&'a Column, IdType), String> {
        let mut columns = table.columns.iter();
        let column = match &self.id_column {
            Some(name) => columns.find(|c| c.name == *name && c.unique).ok_or_else(|| {
                format!("it has no column {name:?} with a unique index of this column alone")
            })?,
            None => columns
                .find(|c| c.primary)
                .ok_or("it has no primary key of one column; name a unique one with id_column")?,
        };
        let of = match column.of.as_str() {
            "text" | "varchar" => IdType::Text,
            "uuid" => IdType::Uuid,
            "int2" | "int4" | "int8" => IdType::Integer,
            other => {
                return Err(format!("its ids are of type {other}, and text, uuid and integers are known"));
            }
        };
        Ok((column, of))
    }

    /// The column of metadata, where there is one, and all others as fields.
    fn layout(
        &self,
        table: &Described,
        vector: &Column,
        (id, id_type): (&Column, IdType),
    ) -> Result<Layout, String> {
        let is_other = |c: &&Column| c.name != vector.name && c.name != id.name && !c.is_vector();
        let mut fields: Vec<&Column> = table.columns.iter().filter(is_other).collect();
        let json: Vec<&Column> =
            fields.iter().copied().filter(|c| matches!(c.of.as_str(), "json" | "jsonb")).collect();
        let metadata = choose(&json, self.metadata_column.as_deref(), "jsonb or json")?;
        fields.retain(|c| metadata.is_none_or(|m| m.name != c.name));
        let written = metadata.map(|c| (identifier(&c.name), if c.of == "json" { "json" } else { "jsonb" }));
        let column = written.as_ref().map(|(column, _)| format!("COALESCE({column}::jsonb, '{{}}')"));
        let objects: Vec<String> =
            column.into_iter().chain(fields.chunks(FIELDS_OF_A_CALL).map(object_of)).collect();
        Ok(Layout {
            id: identifier(&id.name),
            id_type,
            vector: identifier(&vector.name),
            metadata: match objects[..] {
                [] => "'{}'::jsonb".to_owned(),
                _ => format!("({})", objects.join(" || ")),
            },
            written: written.filter(|_| fields.is_empty() && table.kind == "r"),
            ours: false,
        })
    }

    /// The metric and the vector index that fits it.
    fn search(&self, table: &Described, vector: &str) -> Result<(Metric, EngineParams, Engine), String> {
        let index = table.indexes.iter().flatten().find(|i| {
            i.column.as_deref() == Some(vector) && self.metric.is_none_or(|m| metric_of(i) == Some(m))
        });
        let metric = self
            .metric
            .or_else(|| index.and_then(metric_of))
            .ok_or("it has no vector index that tells the metric; name it with metric=cosine or another")?;
        let (params, engine) = index.map_or((EngineParams::default(), Engine::Flat), engine_of);
        Ok((metric, params, engine))
    }
}

/// The column of a name, or else the only one.
fn choose<'a>(columns: &[&'a Column], name: Option<&str>, of: &str) -> Result<Option<&'a Column>, String> {
    let Some(name) = name else { return Ok(columns.first().copied().filter(|_| columns.len() == 1)) };
    let named = columns.iter().copied().find(|c| c.name == name);
    named.map(Some).ok_or_else(|| format!("it has no column {name:?} of type {of}"))
}

fn object_of(fields: &[&Column]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|c| format!("{}, {}", literal(&c.name), identifier(&c.name))).collect();
    format!("jsonb_build_object({})", pairs.join(", "))
}

fn metric_of(index: &VectorIndex) -> Option<Metric> {
    [Metric::Cosine, Metric::DotProduct, Metric::Euclidean, Metric::Manhattan]
        .into_iter()
        .find(|metric| index.opclass == format!("vector_{}_ops", measure(*metric).1))
}

fn engine_of(index: &VectorIndex) -> (EngineParams, Engine) {
    let option = |key: &str| {
        let mut options = index.options.iter().flatten().filter_map(|option| option.split_once('='));
        options.find(|(name, _)| *name == key).and_then(|(_, value)| value.parse().ok())
    };
    let mut params = EngineParams::default();
    if index.method == "hnsw" {
        params.kind = Some(EngineKind::Hnsw);
        (params.m, params.ef_construction) = (option("m"), option("ef_construction"));
        return (params, Engine::Hnsw { half: false });
    }
    let lists = option("lists").unwrap_or(DEFAULT_LISTS);
    (params.kind, params.nlist) = (Some(EngineKind::Ivf), Some(lists));
    (params, Engine::Ivf { lists, half: false })
}
