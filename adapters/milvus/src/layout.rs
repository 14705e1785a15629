//! What a collection's fields are: those of the port, or those of another program.

use std::collections::BTreeMap;

use portolan_core::{
    EngineKind, EngineParams, Error, FieldType, IndexInfo, IndexSpec, Metric, Result, Scalar,
};
use prost::Message;
use serde::{Deserialize, Serialize};

use crate::PROVIDER;
use crate::error::rubbish;
use crate::proto::common::KeyValuePair;
use crate::proto::milvus::{CreateCollectionRequest, DescribeCollectionResponse, IndexDescription};
use crate::proto::schema::{CollectionSchema, DataType, FieldSchema};
use crate::server::Server;

/// The primary key of the port's collections.
pub(crate) const ID: &str = "id";
/// Their vector.
pub(crate) const VECTOR: &str = "vector";
/// Their metadata, as one JSON object.
pub(crate) const METADATA: &str = "metadata";
/// The field that the server parts their records by, where [`PARTITION_KEY`] is given.
pub(crate) const PARTITION: &str = "partition";
/// The dynamic field of other programs' collections.
pub(crate) const DYNAMIC: &str = "$meta";

/// The collection property that holds the spec.
const SPEC: &str = "portolan.spec";
const VERSION: u32 = 1;
const ID_BYTES: usize = 512;
const DEFAULT_M: u32 = 16;
const DEFAULT_EF_CONSTRUCTION: u32 = 200;
const DEFAULT_NLIST: u32 = 128;
const MAX_NLIST: u32 = 65_536;

/// The kinds of index that compare vectors as they are.
const WHOLE: [&str; 4] = ["FLAT", "BRUTE_FORCE", "HNSW", "IVF_FLAT"];

/// The keys of [`IndexSpec::options`].
pub(crate) const OPTIONS: &[&str] = &[PARTITION_KEY, PARTITIONS, "replicas", "shards"];
const PARTITION_KEY: &str = "partition_key";
const PARTITIONS: &str = "partitions";
const MAX_PARTITIONS: i64 = 1_024;
/// The longest text of [`PARTITION`].
const PARTITION_BYTES: usize = 256;
const MAX_SHARDS: i64 = 16;
const MAX_REPLICAS: i64 = 64;

/// The fields of a collection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// The primary key.
    pub(crate) id: String,
    /// Whether it is an integer.
    pub(crate) integer_ids: bool,
    /// The vector.
    pub(crate) vector: String,
    /// The length of vectors that is sent: where the server takes none as short as the spec's, a zero is added, which
    /// changes no distance.
    pub(crate) dimension: usize,
    /// How vectors are compared.
    pub(crate) metric: Metric,
    /// The vector index.
    pub(crate) engine: EngineKind,
    /// IVF: number of clusters.
    pub(crate) nlist: u32,
    /// Whether the index may compare compressed vectors, so that its scores are not theirs.
    pub(crate) compressed: bool,
    /// Where metadata is.
    pub(crate) metadata: Home,
    /// How the server parts the records.
    pub(crate) parted: Parted,
}

/// How the server parts the records, so that a search under an equality need not look at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parted {
    /// Not at all.
    No,
    /// By the value of this metadata key, which stands in [`PARTITION`] too.
    ByKey(String),
    /// By a field of another program's.
    ByField,
}

/// Where metadata is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Home {
    /// In the field `metadata`, as one JSON object.
    Object,
    /// In fields of their own, and where there is a dynamic field, all others there.
    Columns {
        /// The fields.
        columns: Vec<Column>,
        /// Whether there is a dynamic field.
        dynamic: bool,
    },
}

/// A field of another program's collection that is metadata.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) of: DataType,
    /// Of an array.
    pub(crate) element: DataType,
    /// Whether a record may lack it.
    pub(crate) optional: bool,
    /// The most bytes of a text.
    pub(crate) max_length: Option<usize>,
}

/// What is kept of an index beside its fields.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    spec: IndexSpec,
    created_at: String,
}

impl Layout {
    /// The fields of a collection that the port makes, with vectors of this length.
    pub(crate) fn of_spec(spec: &IndexSpec, dimension: usize) -> Self {
        Self {
            id: ID.to_owned(),
            integer_ids: false,
            vector: VECTOR.to_owned(),
            dimension,
            metric: spec.metric,
            engine: spec.engine.kind.unwrap_or(EngineKind::Hnsw),
            nlist: spec.engine.nlist.unwrap_or(DEFAULT_NLIST),
            compressed: false,
            metadata: Home::Object,
            parted: partition_key(spec).map_or(Parted::No, Parted::ByKey),
        }
    }

    /// The fields of a collection, and its spec.
    ///
    /// # Errors
    /// `Unsupported` where the port cannot hold it, saying why.
    pub(crate) fn read(
        name: &str,
        collection: &DescribeCollectionResponse,
        indexes: &[IndexDescription],
    ) -> Result<(Self, IndexInfo)> {
        let schema = collection.schema.as_ref().ok_or_else(|| rubbish("has no schema"))?;
        if let Some(kept) = kept(collection, schema)? {
            let info = IndexInfo::new(kept.spec, PROVIDER).created_at(Some(kept.created_at));
            let dimension = dimension(schema, VECTOR).unwrap_or(info.spec.dimension);
            return Ok((Self::of_spec(&info.spec, dimension), info));
        }
        foreign(name, schema, indexes)
    }

    /// Whether its spec must be found out from its indexes.
    pub(crate) fn is_foreign(collection: &DescribeCollectionResponse) -> bool {
        !collection.properties.iter().any(|property| property.key == SPEC)
    }

    /// The fields that hold metadata.
    pub(crate) fn metadata_fields(&self) -> Vec<String> {
        match &self.metadata {
            Home::Object => vec![METADATA.to_owned()],
            Home::Columns { columns, dynamic } => {
                let own = columns.iter().map(|column| column.name.clone());
                own.chain(dynamic.then(|| DYNAMIC.to_owned())).collect()
            }
        }
    }
}

/// Checks what the server would refuse after the collection exists.
///
/// # Errors
/// `InvalidArgument` naming field, value and range; `Unsupported` for a partition key where the server would lose records.
pub(crate) fn check(server: Server, spec: &IndexSpec) -> Result<()> {
    if let Some(nlist) = spec.engine.nlist.filter(|n| *n > MAX_NLIST) {
        return Err(Error::out_of_range("nlist", nlist, 1, MAX_NLIST));
    }
    option(spec, "shards", MAX_SHARDS)?;
    option(spec, "replicas", MAX_REPLICAS)?;
    let partitions = option(spec, PARTITIONS, MAX_PARTITIONS)?;
    match spec.options.get(PARTITION_KEY) {
        None if partitions.is_some() => {
            Err(Error::invalid(format!("the option {PARTITIONS} is of use only with {PARTITION_KEY}")))
        }
        None => Ok(()),
        Some(Scalar::String(key)) => match spec.fields.get(key) {
            Some(FieldType::String | FieldType::Integer) if server.parts_upserts() => Ok(()),
            Some(FieldType::String | FieldType::Integer) => Err(misplaces()),
            _ => Err(Error::invalid(format!(
                "the option {PARTITION_KEY} names {key:?}, and must name a field that is declared string or integer"
            ))),
        },
        Some(other) => Err(Error::invalid(format!(
            "the option {PARTITION_KEY} is {other}, and must be the name of a declared field"
        ))),
    }
}

/// That a server puts records into wrong partitions.
pub(crate) fn misplaces() -> Error {
    Error::unsupported(
        "before 2.4 Milvus puts upserted records into wrong partitions, where searches under the partition key miss \
         them; leave the partition key out, or use a newer Milvus",
    )
}

/// What [`PARTITION`] holds for a value, or for an operand that may equal it. What has no partition of its own, a list for
/// one, is in that of the empty text.
pub(crate) fn partition(value: &Scalar) -> String {
    match value {
        Scalar::String(text) if text.len() <= PARTITION_BYTES => text.clone(),
        Scalar::Integer(i) => i.to_string(),
        // An integer may equal it.
        Scalar::Float(x) => (*x as i64).to_string(),
        Scalar::String(_) | Scalar::Bool(_) => String::new(),
    }
}

fn partition_key(spec: &IndexSpec) -> Option<String> {
    spec.options.get(PARTITION_KEY).and_then(Scalar::as_str).map(str::to_owned)
}

/// How many replicas of the collection are loaded.
pub(crate) fn replicas(spec: &IndexSpec) -> i32 {
    option(spec, "replicas", MAX_REPLICAS).ok().flatten().unwrap_or(1)
}

/// What creates the collection.
pub(crate) fn collection(
    name: &str,
    database: String,
    spec: &IndexSpec,
    dimension: usize,
) -> Result<CreateCollectionRequest> {
    let kept = Kept { version: VERSION, spec: spec.clone(), created_at: portolan_core::time::now() };
    let value = serde_json::to_string(&kept)
        .map_err(|e| Error::invalid(format!("the spec cannot be written as JSON: {e}")))?;
    let mut fields = vec![
        FieldSchema {
            is_primary_key: true,
            type_params: pairs([("max_length", ID_BYTES.to_string())]),
            ..field(ID, DataType::VarChar)
        },
        FieldSchema {
            type_params: pairs([("dim", dimension.to_string())]),
            ..field(VECTOR, DataType::FloatVector)
        },
        field(METADATA, DataType::Json),
    ];
    let parted = partition_key(spec).is_some();
    if parted {
        fields.push(FieldSchema {
            is_partition_key: true,
            type_params: pairs([("max_length", PARTITION_BYTES.to_string())]),
            ..field(PARTITION, DataType::VarChar)
        });
    }
    // Of two that create the same collection at once, the server takes equal requests for one: none is equal.
    let description = format!("An index of Portolan, made at {} ({})", kept.created_at, uuid::Uuid::new_v4());
    let schema =
        CollectionSchema { name: name.to_owned(), description, fields, ..CollectionSchema::default() };
    Ok(CreateCollectionRequest {
        db_name: database,
        collection_name: name.to_owned(),
        schema: schema.encode_to_vec(),
        shards_num: option(spec, "shards", MAX_SHARDS)?.unwrap_or(1),
        num_partitions: option(spec, PARTITIONS, MAX_PARTITIONS)?.unwrap_or_default().into(),
        properties: pairs([(SPEC, value)]),
        ..CreateCollectionRequest::default()
    })
}

/// What creates its vector index.
pub(crate) fn index_params(spec: &IndexSpec) -> Vec<KeyValuePair> {
    let engine = &spec.engine;
    let (kind, params) = match engine.kind.unwrap_or(EngineKind::Hnsw) {
        EngineKind::Flat => ("FLAT", serde_json::json!({})),
        EngineKind::Hnsw => (
            "HNSW",
            serde_json::json!({
                "M": engine.m.unwrap_or(DEFAULT_M),
                "efConstruction": engine.ef_construction.unwrap_or(DEFAULT_EF_CONSTRUCTION),
            }),
        ),
        EngineKind::Ivf => {
            ("IVF_FLAT", serde_json::json!({ "nlist": engine.nlist.unwrap_or(DEFAULT_NLIST) }))
        }
    };
    pairs([
        ("index_type", kind.to_owned()),
        ("metric_type", metric_name(spec.metric).to_owned()),
        ("params", params.to_string()),
    ])
}

/// The server's name of a metric; of L1 it has none, and no index with it is made.
pub(crate) fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Cosine => "COSINE",
        Metric::DotProduct => "IP",
        Metric::Euclidean | Metric::Manhattan => "L2",
    }
}

/// Key and value pairs, as requests carry them.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, String); N]) -> Vec<KeyValuePair> {
    pairs.into_iter().map(|(key, value)| KeyValuePair { key: key.to_owned(), value }).collect()
}

fn field(name: &str, of: DataType) -> FieldSchema {
    FieldSchema { name: name.to_owned(), data_type: of.into(), ..FieldSchema::default() }
}

fn option(spec: &IndexSpec, key: &'static str, most: i64) -> Result<Option<i32>> {
    let Some(value) = spec.options.get(key) else { return Ok(None) };
    let number = match value {
        Scalar::Integer(n) => *n,
        other => return Err(Error::invalid(format!("the option {key} is {other}, and must be an integer"))),
    };
    match i32::try_from(number) {
        Ok(n) if (1..=most).contains(&number) => Ok(Some(n)),
        _ => Err(Error::out_of_range(key, number, 1, most)),
    }
}

/// The spec that the port has kept, where the fields are still those of the port.
fn kept(collection: &DescribeCollectionResponse, schema: &CollectionSchema) -> Result<Option<Kept>> {
    let Some(property) = collection.properties.iter().find(|property| property.key == SPEC) else {
        return Ok(None);
    };
    let has = |name: &str, of: DataType| schema.fields.iter().any(|f| f.name == name && f.data_type() == of);
    if !(has(ID, DataType::VarChar) && has(VECTOR, DataType::FloatVector) && has(METADATA, DataType::Json)) {
        return Ok(None);
    }
    let corrupt = |why: String| {
        let message = format!(
            "the collection's property {SPEC} is damaged ({why}); restore it, or make the index anew"
        );
        Error::new(portolan_core::ErrorKind::Corrupt, message)
    };
    let kept: Kept = serde_json::from_str(&property.value).map_err(|e| corrupt(e.to_string()))?;
    if kept.version != VERSION {
        return Err(corrupt(format!("its version is {}, and this program reads {VERSION}", kept.version)));
    }
    Ok(Some(kept))
}

/// The fields of a collection that another program made.
fn foreign(
    name: &str,
    schema: &CollectionSchema,
    indexes: &[IndexDescription],
) -> Result<(Layout, IndexInfo)> {
    let refuse = |why: String| Error::unsupported(format!("the collection {name:?} cannot be opened: {why}"));
    let vectors: Vec<&FieldSchema> = schema.fields.iter().filter(|f| is_vector(f)).collect();
    let vector = match vectors.as_slice() {
        [one] if one.data_type() == DataType::FloatVector => *one,
        [one] => {
            return Err(refuse(format!(
                "its vectors are {}, not FloatVector",
                one.data_type().as_str_name()
            )));
        }
        many => return Err(refuse(format!("it has {} vector fields, not one", many.len()))),
    };
    let id = schema
        .fields
        .iter()
        .find(|f| f.is_primary_key)
        .ok_or_else(|| refuse("it has no primary key".into()))?;
    let dimension =
        dimension(schema, &vector.name).ok_or_else(|| refuse("its dimension is not known".into()))?;
    let index = indexes.iter().find(|index| index.field_name == vector.name).ok_or_else(|| {
        refuse("its vector field has no index, so that its metric is not known; create one".into())
    })?;
    let metric = match param(&index.params, "metric_type").unwrap_or_default() {
        "COSINE" => Metric::Cosine,
        "IP" => Metric::DotProduct,
        "L2" => Metric::Euclidean,
        other => return Err(refuse(format!("its metric {other:?} is not one of COSINE, IP and L2"))),
    };
    let engine = engine(index);
    let columns: Vec<Column> = schema
        .fields
        .iter()
        .filter(|f| !f.is_primary_key && !is_vector(f) && !f.is_dynamic)
        .map(|f| Column {
            name: f.name.clone(),
            of: f.data_type(),
            element: f.element_type(),
            optional: f.nullable || f.default_value.is_some(),
            max_length: param(&f.type_params, "max_length").and_then(|n| n.parse().ok()),
        })
        .collect();
    let mut spec = IndexSpec::new(name, dimension).metric(metric).engine(engine.clone());
    spec.fields = declared(&columns);
    let layout = Layout {
        id: id.name.clone(),
        integer_ids: id.data_type() == DataType::Int64,
        vector: vector.name.clone(),
        dimension,
        metric,
        engine: engine.kind.unwrap_or(EngineKind::Hnsw),
        nlist: engine.nlist.unwrap_or(DEFAULT_NLIST),
        compressed: !WHOLE.contains(&param(&index.params, "index_type").unwrap_or_default()),
        metadata: Home::Columns { columns, dynamic: schema.enable_dynamic_field },
        parted: if schema.fields.iter().any(|f| f.is_partition_key) { Parted::ByField } else { Parted::No },
    };
    Ok((layout, IndexInfo::new(spec, PROVIDER)))
}

fn engine(index: &IndexDescription) -> EngineParams {
    // Some servers show parameters one by one, others as one JSON text.
    let inner: BTreeMap<String, serde_json::Value> =
        param(&index.params, "params").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let number = |key: &str| {
        let single = param(&index.params, key).and_then(|n| n.parse().ok());
        single.or_else(|| u32::try_from(inner.get(key)?.as_u64()?).ok())
    };
    let kind = match param(&index.params, "index_type").unwrap_or_default() {
        "FLAT" | "BRUTE_FORCE" => Some(EngineKind::Flat),
        "HNSW" => Some(EngineKind::Hnsw),
        kind if kind.starts_with("IVF") => Some(EngineKind::Ivf),
        _ => None,
    };
    EngineParams { kind, m: number("M"), ef_construction: number("efConstruction"), nlist: number("nlist") }
}

fn declared(columns: &[Column]) -> BTreeMap<String, FieldType> {
    let typed = |of: DataType| match of {
        DataType::Bool => Some(FieldType::Bool),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Some(FieldType::Integer),
        DataType::Float | DataType::Double => Some(FieldType::Float),
        DataType::VarChar | DataType::String => Some(FieldType::String),
        _ => None,
    };
    columns
        .iter()
        .filter_map(|c| {
            Some((c.name.clone(), typed(if c.of == DataType::Array { c.element } else { c.of })?))
        })
        .collect()
}

fn dimension(schema: &CollectionSchema, vector: &str) -> Option<usize> {
    let field = schema.fields.iter().find(|field| field.name == vector)?;
    param(&field.type_params, "dim")?.parse().ok()
}

fn param<'a>(params: &'a [KeyValuePair], key: &str) -> Option<&'a str> {
    params.iter().find(|pair| pair.key == key).map(|pair| pair.value.as_str())
}

/// Also one of a type that is newer than this program.
fn is_vector(field: &FieldSchema) -> bool {
    field.data_type >= DataType::BinaryVector as i32
}

#[cfg(test)]
mod tests;
