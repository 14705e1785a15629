//! From a URI to a store.

use std::sync::Arc;

use portolan_core::{Error, Location, Registry, Result, VectorStorage};

/// Providers whose adapters no version has yet.
const PLANNED: [&str; 7] = ["chroma", "faiss", "milvus", "pgvector", "pinecone", "qdrant", "weaviate"];

/// The providers that are compiled in.
pub fn registry() -> Registry {
    Registry::new()
}

/// Opens the store at a URI, such as `memory:` or `embedded:./data`.
///
/// # Errors
/// `InvalidArgument` for a malformed URI or an unknown option; `Unsupported` for a provider that is unknown or not
/// compiled in; those of the provider.
pub async fn open(uri: &str) -> Result<Arc<dyn VectorStorage>> {
    open_location(uri.parse()?).await
}

/// Opens the store at a location; see [`open`].
///
/// # Errors
/// Those of [`open`].
pub async fn open_location(location: Location) -> Result<Arc<dyn VectorStorage>> {
    compiled_in(location.provider())?;
    registry().open(location).await
}

/// Refuses a provider that is known and cannot be opened.
fn compiled_in(provider: &str) -> Result<()> {
    if PLANNED.contains(&provider) {
        return Err(Error::unsupported(format!(
            "the {provider} adapter is not compiled in: this version has no feature `{provider}` yet"
        )));
    }
    if provider == "embedded" && cfg!(not(feature = "embedded")) {
        return Err(Error::unsupported(
            "the embedded adapter is not compiled in: enable the feature `embedded` of the crate portolan",
        ));
    }
    Ok(())
}
