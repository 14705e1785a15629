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
    hints: BTreeMap<&'static str, &'static str>,
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

    /// Says what was probably meant by a scheme that is no provider's, such as `postgresql`: a sentence that follows
    /// "did you mean".
    pub fn hint(&mut self, scheme: &'static str, meant: &'static str) {
        self.hints.insert(scheme, meant);
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
            return Err(self.unknown(location.provider()));
        };
        open(location).await
    }

    fn unknown(&self, provider: &str) -> Error {
        let known: Vec<&str> = self.schemes().collect();
        let near = || suggest(provider, known.iter().copied()).map(|scheme| format!("{scheme}:"));
        let meant = self.hints.get(provider).map(|meant| (*meant).to_owned()).or_else(near);
        let hint = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        Error::unsupported(format!(
            "no provider {provider:?} is known here: one of {}{hint}",
            known.join(", ")
        ))
    }
}

impl Debug for Registry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.schemes()).finish()
    }
}
