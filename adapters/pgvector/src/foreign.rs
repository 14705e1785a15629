//! Tables that other programs made: which of their columns make a record, and how they are searched.

use std::fmt::Display;

use portolan_core::{EngineKind, EngineParams, Error, IndexInfo, IndexSpec, Metric, Result};

use crate::catalog::{Column, Described, VectorIndex};
use crate::client::{Client, cell};
use crate::config::{Foreign, PROVIDER};
use crate::metadata::Metadata;
use crate::query::{Binds, VectorTypes, identifier};
use crate::table::{DEFAULT_LISTS, IdType, Layout, Table, measure};

/// A table that another program made.
pub(crate) struct ForeignTable<'a> {
    pub(crate) name: &'a str,
    /// The name, qualified and quoted.
    pub(crate) qualified: String,
    pub(crate) described: &'a Described,
    /// What the URI says of such tables.
    pub(crate) told: &'a Foreign,
}

impl ForeignTable<'_> {
    /// Opens it as an index.
    pub(crate) async fn open(self, client: &Client, types: VectorTypes) -> Result<Table> {
        let vector = self.vector()?;
        let mut layout = self.layout(vector)?;
        let (metric, params) = self.search(&vector.name)?;
        let dimension = match usize::try_from(vector.modifier) {
            Ok(dimension @ 1..) => dimension,
            // The type says none, so that vectors may have several.
            _ => {
                let (of, vector) =
                    (format!("{}.vector_dims({})", types.schema, layout.vector), &layout.vector);
                let dimension = self.dimension(client, &of, vector).await?;
                layout.compared = format!("(CASE WHEN {of} = {dimension} THEN {vector} END)");
                dimension
            }
        };
        let engine = params.kind.unwrap_or(EngineKind::Flat);
        let spec = IndexSpec::new(self.name, dimension).metric(metric).engine(params);
        Ok(Table { name: self.qualified, layout, engine, info: IndexInfo::new(spec, PROVIDER), types })
    }

    /// The dimension that the URI names, or else that of the first vector.
    async fn dimension(&self, client: &Client, of: &str, vector: &str) -> Result<usize> {
        if let Some(dimension) = self.told.dimension {
            return Ok(dimension);
        }
        let sql = format!("SELECT {of} FROM {} WHERE {vector} IS NOT NULL LIMIT 1", self.qualified);
        let first = client.rows(&sql, &Binds::default()).await?.first().map(|row| cell::<i32>(row, 0));
        let dimension = first.transpose()?.and_then(|n| n.try_into().ok());
        dimension.ok_or_else(|| {
            self.no_index("its vectors have no dimension, and it holds none to tell; name it with dimension")
        })
    }

    fn vector(&self) -> Result<&Column> {
        let candidates: Vec<&Column> = self.columns(|c| c.of == "vector").collect();
        self.choose(&candidates, self.told.vector_column.as_deref(), "vector")?.ok_or_else(|| {
            self.no_index(match candidates[..] {
                [] => self.lower_precision(),
                _ => "it has several columns of type vector; name one with vector_column".to_owned(),
            })
        })
    }

    /// Why it has no vectors.
    fn lower_precision(&self) -> String {
        let others = self.columns(|c| c.is_vector() || c.of == "bit");
        let others: Vec<String> = others.map(|c| format!("{:?} is of type {}", c.name, c.of)).collect();
        match others[..] {
            [] => "it has no column of type vector".to_owned(),
            _ => format!(
                "it has no column of type vector: {}, and vectors are read at full precision only",
                others.join(", ")
            ),
        }
    }

    fn id(&self) -> Result<(&Column, IdType)> {
        let named = self.told.id_column.as_ref();
        let fits = |c: &Column| named.map_or(c.primary, |name| c.unique && c.name == *name);
        let column = self.columns(fits).next().ok_or_else(|| match named {
            Some(name) => {
                self.no_index(format!("it has no column {name:?} with a unique index of this column alone"))
            }
            None => self.no_index("it has no primary key of one column; name a unique one with id_column"),
        })?;
        let of = match column.of.as_str() {
            "text" | "varchar" => IdType::Text,
            "uuid" => IdType::Uuid,
            "int2" | "int4" | "int8" => IdType::Integer,
            other => {
                let why = format!("its ids are of type {other}, and text, uuid and integers are known");
                return Err(self.no_index(why));
            }
        };
        Ok((column, of))
    }

    /// The column of metadata, where there is one, and all others as fields.
    fn layout(&self, vector: &Column) -> Result<Layout> {
        let (id, id_type) = self.id()?;
        let is_other = |c: &Column| c.name != vector.name && c.name != id.name && !c.is_vector();
        let mut fields: Vec<&Column> = self.columns(is_other).collect();
        let json: Vec<&Column> =
            fields.iter().copied().filter(|c| matches!(c.of.as_str(), "json" | "jsonb")).collect();
        let metadata = self.choose(&json, self.told.metadata_column.as_deref(), "jsonb or json")?;
        fields.retain(|c| metadata.is_none_or(|m| m.name != c.name));
        let written = metadata.map(|c| (identifier(&c.name), if c.of == "json" { "json" } else { "jsonb" }));
        let written = written.filter(|_| fields.is_empty() && self.described.kind == "r");
        Ok(Layout {
            id: identifier(&id.name),
            id_type,
            vector: identifier(&vector.name),
            compared: identifier(&vector.name),
            metadata: Metadata::of(metadata, &fields),
            written,
            ours: false,
        })
    }

    /// The metric and the vector index that fits it.
    fn search(&self, vector: &str) -> Result<(Metric, EngineParams)> {
        let fits =
            |i: &&VectorIndex| i.column == vector && self.told.metric.is_none_or(|m| metric_of(i) == Some(m));
        let index = self.described.indexes.iter().find(fits);
        let metric = self.told.metric.or_else(|| index.and_then(metric_of)).ok_or_else(|| {
            self.no_index(
                "it has no vector index that tells the metric; name it with metric=cosine or another",
            )
        })?;
        Ok((metric, index.map(engine_of).unwrap_or_default()))
    }

    fn columns(&self, which: impl Fn(&Column) -> bool) -> impl Iterator<Item = &Column> {
        self.described.columns.iter().filter(move |c| which(c))
    }

    /// The column of a name, or else the only one.
    fn choose<'c>(&self, columns: &[&'c Column], name: Option<&str>, of: &str) -> Result<Option<&'c Column>> {
        let Some(name) = name else { return Ok(columns.first().copied().filter(|_| columns.len() == 1)) };
        let named = columns.iter().copied().find(|c| c.name == name);
        named.map(Some).ok_or_else(|| {
            self.no_index(match self.columns(|c| c.name == name).next() {
                Some(other) => format!("its column {name:?} is of type {}, and must be {of}", other.of),
                None => format!("it has no column {name:?} of type {of}"),
            })
        })
    }

    fn no_index(&self, why: impl Display) -> Error {
        Error::unsupported(format!("the table {:?} is no index: {why}", self.name))
    }
}

fn metric_of(index: &VectorIndex) -> Option<Metric> {
    let of = |metric: &Metric| index.opclass == format!("vector_{}_ops", measure(*metric).1);
    Metric::ALL.into_iter().find(of)
}

fn engine_of(index: &VectorIndex) -> EngineParams {
    let option = |key: &str| {
        let mut options = index.options.iter().filter_map(|option| option.split_once('='));
        options.find(|(name, _)| *name == key).and_then(|(_, value)| value.parse().ok())
    };
    let hnsw = index.method == "hnsw";
    EngineParams {
        kind: Some(if hnsw { EngineKind::Hnsw } else { EngineKind::Ivf }),
        m: option("m"),
        ef_construction: option("ef_construction"),
        nlist: if hnsw { None } else { option("lists").or(Some(DEFAULT_LISTS)) },
    }
}
