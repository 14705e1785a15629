//! Running the suite against a server that the environment names.

use std::env;
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use portolan_core::{CallOptions, Error, Location, Result, VectorStorage};

use crate::harness::{Harness, Settings};
use crate::session;
use crate::wire::tape::{Player, Recorder, Tape};

/// The adapters that must be tested, by name, with commas between; a run without their server fails.
pub const REQUIRE: &str = "PORTOLAN_REQUIRE";

/// The adapter of which a run against its server is recorded.
pub const RECORD: &str = "PORTOLAN_RECORD";

type Open = dyn Fn(Location) -> BoxFuture<'static, Result<Arc<dyn VectorStorage>>> + Send + Sync;

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
    open: Box<Open>,
    parallel: usize,
    rows: usize,
    path: Option<PathBuf>,
    tape: Option<Tape>,
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
            open: Box::new(move |location| open(location).boxed()),
            parallel: 4,
            rows: 2_000,
            path: None,
            tape: None,
            version: OnceLock::new(),
        }
    }

    /// How many cases run at once; 4 unless told.
    #[must_use]
    pub fn parallel(mut self, cases: usize) -> Self {
        self.parallel = cases;
        self
    }

    /// How many rows a large case writes; 2,000 unless told.
    #[must_use]
    pub fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }

    /// The tape from which the suite is answered where there is no server, and on which a run against one is recorded
    /// where [`RECORD`] names the store. The server must speak HTTP without TLS.
    #[must_use]
    pub fn tape(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Runs the suite as a test binary. Without a server and a tape the last line says so, and the run fails only
    /// where [`REQUIRE`] names the store; then a tape does not replace the server.
    pub fn main(mut self) -> ExitCode {
        if let Err(e) = self.load() {
            println!("conformance {}: not run ({e})", self.name);
            return ExitCode::FAILURE;
        }
        let missing = self.absent().is_some() && required(self.name);
        let code = session::main(self);
        if missing { ExitCode::FAILURE } else { code }
    }

    /// Starts what records or plays, where something is to be.
    fn load(&mut self) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let opened = match &self.uri {
            Some(uri) if env::var(RECORD).is_ok_and(|name| name == self.name) => {
                Recorder::start(path, authority(&uri.parse()?)?).map(Tape::Recording)
            }
            None if !required(self.name) && path.exists() => Player::open(path).map(Tape::Playing),
            _ => return Ok(()),
        };
        self.tape = Some(opened.map_err(|e| Error::invalid(e.to_string()))?);
        Ok(())
    }

    /// Where the adapter finds its server.
    fn location(&self) -> Result<Location> {
        match (&self.tape, &self.uri) {
            (Some(tape), _) => format!("{}://{}", self.name, tape.address()).parse(),
            (None, Some(uri)) => uri.parse(),
            (None, None) => Err(Error::invalid(format!("{} is not set", variable(self.name)))),
        }
    }
}

/// Where the server is that is recorded. Anything else that a URI says would be missing where the tape is played.
fn authority(location: &Location) -> Result<(String, u16)> {
    match (location.host(), location.port()) {
        (Some(host), Some(port)) if *location == plain(location.provider(), host, port)? => {
            Ok((host.to_owned(), port))
        }
        _ => Err(Error::invalid(format!(
            "{location} cannot be recorded: only a URI of the form scheme://host:port is"
        ))),
    }
}

fn plain(scheme: &str, host: &str, port: u16) -> Result<Location> {
    format!("{scheme}://{host}:{port}").parse()
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
        (self.uri.is_none() && self.tape.is_none())
            .then(|| format!("{} names no server; `cargo xtask servers up` starts one", variable(self.name)))
    }

    fn parallel(&self) -> usize {
        self.parallel
    }

    fn rows(&self) -> usize {
        self.tape.as_ref().and_then(Tape::header).map_or(self.rows, |header| header.rows)
    }

    fn tape(&self) -> Option<&Tape> {
        self.tape.as_ref()
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
