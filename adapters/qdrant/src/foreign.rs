//! Collections that another program made: their spec is what Qdrant knows of them.

use std::collections::BTreeMap;

use portolan_core::{EngineKind, EngineParams, Error, FieldType, Metric, Result, Scalar};
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionParams, Datatype, Distance, HnswConfigDiff, PayloadSchemaType, VectorParams,
};

use crate::convert::distance_of;
use crate::options::codes_of;

/// The one dense vector of a collection, and its name.
///
/// # Errors
/// `Unsupported` where there is not just one, or not as the port holds vectors.
pub(crate) fn vector_of(name: &str, params: &CollectionParams) -> Result<(String, VectorParams)> {
    let refuse = |why: &str| Err(Error::unsupported(format!("the collection {name:?} {why}")));
    let mut vectors: Vec<(&str, VectorParams)> =
        match params.vectors_config.as_ref().and_then(|config| config.config.as_ref()) {
            Some(Config::Params(params)) => vec![("", *params)],
            Some(Config::ParamsMap(named)) => named.map.iter().map(|(name, v)| (name.as_str(), *v)).collect(),
            None => Vec::new(),
        };
    vectors.sort_unstable_by_key(|(vector, _)| *vector);
    let (vector, native) = match vectors[..] {
        [one] => one,
        [] => return refuse("has no dense vector, and an index has one"),
        _ => {
            let names: Vec<&str> = vectors.iter().map(|(vector, _)| *vector).collect();
            return refuse(&format!("has several vectors ({}), and an index has one", names.join(", ")));
        }
    };
    if params.sparse_vectors_config.as_ref().is_some_and(|config| !config.map.is_empty()) {
        return refuse("has sparse vectors too, which a write through the port would remove");
    }
    if native.multivector_config.is_some() {
        return refuse("has several vectors a point, and an index has one");
    }
    match native.datatype() {
        Datatype::Default | Datatype::Float32 => Ok((vector.to_owned(), native)),
        other => refuse(&format!("keeps vectors as {}, and an index as float32", other.as_str_name())),
    }
}

/// How a collection compares vectors.
pub(crate) fn metric_of(name: &str, distance: Distance) -> Result<Metric> {
    Metric::ALL.into_iter().find(|metric| distance_of(*metric) == distance).ok_or_else(|| {
        Error::unsupported(format!("the collection {name:?} has a distance that is not known here"))
    })
}

/// The fields that payload indexes declare.
pub(crate) fn fields(indexes: &BTreeMap<String, PayloadSchemaType>) -> BTreeMap<String, FieldType> {
    indexes.iter().filter_map(|(key, of)| Some((key.clone(), declared(*of)?))).collect()
}

/// The parameters of the graph.
pub(crate) fn engine(hnsw: Option<&HnswConfigDiff>) -> EngineParams {
    let number = |n: Option<u64>| n.and_then(|n| u32::try_from(n).ok());
    match hnsw {
        None => EngineParams::default(),
        Some(hnsw) if hnsw.m == Some(0) => {
            EngineParams { kind: Some(EngineKind::Flat), ..EngineParams::default() }
        }
        Some(hnsw) => EngineParams {
            kind: Some(EngineKind::Hnsw),
            m: number(hnsw.m),
            ef_construction: number(hnsw.ef_construct),
            nlist: None,
        },
    }
}

/// The options that a collection of another program has, as far as they are not what Qdrant does by default.
pub(crate) fn options(
    params: &CollectionParams,
    config: Option<&CollectionConfig>,
    vector: &str,
) -> BTreeMap<String, Scalar> {
    let more = |factor: Option<u32>| factor.filter(|n| *n > 1).map(|n| Scalar::from(i64::from(n)));
    let codes = config.and_then(|c| c.quantization_config?.quantization);
    let options = [
        ("vector", (!vector.is_empty()).then(|| vector.into())),
        ("shard_number", more(Some(params.shard_number))),
        ("replication_factor", more(params.replication_factor)),
        ("write_consistency_factor", more(params.write_consistency_factor)),
        ("quantization", codes.as_ref().and_then(codes_of).map(Scalar::from)),
    ];
    options.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// The type that a payload index declares; those of texts, positions and times declare none of the port's.
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
