//! What a collection's fields are, and what the port makes of them.

use portolan_core::driver::kit::{SpecRecord, in_range};
use portolan_core::driver::{self, Opened};
use portolan_core::{EngineKind, Error, FieldType, IndexSpec, Metric, Result, Scalar};
use prost::Message;
use serde_json::json;

use crate::columns::{Columns, METADATA};
use crate::config::PROVIDER;
use crate::proto::common::KeyValuePair;
use crate::proto::milvus::{CreateCollectionRequest, DescribeCollectionResponse};
use crate::proto::schema::{CollectionSchema, DataType, FieldSchema};
use crate::proto::{pairs, param};
use crate::server::Server;

/// The primary key of the port's collections.
const ID: &str = "id";
/// Their vector.
pub(crate) const VECTOR: &str = "vector";
/// The field that the server parts their records by, where [`PARTITION_KEY`] is given.
pub(crate) const PARTITION: &str = "partition";

/// The fields that each of them has.
const FIELDS: [(&str, DataType); 3] =
    [(ID, DataType::VarChar), (VECTOR, DataType::FloatVector), (METADATA, DataType::Json)];

/// The metrics, and the server's names of them.
pub(crate) const METRICS: [(Metric, &str); 3] =
    [(Metric::Cosine, "COSINE"), (Metric::DotProduct, "IP"), (Metric::Euclidean, "L2")];

/// The collection property that holds the spec.
const SPEC: &str = "portolan.spec";
const ID_BYTES: usize = 512;
const DEFAULT_M: u32 = 16;
const DEFAULT_EF_CONSTRUCTION: u32 = 200;
const DEFAULT_NLIST: u32 = 128;
const MAX_NLIST: u32 = 65_536;

/// The keys of [`IndexSpec::options`].
pub(crate) const OPTIONS: &[&str] = &[PARTITION_KEY, PARTITIONS, "replicas", "shards"];
const PARTITION_KEY: &str = "partition_key";
const PARTITIONS: &str = "partitions";
/// The longest text of [`PARTITION`].
const PARTITION_BYTES: usize = 256;

/// A collection, as the engine hands it back.
pub(crate) type Target<'a> = driver::Target<'a, Layout>;

/// The fields of a collection, and the server that holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    pub(crate) server: Server,
    /// The primary key.
    pub(crate) id: String,
    /// Whether it is an integer.
    pub(crate) integer_ids: bool,
    /// The vector.
    pub(crate) vector: String,
    /// The metadata.
    pub(crate) columns: Columns,
    /// Whether the server parts the records by one of the fields: that of another program's, or else [`PARTITION`].
    pub(crate) parted: bool,
}

impl Layout {
    /// The fields of a collection that the port makes.
    pub(crate) fn of_spec(server: Server, spec: &IndexSpec) -> Self {
        Self {
            server,
            id: ID.to_owned(),
            integer_ids: false,
            vector: VECTOR.to_owned(),
            columns: Columns { typed: Vec::new(), object: Some(METADATA) },
            parted: partition_key(spec).is_some(),
        }
    }

    /// A collection that the port has made; `None` for one of another program, or whose fields were changed since.
    ///
    /// # Errors
    /// `Corrupt` for a spec that cannot be read.
    pub(crate) fn kept(
        server: Server,
        collection: &DescribeCollectionResponse,
    ) -> Result<Option<Opened<Self>>> {
        let (Some(schema), Some(spec)) = (&collection.schema, param(&collection.properties, SPEC)) else {
            return Ok(None);
        };
        let has = |(name, of)| schema.fields.iter().any(|f| f.name == name && f.data_type() == of);
        if !FIELDS.into_iter().all(has) {
            return Ok(None);
        }
        let info =
            SpecRecord::read("the collection's property portolan.spec", Some(spec))?.into_info(PROVIDER);
        let layout = Self::of_spec(server, &info.spec);
        Ok(Some(Opened::new(info, layout)))
    }
}

/// The key of the metadata by whose value the server parts the records; it is in [`PARTITION`] too.
pub(crate) fn partition_key(spec: &IndexSpec) -> Option<&str> {
    spec.options.get(PARTITION_KEY).and_then(Scalar::as_str)
}

/// What [`PARTITION`] holds for a value, or for an operand that may equal it. Values without a partition, such as lists, are
/// in that of the empty text.
pub(crate) fn partition(value: &Scalar) -> String {
    match value {
        Scalar::String(text) if text.len() <= PARTITION_BYTES => text.clone(),
        Scalar::Integer(i) => i.to_string(),
        // An integer may equal it.
        Scalar::Float(x) => (*x as i64).to_string(),
        Scalar::String(_) | Scalar::Bool(_) => String::new(),
    }
}

/// How many replicas of the collection are loaded.
pub(crate) fn replicas(spec: &IndexSpec) -> Result<i32> {
    Ok(spec.option_integer("replicas", 1..=64)?.unwrap_or(1))
}

/// What creates the collection.
///
/// # Errors
/// `InvalidArgument` naming field, value and range; `Unsupported` for a partition key where the server would lose records.
pub(crate) fn collection(target: Target<'_>, database: &str) -> Result<CreateCollectionRequest> {
    let Target { name, spec, index: Layout { server, .. }, .. } = target;
    in_range("nlist", spec.engine.nlist, 1..=MAX_NLIST)?;
    replicas(spec)?;
    let text = |name, bytes: usize| FieldSchema {
        type_params: pairs([("max_length", bytes.to_string())]),
        ..field(name, DataType::VarChar)
    };
    let vector = FieldSchema {
        type_params: pairs([("dim", server.dimension(spec).to_string())]),
        ..field(VECTOR, DataType::FloatVector)
    };
    let id = FieldSchema { is_primary_key: true, ..text(ID, ID_BYTES) };
    let mut fields = vec![id, vector, field(METADATA, DataType::Json)];
    let partitions = spec.option_integer(PARTITIONS, 1..=1_024)?;
    if let Some(key) = spec.option_text(PARTITION_KEY)? {
        if !matches!(spec.fields.get(key), Some(FieldType::String | FieldType::Integer)) {
            return Err(Error::invalid(format!(
                "the option {PARTITION_KEY} names {key:?}, and must name a field that is declared string or integer"
            )));
        }
        server.check_partitions()?;
        fields.push(FieldSchema { is_partition_key: true, ..text(PARTITION, PARTITION_BYTES) });
    } else if partitions.is_some() {
        return Err(Error::invalid(format!("the option {PARTITIONS} is of use only with {PARTITION_KEY}")));
    }
    // The server takes equal requests to create a collection, sent at once, for one: no two are equal.
    let description = format!("An index of Portolan ({})", uuid::Uuid::new_v4());
    let schema =
        CollectionSchema { name: name.to_owned(), description, fields, ..CollectionSchema::default() };
    Ok(CreateCollectionRequest {
        db_name: database.to_owned(),
        collection_name: name.to_owned(),
        schema: schema.encode_to_vec(),
        shards_num: spec.option_integer("shards", 1..=16)?.unwrap_or(1),
        num_partitions: partitions.unwrap_or_default(),
        properties: pairs([(SPEC, SpecRecord::now(spec).to_json("version")?)]),
        ..CreateCollectionRequest::default()
    })
}

/// What creates its vector index.
pub(crate) fn index_params(spec: &IndexSpec) -> Vec<KeyValuePair> {
    let (index_type, params) = match engine_kind(spec) {
        EngineKind::Flat => ("FLAT", json!({})),
        EngineKind::Hnsw => {
            let m = spec.engine.m.unwrap_or(DEFAULT_M);
            let ef = spec.engine.ef_construction.unwrap_or(DEFAULT_EF_CONSTRUCTION);
            ("HNSW", json!({ "M": m, "efConstruction": ef }))
        }
        EngineKind::Ivf => ("IVF_FLAT", json!({ "nlist": nlist(spec) })),
    };
    pairs([
        ("index_type", index_type.to_owned()),
        ("metric_type", metric_name(spec.metric).to_owned()),
        ("params", params.to_string()),
    ])
}

/// The kind of the vector index.
pub(crate) fn engine_kind(spec: &IndexSpec) -> EngineKind {
    spec.engine.kind.unwrap_or(EngineKind::Hnsw)
}

/// IVF: number of clusters.
pub(crate) fn nlist(spec: &IndexSpec) -> u32 {
    spec.engine.nlist.unwrap_or(DEFAULT_NLIST)
}

/// The server's name of a metric; of L1 it has none, and no index with it is made.
pub(crate) fn metric_name(metric: Metric) -> &'static str {
    METRICS.into_iter().find(|(known, _)| *known == metric).map_or("L1", |(_, name)| name)
}

fn field(name: &str, of: DataType) -> FieldSchema {
    FieldSchema { name: name.to_owned(), data_type: of.into(), ..FieldSchema::default() }
}

#[cfg(test)]
mod tests;
