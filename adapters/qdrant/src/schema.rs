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
    self as q, CollectionInfo, CreateCollection, CreateFieldIndexCollection, Distance, HnswConfigDiff,
    PayloadSchemaType, VectorParams, VectorParamsMap, VectorsConfig, vectors_config,
};
use serde_json::Value as Json;

use crate::config::PROVIDER;
use crate::options::quantization;
use crate::path::{key_of, path};
use crate::{convert, foreign};

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
    let number = |key| spec.option_integer(key, 1..=u32::MAX);
    let params = VectorParams {
        size: spec.dimension as u64,
        distance: distance_of(spec.metric).into(),
        on_disk: spec.option_bool("on_disk")?,
        ..VectorParams::default()
    };
    let config = match spec.option_text("vector")? {
        None => vectors_config::Config::Params(params),
        Some(name) => vectors_config::Config::ParamsMap(VectorParamsMap {
            map: HashMap::from([(name.to_owned(), params)]),
        }),
    };
    Ok(CreateCollection {
        collection_name: new.name.to_owned(),
        vectors_config: Some(VectorsConfig { config: Some(config) }),
        hnsw_config: hnsw(&spec.engine)?,
        quantization_config: quantization(spec)?,
        shard_number: number("shard_number")?,
        replication_factor: number("replication_factor")?,
        write_consistency_factor: number("write_consistency_factor")?,
        on_disk_payload: spec.option_bool("on_disk_payload")?,
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
    let (vector, native) = foreign::vector_of(name, params)?;
    let metric = foreign::metric_of(name, native.distance())?;
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
        spec.fields = foreign::fields(&layout.indexes);
        spec.engine = foreign::engine(hnsw);
        spec.options = foreign::options(params, config, &layout.vector);
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
    let kept_in = format!("the metadata {RESERVED_PREFIX:?} of the collection {name:?}");
    Ok(SpecRecord::read(&kept_in, json.as_str())?.spec)
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

fn distance_of(metric: Metric) -> Distance {
    match metric {
        Metric::Cosine => Distance::Cosine,
        Metric::DotProduct => Distance::Dot,
        Metric::Euclidean => Distance::Euclid,
        Metric::Manhattan => Distance::Manhattan,
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

#[cfg(test)]
mod tests;
