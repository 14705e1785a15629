//! Collections that another program made: their spec is what Chroma knows of them.

use portolan_core::{EngineKind, EngineParams, Error, IndexSpec, Result};

use crate::api::Collection;

/// The spec of such a collection.
///
/// # Errors
/// `Unsupported` for one that holds no record yet.
pub(crate) fn spec(collection: &Collection) -> Result<IndexSpec> {
    let Some(dimension) = collection.dimension else {
        return Err(Error::unsupported(format!(
            "the collection {:?} was made by another program and holds no record yet, so that its dimension is unknown",
            collection.name
        )));
    };
    let hnsw = collection.configuration_json.hnsw.as_ref();
    Ok(IndexSpec::new(collection.name.as_str(), dimension).engine(EngineParams {
        kind: hnsw.map(|_| EngineKind::Hnsw),
        m: hnsw.and_then(|h| h.max_neighbors),
        ef_construction: hnsw.and_then(|h| h.ef_construction),
        nlist: None,
    }))
}
