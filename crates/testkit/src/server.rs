//! Running the suite against a server that the environment names.

#[cfg(feature = "wire")]
mod recorded;

use std::env;
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use portolan_core::{CallOptions, Error, Location, Result, VectorStorage};

use crate::harness::{Harness, Settings};
use crate::place::Place;
use crate::session;
use crate::tape::Tape;

/// The adapters that must be tested, by name, with commas between; a run without their server fails.
pub const REQUIRE: &str = "PORTOLAN_REQUIRE";

/// The adapter of which a run against its server is recorded.
pub const RECORD: &str = "PORTOLAN_RECORD";

pub(crate) type Open = dyn Fn(Location) -> BoxFuture<'static, Result<Arc<dyn VectorStorage>>> + Send + Sync;

/// A [`Harness`] for a store behind a server. Where the server listens is said by `PORTOLAN_TEST_<NAME>`, a URI.
///
/// ```no_run
/// # use std::{process::ExitCode, sync::Arc};
/// # use portolan_core::{Location, MemoryStorage, Result, VectorStorage};
/// # async fn open(_: Location) -> Result<Arc<dyn VectorStorage>> { Ok(Arc::new(MemoryStorage::default())) }
/// fn main() -> ExitCode {
///     portolan_testkit::Server::new("chroma", open).parallel(4).rows(2_000).main()
/// }
/// ```
pub struct Server {
    name: &'static str,
    uri: Option<String>,
    open: Arc<Open>,
    parallel: usize,
    rows: usize,
    tape: Result<Option<Box<dyn Tape>>>,
    version: OnceLock<String>,
}

impl Server {
    /// The server that the variable of this name says, reached by `open`.
    pub fn new<F, R>(name: &'static str, open: F) -> Self
    where
        F: Fn(Location) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Arc<dyn VectorStorage>>> + Send + 'static,
    {
        Self {
            name,
            uri: uri(name),
            open: Arc::new(move |location| open(location).boxed()),
            parallel: 4,
            rows: 2_000,
            tape: Ok(None),
            version: OnceLock::new(),
        }
    }

    /// How many cases run at once; 4 by default.
    #[must_use]
    pub fn parallel(mut self, cases: usize) -> Self {
        self.parallel = cases;
        self
    }

    /// How many rows a large case writes; 2,000 by default.
    #[must_use]
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// Runs the suite as a test binary. Without a server and a tape the last line says so, and the run fails only
    /// where [`REQUIRE`] names the store; then a tape does not replace the server.
    pub fn main(self) -> ExitCode {
        if let Err(e) = &self.tape {
            println!("conformance {}: not run ({e})", self.name);
            return ExitCode::FAILURE;
        }
        let missing = self.absent().is_some() && required(self.name);
        let code = session::main(self);
        if missing { ExitCode::FAILURE } else { code }
    }

    /// A place on the server, by a name that nothing else uses. What is made there is to be removed: [`traps`](mod@crate::traps)
    /// does both around each case.
    ///
    /// # Errors
    /// Where the environment names no server, or the store cannot be opened.
    pub fn place(&self) -> impl Future<Output = Result<Place>> + Send + 'static {
        let (uri, open) =
            (self.uri.clone().ok_or_else(|| Error::invalid(self.no_server())), self.open.clone());
        let name = format!("place-{:016x}", RandomState::new().build_hasher().finish());
        async move { Place::new(&uri?, name, open).await }
    }

    /// Whether the environment names a server.
    pub(crate) fn is_there(&self) -> bool {
        self.uri.is_some()
    }

    /// Why there is no server.
    pub(crate) fn no_server(&self) -> String {
        format!("{} names no server; `cargo xtask servers up` starts one", variable(self.name))
    }

    #[cfg(test)]
    pub(crate) fn with_uri(mut self, uri: Option<&str>) -> Self {
        self.uri = uri.map(str::to_owned);
        self
    }

    /// Where the adapter finds its server.
    fn location(&self) -> Result<Location> {
        match (self.tape(), &self.uri) {
            (Some(tape), _) => format!("{}://{}", self.name, tape.address()).parse(),
            (None, Some(uri)) => uri.parse(),
            (None, None) => Err(Error::invalid(self.no_server())),
        }
    }
}

/// The URI of the server for tests of a store, from `PORTOLAN_TEST_<NAME>`; empty counts as unset.
pub fn uri(name: &str) -> Option<String> {
    env::var(variable(name)).ok().filter(|uri| !uri.is_empty())
}

/// Whether [`REQUIRE`] names a store.
pub fn required(name: &str) -> bool {
    env::var(REQUIRE).is_ok_and(|names| names.split(',').any(|n| n.trim() == name))
}

/// The variable that holds the URI of the server for tests of a store, such as `PORTOLAN_TEST_MILVUS_LITE`.
pub fn variable(name: &str) -> String {
    format!("PORTOLAN_TEST_{}", name.to_uppercase().replace('-', "_"))
}

#[async_trait]
impl Harness for Server {
    fn name(&self) -> &str {
        self.name
    }

    async fn open(&self, _place: &str) -> Result<Arc<dyn VectorStorage>> {
        let storage = (self.open)(self.location()?).await?;
        if self.version.get().is_none() {
            let health = storage.health(CallOptions::new()).await?;
            // Another open may have been first: with the same answer.
            let _ = self.version.set(health.version.unwrap_or_else(|| "unknown version".to_owned()));
        }
        Ok(storage)
    }

    fn server(&self) -> Option<String> {
        self.version.get().cloned()
    }

    fn absent(&self) -> Option<String> {
        (!self.is_there() && self.tape().is_none()).then(|| self.no_server())
    }

    fn parallel(&self) -> usize {
        self.parallel
    }

    fn rows(&self) -> usize {
        self.tape().and_then(Tape::header).map_or(self.rows, |header| header.rows)
    }

    fn tape(&self) -> Option<&dyn Tape> {
        self.tape.as_ref().ok()?.as_deref()
    }

    fn settings(&self) -> Settings {
        Settings { random_filters: 1_000, random_sequences: 60, ..Settings::default() }.or_env()
    }

    fn reuse(&self) -> bool {
        true
    }
}

impl Debug for Server {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.name).finish_non_exhaustive()
    }
}
