//! From a URI to a store.

use std::sync::Arc;

use portolan_core::layer::Layer;
use portolan_core::{Error, Location, MemoryStorage, Registry, Result, VectorStorage};
use portolan_layers::ChaosConfig;

/// The adapters, and whether each is compiled in; its feature bears its name.
const ADAPTERS: [(&str, bool); 5] = [
    ("chroma", cfg!(feature = "chroma")),
    ("embedded", cfg!(feature = "embedded")),
    ("milvus", cfg!(feature = "milvus")),
    ("pgvector", cfg!(feature = "pgvector")),
    ("qdrant", cfg!(feature = "qdrant")),
];

/// Providers whose adapters no version has yet.
const PLANNED: [&str; 3] = ["faiss", "pinecone", "weaviate"];

/// How other programs begin the URIs of these databases, and how they begin here.
const FOREIGN: [(&str, &str); 8] = [
    ("file", "embedded:DIRECTORY"),
    ("grpc", "milvus://HOST:19530 or qdrant://HOST:6334"),
    ("http", SERVERS),
    ("https", SERVERS),
    ("jdbc", "pgvector://USER:PASSWORD@HOST:5432/DATABASE"),
    ("postgres", "pgvector:// (the rest stays as it is)"),
    ("postgresql", "pgvector:// (the rest stays as it is)"),
    ("sqlite", "embedded:DIRECTORY"),
];
const SERVERS: &str =
    "chroma://HOST:8000, milvus://HOST:19530 or qdrant://HOST:6334, with ?tls=true in place of https";

/// The providers that are compiled in.
pub fn registry() -> Registry {
    let mut registry = Registry::new();
    FOREIGN.iter().for_each(|(scheme, meant)| registry.hint(scheme, meant));
    registry.register("memory", MemoryStorage::open);
    #[cfg(feature = "embedded")]
    registry.register(portolan_embedded::PROVIDER, portolan_embedded::open);
    #[cfg(feature = "chroma")]
    registry.register(portolan_chroma::PROVIDER, portolan_chroma::open);
    #[cfg(feature = "milvus")]
    registry.register(portolan_milvus::PROVIDER, portolan_milvus::open);
    #[cfg(feature = "pgvector")]
    registry.register(portolan_pgvector::PROVIDER, portolan_pgvector::open);
    #[cfg(feature = "qdrant")]
    registry.register(portolan_qdrant::PROVIDER, portolan_qdrant::open);
    registry
}

/// Opens the store at a URI, such as `memory:` or `embedded:./data`.
///
/// Any URI takes the options of [`ChaosConfig`], which put simulated trouble around the store:
///
/// ```
/// use portolan::{IndexSpec, VectorStorageExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> portolan::Result<()> {
/// let storage = portolan::open("memory:?fail=count&latency=1ms&seed=1").await?;
/// storage.ensure_index(&IndexSpec::new("companies", 2)).await?;
/// assert!(storage.index("companies").count().await.unwrap_err().is_retryable());
/// # Ok(())
/// # }
/// ```
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
pub async fn open_location(mut location: Location) -> Result<Arc<dyn VectorStorage>> {
    compiled_in(location.provider())?;
    let chaos = ChaosConfig::take_from(&mut location)?.map(ChaosConfig::build).transpose()?;
    let storage = registry().open(location).await?;
    Ok(match chaos {
        Some(chaos) => chaos.layer(storage),
        None => storage,
    })
}

/// Refuses a provider that is known and cannot be opened.
fn compiled_in(provider: &str) -> Result<()> {
    if PLANNED.contains(&provider) {
        return Err(Error::unsupported(format!(
            "the {provider} adapter is not compiled in: this version has no feature `{provider}` yet"
        )));
    }
    if ADAPTERS.contains(&(provider, false)) {
        return Err(Error::unsupported(format!(
            "the {provider} adapter is not compiled in: enable the feature `{provider}` of the crate portolan"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use portolan_core::layer::Wrapped;
    use portolan_core::{ErrorKind, find};
    use portolan_layers::Chaos;

    use super::*;

    async fn refused(uri: &str) -> Error {
        open(uri).await.unwrap_err()
    }

    #[tokio::test]
    async fn what_is_compiled_in_opens() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        assert_eq!(open("memory:").await.unwrap().provider(), "memory");
        assert_eq!(open(&format!("embedded:{path}")).await.unwrap().provider(), "embedded");
    }

    #[tokio::test]
    async fn what_is_not_compiled_in_names_its_feature() {
        let absent = ADAPTERS.into_iter().filter(|(_, compiled_in)| !compiled_in).map(|(name, _)| name);
        for provider in PLANNED.into_iter().chain(absent) {
            let e = refused(&format!("{provider}://localhost")).await;
            assert_eq!(e.kind(), ErrorKind::Unsupported);
            assert!(e.message().contains(&format!("feature `{provider}`")), "{e}");
        }
    }

    #[tokio::test]
    async fn an_unknown_provider_and_a_misspelt_option_get_a_suggestion() {
        let e = refused("memry:").await;
        assert_eq!(e.kind(), ErrorKind::Unsupported);
        assert!(e.message().contains("did you mean memory"), "{e}");
        for (uri, meant) in [
            ("postgresql://user@localhost/database", "did you mean pgvector://"),
            ("postgres://user:s3cret@localhost/database", "did you mean pgvector://"),
            ("http://localhost:19530", "milvus://HOST:19530"),
            ("https://db.example:6333", "qdrant://HOST:6334, with ?tls=true"),
        ] {
            let e = refused(uri).await;
            assert!(e.message().contains(meant) && !e.message().contains("s3cret"), "{e}");
        }
        let e = refused("memory:?eror_rate=0.5").await;
        assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        assert!(e.message().contains("did you mean error_rate?"), "{e}");
        assert!(refused("./data").await.message().contains("embedded:./data"));
    }

    #[tokio::test]
    async fn trouble_is_simulated_only_where_asked_for() {
        let calm = open("memory:").await.unwrap();
        assert!(find::<Wrapped<Chaos>>(&*calm).is_none());
        let troubled = open("memory:?error_rate=0.5&latency=5ms&seed=1").await.unwrap();
        assert!(find::<Wrapped<Chaos>>(&*troubled).is_some());
        assert!(find::<MemoryStorage>(&*troubled).is_some());
        assert!(refused("memory:?error_rate=2").await.message().contains("error_rate"));
    }
}
