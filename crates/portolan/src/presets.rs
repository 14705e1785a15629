//! Ready-made configurations: where a store is, and the index that it holds.

use std::sync::Arc;

use portolan_core::{IndexSpec, Location, Metric, Result, VectorStorage, VectorStorageExt};

use crate::{CompanyMetadata, open_location};

/// A store and an index in it.
///
/// ```
/// use portolan::{ErrorKind, Preset};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let preset = Preset::for_company_embeddings("companies");
/// assert_eq!(preset.spec.dimension, 1_536);
/// // Pinecone is not compiled in; the same index on a store that is:
/// assert_eq!(preset.open().await.unwrap_err().kind(), ErrorKind::Unsupported);
/// let storage = preset.at("memory:".parse().unwrap()).open().await.unwrap();
/// assert_eq!(storage.provider(), "memory");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Preset {
    /// Where the store is.
    pub location: Location,
    /// The index.
    pub spec: IndexSpec,
}

impl Preset {
    /// A store and an index in it.
    pub fn new(location: Location, spec: IndexSpec) -> Self {
        Self { location, spec }
    }

    /// Company embeddings of 1,536 components under cosine on Pinecone, with the fields of [`CompanyMetadata`]; the
    /// key is read from the environment variable `PINECONE_API_KEY`.
    pub fn for_company_embeddings(index: impl Into<String>) -> Self {
        let spec = IndexSpec::new(index, 1_536).metric(Metric::Cosine);
        Self::new(
            Location::new("pinecone").with_option("api_key", "env:PINECONE_API_KEY"),
            CompanyMetadata::declare(spec),
        )
    }

    /// Vectors of the given length under cosine on a Chroma server of this machine.
    pub fn for_fast_similarity_search(index: impl Into<String>, dimension: usize) -> Self {
        Self::new(Location::new("chroma"), IndexSpec::new(index, dimension).metric(Metric::Cosine))
    }

    /// The same index on another store.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// Opens the store and makes sure of the index.
    ///
    /// # Errors
    /// `Unsupported` where the adapter is not compiled in; `AlreadyExists` where the index has another spec; those of
    /// [`open`](crate::open()).
    pub async fn open(&self) -> Result<Arc<dyn VectorStorage>> {
        let storage = open_location(self.location.clone()).await?;
        storage.ensure_index(&self.spec).await?;
        Ok(storage)
    }
}
