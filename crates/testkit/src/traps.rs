//! Cases of one adapter against its server, each in a place of its own.
//!
//! What an adapter must know of its database and no suite can ask of every store (records of other programs, a server that
//! does otherwise than one would expect) is tested on the server that `PORTOLAN_TEST_<NAME>` names. Without it the cases
//! are shown as ignored, and the last line says that they were not run.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use portolan_core::filter::field;
//! use portolan_core::{Metadata, Record};
//! # use portolan_core::{Location, MemoryStorage, Result, VectorStorage};
//! use portolan_testkit::place::Place;
//! use portolan_testkit::{Server, traps};
//! # async fn open(_: Location) -> Result<std::sync::Arc<dyn VectorStorage>> {
//! #     Ok(std::sync::Arc::new(MemoryStorage::default()))
//! # }
//!
//! /// The server cuts the fraction off an operand.
//! async fn a_float_operand_misses_no_integer(place: Place) {
//!     let records = [1, 2, 3].map(|n| {
//!         Record::new(format!("r{n}"), [n as f32, 1.0]).metadata(Metadata::new().with("n", n))
//!     });
//!     place.fill(&place.spec(2), &records).await.unwrap();
//!     place.compare(&records, [field("n").gt(1.5), field("n").lt(2.5)]).await.unwrap();
//! }
//!
//! fn main() -> ExitCode {
//!     traps![a_float_operand_misses_no_integer].main([Server::new("chroma", open)])
//! }
//! ```

use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use portolan_core::Result;
use tokio::runtime::{Builder, Handle};

use crate::harness::Harness;
use crate::place::Place;
use crate::server::{Server, required};

/// What a case works with: a [`Place`], or what an adapter makes of it, such as the server's own client beside it.
#[async_trait]
pub trait World: Clone + Send + Sync + 'static {
    /// What a case works with, in a place that nothing else uses.
    ///
    /// # Errors
    /// Where it cannot be made; the case has failed then.
    async fn of(place: Place) -> Result<Self>;

    /// Removes what the case has left on the server, also where it failed.
    ///
    /// # Errors
    /// Where something is left; the case has failed then.
    async fn clean(&self) -> Result<()>;
}

#[async_trait]
impl World for Place {
    async fn of(place: Place) -> Result<Self> {
        Ok(place)
    }

    async fn clean(&self) -> Result<()> {
        Self::clean(self).await
    }
}

type Run<W> = Arc<dyn Fn(W) -> BoxFuture<'static, ()> + Send + Sync>;

/// Cases of one adapter; [`traps!`](crate::traps!) makes them of functions.
pub struct Traps<W> {
    binary: &'static str,
    cases: Vec<(&'static str, Run<W>)>,
}

impl<W: World> Traps<W> {
    /// No cases yet, of a test binary.
    pub fn new(binary: &'static str) -> Self {
        Self { binary, cases: Vec::new() }
    }

    /// One more case, which fails by a panic.
    #[must_use]
    pub fn case<F, R>(mut self, name: &'static str, run: F) -> Self
    where
        F: Fn(W) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        self.cases.push((name, Arc::new(move |world| run(world).boxed())));
        self
    }

    /// Runs the cases on each server as a test binary with `harness = false`. Where the environment names no server, they are
    /// ignored and a line says so; the run fails then only where [`REQUIRE`](crate::server::REQUIRE) names the store.
    pub fn main(&self, servers: impl IntoIterator<Item = Server>) -> ExitCode {
        let servers: Vec<Server> = servers.into_iter().collect();
        let mut arguments = Arguments::from_args();
        let parallel = servers.iter().map(Harness::parallel).min();
        arguments.test_threads = arguments.test_threads.or(parallel);
        let runtime = match Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(e) => {
                println!("{}: not run (there is no runtime: {e})", self.binary);
                return ExitCode::FAILURE;
            }
        };
        let conclusion = libtest_mimic::run(&arguments, self.trials(&servers, runtime.handle()));
        if arguments.list {
            return conclusion.exit_code();
        }
        let absent: Vec<&Server> = servers.iter().filter(|server| !server.is_there()).collect();
        for server in &absent {
            println!("{}", self.not_run(server));
        }
        let missing = absent.iter().any(|server| required(server.name()));
        if missing { ExitCode::FAILURE } else { conclusion.exit_code() }
    }

    /// Each case on each server.
    fn trials(&self, servers: &[Server], runtime: &Handle) -> Vec<Trial> {
        let mut trials = Vec::new();
        for server in servers {
            for (name, run) in &self.cases {
                let name = match servers {
                    [_] => (*name).to_owned(),
                    _ => format!("{}::{name}", server.name()),
                };
                let (place, run, runtime) = (server.place(), run.clone(), runtime.clone());
                let trial = Trial::test(name, move || runtime.block_on(run_in::<W>(place, run)));
                trials.push(trial.with_ignored_flag(!server.is_there()));
            }
        }
        trials
    }

    fn not_run(&self, server: &Server) -> String {
        let why = server.no_server();
        format!("{} {}: not run ({why})", self.binary, server.name())
    }
}

impl<W> Debug for Traps<W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = self.cases.iter().map(|(name, _)| name);
        f.debug_tuple("Traps").field(&self.binary).field(&names.collect::<Vec<_>>()).finish()
    }
}

/// Runs a case and cleans up after it.
async fn run_in<W: World>(
    place: impl Future<Output = Result<Place>> + Send,
    run: Run<W>,
) -> Result<(), Failed> {
    let world = W::of(place.await?).await?;
    let ended = tokio::spawn(run(world.clone())).await;
    let cleaned = world.clean().await;
    ended.map_err(|e| Failed::from(e.to_string()))?;
    cleaned.map_err(|e| Failed::from(format!("something is left on the server: {e}")))
}

/// The cases of a test binary, from paths of functions that take a [`World`].
#[macro_export]
macro_rules! traps {
    ($($case:path),* $(,)?) => {
        $crate::traps::Traps::new(env!("CARGO_CRATE_NAME"))$(.case(stringify!($case), $case))*
    };
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portolan_core::{CallOptions, Location, MemoryStorage, Record, Result, VectorStorage};

    use super::*;

    /// A server in this process, and its one store.
    fn server(uri: Option<&str>) -> (Server, Arc<dyn VectorStorage>) {
        let storage: Arc<dyn VectorStorage> = Arc::new(MemoryStorage::default());
        let opened = storage.clone();
        let open = move |_: Location| {
            let opened = opened.clone();
            async move { Result::Ok(opened) }
        };
        (Server::new("no-such-store", open).with_uri(uri), storage)
    }

    async fn fills(place: Place) {
        place.fill(&place.spec(1), &[Record::new("a", [1.0])]).await.unwrap();
    }

    mod nested {
        pub(super) async fn fills_and_fails(place: super::Place) {
            super::fills(place).await;
            panic!("the case fails");
        }
    }

    async fn run(traps: &Traps<Place>, server: &Server) -> Result<(), Failed> {
        run_in(server.place(), traps.cases[0].1.clone()).await
    }

    #[tokio::test]
    async fn each_case_has_a_name_of_its_own_which_is_free_again_after_it() {
        let (server, storage) = server(Some("memory:"));
        assert_ne!(server.place().await.unwrap().name, server.place().await.unwrap().name);
        run(&traps![fills], &server).await.unwrap();
        let failed = run(&traps![nested::fills_and_fails], &server).await.unwrap_err();
        assert!(failed.message().is_some_and(|why| why.contains("the case fails")), "{failed:?}");
        assert!(storage.list_indexes(CallOptions::new()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn without_a_server_a_case_is_ignored_and_a_line_says_so() {
        let (server, _) = server(None);
        let traps = traps![fills, nested::fills_and_fails];
        let trials = traps.trials(std::slice::from_ref(&server), &Handle::current());
        assert_eq!(trials.iter().map(Trial::name).collect::<Vec<_>>(), ["fills", "nested::fills_and_fails"]);
        assert!(trials.iter().all(Trial::has_ignored_flag));
        assert!(traps.not_run(&server).ends_with(
            "no-such-store: not run (PORTOLAN_TEST_NO_SUCH_STORE names no server; `cargo xtask servers up` starts one)"
        ));
    }
}
