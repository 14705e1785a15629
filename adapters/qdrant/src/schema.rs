//! Collections: how one is created from a spec, and what spec one has.
//!
//! The spec lies as JSON text in the collection's metadata. A collection without it was made by another program: its spec is
//! what Qdrant knows of it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use portolan_core::driver::kit::SpecRecord;
use portolan_core::driver::{NewIndex, OVERFLOW_KEYS};
use portolan_core::validate::RESERVED_PREFIX;
use portolan_core::{
    EngineKind, EngineParams, Error, ErrorKind, FieldType, IndexInfo, IndexSpec, Metric, Result, time,
};
use qdrant_client::qdrant::{
    self as q, CollectionInfo, CollectionParams, CreateCollection, CreateFieldIndexCollection, Datatype,
    Distance, HnswConfigDiff, PayloadSchemaType, VectorParams, VectorParamsMap, VectorsConfig,
    vectors_config,
};
use serde_json::Value as Json;

use crate::PROVIDER;
use crate::convert;
use crate::lower::{key_of, path};
use crate::options::{self, Options};

/// How many seconds the server itself may take to create or delete a collection.
pub(crate) const SERVER_BOUND: u64 = 300;

/// What a driver must know of a collection beside its spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The name of the vector; empty for the unnamed one.
    pub(crate) vector: String,
    /// Whether Portolan made the collection, so that payloads are as it writes them.
    pub(crate) ours: bool,
    /// Whether every search reads all candidates.
    pub(crate) flat: bool,
    /// Whether a batch is parted, so that a refusal may be that of one part.
    pub(crate) sharded: bool,
    /// The payload indexes by key.
    pub(crate) indexes: BTreeMap<String, PayloadSchemaType>,
}

impl Default for Layout {
    fn default() -> Self {
        Self { vector: String::new(), ours: true, flat: false, sharded: false, indexes: BTreeMap::new() }
    }
}

/// The request that creates a collection.
#[allow(deprecated, reason = "the fields that replace these are unknown to Qdrant 1.18")]
pub(crate) fn creation(new: NewIndex<'_>) -> Result<CreateCollection> {
    let spec = new.spec;
    let options = Options::of(spec)?;
    let params = VectorParams {
        size: spec.dimension as u64,
        distance: distance_of(spec.metric).into(),
        on_disk: options.on_disk,
        ..VectorParams::default()
    };
    let config = match &options.vector {
        None => vectors_config::Config::Params(params),
        Some(name) => vectors_config::Config::ParamsMap(VectorParamsMap {
            map: HashMap::from([(name.clone(), params)]),
        }),
    };
    Ok(CreateCollection {
        collection_name: new.name.to_owned(),
        vectors_config: Some(VectorsConfig { config: Some(config) }),
        hnsw_config: hnsw(&spec.engine)?,
        quantization_config: options.quantization(),
        shard_number: options.shard_number,
        replication_factor: options.replication_factor,
        write_consistency_factor: options.write_consistency_factor,
        on_disk_payload: options.on_disk_payload,
        metadata: HashMap::from([(RESERVED_PREFIX.to_owned(), stored(spec)?)]),
        timeout: Some(SERVER_BOUND),
        ..CreateCollection::default()
    })
}

/// The requests that create the payload indexes: of the declared fields, and of the keys of the overflow.
pub(crate) fn field_indexes(new: NewIndex<'_>) -> impl Iterator<Item = CreateFieldIndexCollection> {
    let overflow = (OVERFLOW_KEYS.to_owned(), q::FieldType::Keyword);
    let declared = new.spec.fields.iter().filter_map(|(key, of)| Some((path(key)?, field_type(*of))));
    let name = new.name.to_owned();
    declared.chain([overflow]).map(move |(field_name, of)| CreateFieldIndexCollection {
        collection_name: name.clone(),
        wait: Some(true),
        field_name,
        field_type: Some(of.into()),
        ..CreateFieldIndexCollection::default()
    })
}

/// The spec of a collection, and how it lies.
///
/// # Errors
/// `Unsupported` where the port cannot hold it; `Corrupt` for metadata that is damaged.
pub(crate) fn describe(name: &str, info: &CollectionInfo) -> Result<(IndexInfo, Layout)> {
    let config = info.config.as_ref();
    let params = config.and_then(|c| c.params.as_ref()).ok_or_else(|| no_config(name))?;
    let (vector, native) = vector_of(name, params)?;
    let metric = metric_of(name, native.distance())?;
    let hnsw = config.and_then(|c| c.hnsw_config.as_ref());
    let mut layout = Layout {
        vector,
        ours: false,
        flat: hnsw.is_some_and(|h| h.m == Some(0)),
        sharded: params.shard_number > 1,
        indexes: info
            .payload_schema
            .iter()
            .filter_map(|(path, schema)| Some((key_of(path)?.to_owned(), schema.data_type())))
            .collect(),
    };
    let metadata = config.and_then(|c| c.metadata.get(RESERVED_PREFIX));
    let Some(mut spec) = metadata.map(|text| read(name, text)).transpose()? else {
        let mut spec = IndexSpec::new(name, native.size as usize).metric(metric);
        spec.fields =
            layout.indexes.iter().filter_map(|(key, of)| Some((key.clone(), declared(*of)?))).collect();
        spec.engine = engine(hnsw);
        spec.options = options::known(params, config, &layout.vector);
        return Ok((IndexInfo::new(spec, PROVIDER).created_at(created_at(info)), layout));
    };
    layout.ours = true;
    spec.dimension = native.size as usize;
    spec.metric = metric;
    Ok((IndexInfo::new(spec, PROVIDER).created_at(created_at(info)), layout))
}

/// When a collection was created, which later servers than 1.18 tell.
fn created_at(info: &CollectionInfo) -> Option<String> {
    let created = info.created_at.as_ref()?;
    Timestamp::new(created.seconds, created.nanos).ok().map(time::format)
}

fn stored(spec: &IndexSpec) -> Result<q::Value> {
    let record = SpecRecord { spec: spec.clone(), created_at: None };
    Ok(convert::native(Json::from(record.to_json("v")?)))
}

fn read(name: &str, text: &q::Value) -> Result<IndexSpec> {
    let json = convert::json(text.clone());
    let place = format!("the metadata {RESERVED_PREFIX:?} of the collection {name:?}");
    Ok(SpecRecord::read(&place, json.as_str())?.spec)
}

/// The one dense vector of a collection, and its name.
fn vector_of(name: &str, params: &CollectionParams) -> Result<(String, VectorParams)> {
    let refuse = |why: &str| Error::unsupported(format!("the collection {name:?} {why}"));
    let sparse = params.sparse_vectors_config.as_ref().is_some_and(|config| !config.map.is_empty());
    let (vector, native) = match params.vectors_config.as_ref().and_then(|config| config.config.as_ref()) {
        Some(vectors_config::Config::Params(params)) => (String::new(), *params),
        Some(vectors_config::Config::ParamsMap(named)) => {
            let mut vectors = named.map.iter();
            match (vectors.next(), vectors.next()) {
                (Some((vector, params)), None) => (vector.clone(), *params),
                (None, _) => return Err(refuse("has no dense vector, and an index has one")),
                (Some(_), Some(_)) => {
                    let mut names: Vec<&str> = named.map.keys().map(String::as_str).collect();
                    names.sort_unstable();
                    let names = names.join(", ");
                    return Err(refuse(&format!("has several vectors ({names}), and an index has one")));
                }
            }
        }
        None => return Err(refuse("has no dense vector, and an index has one")),
    };
    if sparse {
        return Err(refuse("has sparse vectors too, which a write through the port would remove"));
    }
    if native.multivector_config.is_some() {
        return Err(refuse("has several vectors a point, and an index has one"));
    }
    if !matches!(native.datatype(), Datatype::Default | Datatype::Float32) {
        return Err(refuse(&format!(
            "keeps vectors as {}, and an index as float32",
            native.datatype().as_str_name()
        )));
    }
    Ok((vector, native))
}

fn no_config(name: &str) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!("Qdrant has answered the collection {name:?} without its parameters"),
    )
}

fn hnsw(engine: &EngineParams) -> Result<Option<HnswConfigDiff>> {
    let m = match engine.kind {
        Some(EngineKind::Ivf) => {
            return Err(Error::unsupported("Qdrant has no index of clusters (ivf); use hnsw or flat"));
        }
        Some(EngineKind::Flat) => Some(0),
        Some(EngineKind::Hnsw) | None => engine.m.map(u64::from),
    };
    let ef_construct = engine.ef_construction.map(u64::from);
    let any = m.is_some() || ef_construct.is_some();
    Ok(any.then(|| HnswConfigDiff { m, ef_construct, ..HnswConfigDiff::default() }))
}

fn engine(hnsw: Option<&HnswConfigDiff>) -> EngineParams {
    let Some(hnsw) = hnsw else { return EngineParams::default() };
    let number = |n: Option<u64>| n.and_then(|n| u32::try_from(n).ok());
    if hnsw.m == Some(0) {
        return EngineParams { kind: Some(EngineKind::Flat), ..EngineParams::default() };
    }
    EngineParams {
        kind: Some(EngineKind::Hnsw),
        m: number(hnsw.m),
        ef_construction: number(hnsw.ef_construct),
        nlist: None,
    }
}

fn distance_of(metric: Metric) -> Distance {
    match metric {
        Metric::Cosine => Distance::Cosine,
        Metric::DotProduct => Distance::Dot,
        Metric::Euclidean => Distance::Euclid,
        Metric::Manhattan => Distance::Manhattan,
    }
}

fn metric_of(name: &str, distance: Distance) -> Result<Metric> {
    match distance {
        Distance::Cosine => Ok(Metric::Cosine),
        Distance::Dot => Ok(Metric::DotProduct),
        Distance::Euclid => Ok(Metric::Euclidean),
        Distance::Manhattan => Ok(Metric::Manhattan),
        Distance::UnknownDistance => {
            Err(Error::unsupported(format!("the collection {name:?} has a distance that is not known here")))
        }
    }
}

fn field_type(of: FieldType) -> q::FieldType {
    match of {
        FieldType::Bool => q::FieldType::Bool,
        FieldType::Integer => q::FieldType::Integer,
        FieldType::Float => q::FieldType::Float,
        FieldType::String => q::FieldType::Keyword,
    }
}

/// The type that a payload index declares; those of texts, places and times declare none of the port's.
fn declared(of: PayloadSchemaType) -> Option<FieldType> {
    match of {
        PayloadSchemaType::Keyword => Some(FieldType::String),
        PayloadSchemaType::Integer => Some(FieldType::Integer),
        PayloadSchemaType::Float => Some(FieldType::Float),
        PayloadSchemaType::Bool => Some(FieldType::Bool),
        PayloadSchemaType::UnknownType
        | PayloadSchemaType::Geo
        | PayloadSchemaType::Text
        | PayloadSchemaType::Datetime
        | PayloadSchemaType::Uuid => None,
    }
}

#[cfg(test)]
mod tests;
