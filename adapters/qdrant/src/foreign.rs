//! Collections that another program made: their spec is what Qdrant knows of them.

use std::collections::BTreeMap;

use portolan_core::{EngineKind, EngineParams, Error, FieldType, Metric, Result, Scalar};
use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionParams, Datatype, Distance, HnswConfigDiff, PayloadSchemaType, VectorParams,
    vectors_config,
};

/// The one dense vector of a collection, and its name.
pub(crate) fn vector_of(name: &str, params: &CollectionParams) -> Result<(String, VectorParams)> {
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

/// How a collection compares vectors.
pub(crate) fn metric_of(name: &str, distance: Distance) -> Result<Metric> {
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

/// The fields that payload indexes declare.
pub(crate) fn fields(indexes: &BTreeMap<String, PayloadSchemaType>) -> BTreeMap<String, FieldType> {
    indexes.iter().filter_map(|(key, of)| Some((key.clone(), declared(*of)?))).collect()
}

/// The parameters of the graph.
pub(crate) fn engine(hnsw: Option<&HnswConfigDiff>) -> EngineParams {
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

/// The options that a collection of another program has, as far as they are not what Qdrant does by default.
pub(crate) fn options(
    params: &CollectionParams,
    config: Option<&CollectionConfig>,
    vector: &str,
) -> BTreeMap<String, Scalar> {
    let mut options = BTreeMap::new();
    let mut set = |key: &str, value: Option<Scalar>| value.map(|value| options.insert(key.to_owned(), value));
    set("vector", (!vector.is_empty()).then(|| vector.into()));
    set("shard_number", (params.shard_number > 1).then(|| i64::from(params.shard_number).into()));
    let more = |factor: Option<u32>| factor.filter(|n| *n > 1).map(|n| i64::from(n).into());
    set("replication_factor", more(params.replication_factor));
    set("write_consistency_factor", more(params.write_consistency_factor));
    let codes = config.and_then(|c| c.quantization_config).and_then(|c| c.quantization);
    let codes = codes.and_then(|codes| match codes {
        Quantization::Scalar(_) => Some("scalar"),
        Quantization::Product(_) => Some("product"),
        Quantization::Binary(_) => Some("binary"),
        Quantization::Turboquant(_) => None,
    });
    set("quantization", codes.map(Into::into));
    options
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
