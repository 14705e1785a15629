//! Which providers there are: scheme to constructor, registered explicitly.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::error::{Error, Result};
use crate::location::Location;
use crate::storage::VectorStorage;
use crate::suggest::suggest;

type Opener = Arc<dyn Fn(Location) -> BoxFuture<'static, Result<Arc<dyn VectorStorage>>> + Send + Sync>;

/// The providers that a program knows.
#[derive(Clone, Default)]
pub struct Registry {
    openers: BTreeMap<&'static str, Opener>,
}

impl Registry {
    /// Knows none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider under its scheme, or replaces it.
    pub fn register<F, O>(&mut self, scheme: &'static str, open: F)
    where
        F: Fn(Location) -> O + Send + Sync + 'static,
        O: Future<Output = Result<Arc<dyn VectorStorage>>> + Send + 'static,
    {
        self.openers.insert(scheme, Arc::new(move |location| Box::pin(open(location))));
    }

    /// The schemes, sorted.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.openers.keys().copied()
    }

    /// Opens a store.
    ///
    /// # Errors
    /// `Unsupported` for a scheme that is not registered; those of the provider.
    pub async fn open(&self, location: Location) -> Result<Arc<dyn VectorStorage>> {
        let Some(open) = self.openers.get(location.provider()) else {
            let known: Vec<&str> = self.schemes().collect();
            let hint = suggest(location.provider(), known.iter().copied());
            let hint = hint.map(|h| format!("; did you mean {h}:?")).unwrap_or_default();
            return Err(Error::unsupported(format!(
                "no provider {:?} is known here: one of {}{hint}",
                location.provider(),
                known.join(", ")
            )));
        };
        open(location).await
    }
}

impl Debug for Registry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.schemes()).finish()
    }
}
