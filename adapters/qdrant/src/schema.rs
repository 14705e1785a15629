//! Collections: how one is created from a spec, and what spec one has.
//!
//! The spec lies as JSON text in the collection's metadata. A collection without it was made by another program: its spec is
//! what Qdrant knows of it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use portolan_core::driver::kit::SpecRecord;
use portolan_core::driver::{NewIndex, OVERFLOW_KEYS};
use portolan_core::validate::RESERVED_PREFIX;
use portolan_core::{EngineKind, EngineParams, Error, FieldType, IndexInfo, IndexSpec, Result, time};
use qdrant_client::qdrant::{
    self as q, CollectionInfo, CreateCollection, CreateFieldIndexCollection, HnswConfigDiff,
    PayloadSchemaType, VectorParams, VectorParamsMap, VectorsConfig, vectors_config,
};

use crate::client::without;
use crate::config::PROVIDER;
use crate::convert::distance_of;
use crate::foreign;
use crate::options::quantization;
use crate::path::{key_of, path};

/// How many seconds the server itself may take to create or delete a collection.
pub(crate) const SERVER_BOUND: u64 = 300;

/// What a driver must know of a collection beside its spec.
#[derive(Debug, Clone, PartialEq, Default)]
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

/// The request that creates a collection.
#[allow(deprecated, reason = "the fields that replace these are unknown to Qdrant 1.18")]
pub(crate) fn creation(new: NewIndex<'_>) -> Result<CreateCollection> {
    let spec = new.spec;
    let record = SpecRecord { spec: spec.clone(), created_at: None }.to_json("v")?;
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
        metadata: HashMap::from([(RESERVED_PREFIX.to_owned(), record.into())]),
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
    let params =
        config.and_then(|c| c.params.as_ref()).ok_or_else(|| without("the parameters of the collection"))?;
    let (vector, native) = foreign::vector_of(name, params)?;
    let engine = foreign::engine(config.and_then(|c| c.hnsw_config.as_ref()));
    let indexes = info.payload_schema.iter();
    let indexes = indexes.filter_map(|(path, of)| Some((key_of(path)?.to_owned(), of.data_type())));
    let record = config.and_then(|c| c.metadata.get(RESERVED_PREFIX));
    let layout = Layout {
        vector,
        ours: record.is_some(),
        flat: engine.kind == Some(EngineKind::Flat),
        sharded: params.shard_number > 1,
        indexes: indexes.collect(),
    };
    let mut spec = match record {
        Some(text) => {
            let kept_in = format!("the metadata {RESERVED_PREFIX:?} of the collection {name:?}");
            SpecRecord::read(&kept_in, text.as_str().map(String::as_str))?.spec
        }
        None => {
            let mut spec = IndexSpec::new(name, 0).engine(engine);
            spec.fields = foreign::fields(&layout.indexes);
            spec.options = foreign::options(params, config, &layout.vector);
            spec
        }
    };
    spec.dimension = native.size as usize;
    spec.metric = foreign::metric_of(name, native.distance())?;
    Ok((IndexInfo::new(spec, PROVIDER).created_at(created_at(info)), layout))
}

/// When a collection was created, which later servers than 1.18 tell.
fn created_at(info: &CollectionInfo) -> Option<String> {
    let created = info.created_at.as_ref()?;
    Timestamp::new(created.seconds, created.nanos).ok().map(time::format)
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
