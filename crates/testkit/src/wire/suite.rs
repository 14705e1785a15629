//! What befalls the way to a server, once for every adapter: each fault from a table befalls a read, a write and
//! `health`, and the kind of the error, whether the call may be repeated, whether a write may have been applied, and a
//! bound on the time are checked. No error and no `Debug` shows a secret.
//!
//! An adapter gives its fake replies and says which requests read and write; the table runs as named cases of a test
//! binary with `harness = false`:
//!
//! ```no_run
//! # use std::{process::ExitCode, sync::Arc};
//! # use portolan_core::{Location, MemoryStorage, Result, VectorStorage};
//! # async fn open(_: Location) -> Result<Arc<dyn VectorStorage>> { Ok(Arc::new(MemoryStorage::default())) }
//! use portolan_testkit::wire::suite::{self, Calls, Protocol};
//! use portolan_testkit::wire::{Answer, Faulty};
//!
//! fn main() -> ExitCode {
//!     let calls = Calls {
//!         replies,
//!         reads: |request| request.path.ends_with("/get"),
//!         writes: |request| request.path.ends_with("/upsert"),
//!     };
//!     suite::main("example", "example://{server}?token=s3cret&{options}", open, Protocol::Http(calls))
//! }
//!
//! /// A server with an empty index `things` of two dimensions.
//! fn replies(server: &Faulty) {
//!     server.on(.., |request| request.path == "/things", Answer::status(200).body(r#"{"dimension": 2}"#));
//! }
//! ```

mod calls;
mod peer;
mod table;

use std::collections::BTreeMap;
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use parking_lot::Mutex;
use portolan_core::{CallOptions, IndexSpec, Location, Result, VectorStorage, VectorStorageExt};
use tokio::runtime::{Builder, Handle};

use self::calls::{Column, Ended};
use self::peer::Peer;
use self::table::{ROWS, Row};
use super::fault::Seen;
use super::faulty::Faulty;
use crate::server::required;

/// What must not be shown; the URI has it where credentials stand.
pub const SECRET: &str = "s3cret";

/// The index that calls are about.
pub(super) const INDEX: &str = "things";

/// Longer than any bound that is tested, so that a hang fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the server is spoken to, and what of it calls are.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// HTTP/1.
    Http(Calls),
    /// gRPC.
    Grpc(Calls),
    /// That of PostgreSQL, through a proxy before a real server.
    Postgres {
        /// Where the server is, `host:port`; absent where there is none to test with.
        server: Option<String>,
        /// A text in what is sent for a read of records by their ids, and in nothing before.
        reads: &'static str,
        /// A text in what is sent for an upsert, and in nothing before.
        writes: &'static str,
    },
}

/// The fake replies of a server that speaks HTTP or gRPC.
#[derive(Debug, Clone)]
pub struct Calls {
    /// Scripts a server that is well, with an empty index `things` of two dimensions that takes what is written.
    pub replies: fn(&Faulty),
    /// Whether a request is that of a read of records by their ids.
    pub reads: fn(&Seen) -> bool,
    /// Whether a request is that of an upsert.
    pub writes: fn(&Seen) -> bool,
}

type Open = dyn Fn(Location) -> BoxFuture<'static, Result<Arc<dyn VectorStorage>>> + Send + Sync;

/// An adapter under test.
struct Adapter {
    uri: String,
    open: Box<Open>,
    protocol: Protocol,
}

/// Runs the table as a test binary, and prints it. In `uri` stand `{server}` for host and port, `{options}` for options,
/// and [`SECRET`] as password or token.
pub fn main<F, R>(name: &str, uri: &str, open: F, protocol: Protocol) -> ExitCode
where
    F: Fn(Location) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Arc<dyn VectorStorage>>> + Send + 'static,
{
    let arguments = Arguments::from_args();
    if let Protocol::Postgres { server: None, .. } = protocol {
        println!("wire {name}: not run (there is no server)");
        return if required(name) { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let open = Box::new(move |location| open(location).boxed());
    let adapter = Arc::new(Adapter { uri: uri.to_owned(), open, protocol });
    let runtime = match Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            println!("wire {name}: not run (there is no runtime: {e})");
            return ExitCode::FAILURE;
        }
    };
    if let Err(e) = runtime.block_on(adapter.prepare()) {
        println!("wire {name}: not run ({e})");
        return ExitCode::FAILURE;
    }
    let found = Arc::new(Mutex::new(BTreeMap::new()));
    let conclusion = libtest_mimic::run(&arguments, trials(&adapter, runtime.handle(), &found));
    if !arguments.list {
        print(name, &found.lock());
    }
    if let Err(e) = runtime.block_on(adapter.clean()) {
        println!("wire {name}: the index was left behind ({e})");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// What was found: a cell by row and column.
type Found = BTreeMap<(&'static str, Column), String>;

fn trials(adapter: &Arc<Adapter>, runtime: &Handle, found: &Arc<Mutex<Found>>) -> Vec<Trial> {
    let (shared, handle) = (adapter.clone(), runtime.clone());
    let opening = move || handle.block_on(opening_sends_nothing(&shared)).map_err(Failed::from);
    let mut trials = vec![Trial::test("opening::sends_nothing", opening)];
    for row in ROWS {
        for column in Column::ALL.into_iter().filter(|column| row.trouble.befalls(&adapter.protocol, *column))
        {
            let (adapter, runtime, found) = (adapter.clone(), runtime.clone(), found.clone());
            let run = move || {
                let cell = runtime.block_on(judge(&adapter, row, column))?;
                found.lock().insert((row.name, column), cell);
                Ok(())
            };
            trials.push(Trial::test(format!("{}::{}", row.name, column.name()), run));
        }
    }
    trials
}

impl Adapter {
    async fn open(&self, server: &str, options: &str) -> Result<Arc<dyn VectorStorage>, String> {
        if !self.uri.contains(SECRET) {
            return Err(format!("the URI {} has no {SECRET}, so that nothing could show it", self.uri));
        }
        let uri = self.uri.replace("{server}", server).replace("{options}", options);
        let location = uri.parse().map_err(|e| format!("{uri}: {e}"))?;
        (self.open)(location).await.map_err(|e| format!("opening sends nothing and does not fail, but: {e}"))
    }

    /// Makes the index on a real server.
    async fn prepare(&self) -> Result<(), String> {
        let Protocol::Postgres { server: Some(server), .. } = &self.protocol else { return Ok(()) };
        let storage = self.open(server, "timeout=30s").await?;
        storage.ensure_index(&IndexSpec::new(INDEX, 2)).await.map(drop).map_err(|e| e.to_string())
    }

    async fn clean(&self) -> Result<(), String> {
        let Protocol::Postgres { server: Some(server), .. } = &self.protocol else { return Ok(()) };
        let storage = self.open(server, "timeout=30s").await?;
        storage.delete_index(INDEX, CallOptions::new()).await.map_err(|e| e.to_string())
    }
}

async fn opening_sends_nothing(adapter: &Adapter) -> Result<(), String> {
    let server = Faulty::start().map_err(|e| e.to_string())?;
    adapter.open(&server.address().to_string(), "timeout=30s").await?;
    match server.connections() {
        0 => Ok(()),
        n => Err(format!("{n} connections were made")),
    }
}

/// Lets a fault befall a call; what became of it, for the table.
async fn judge(adapter: &Adapter, row: &Row, column: Column) -> Result<String, String> {
    let peer = Peer::start(adapter, row.trouble, column).map_err(|e| format!("no server: {e}"))?;
    let storage = adapter.open(peer.server(), peer.options()).await?;
    let call = async {
        peer.befall(&*storage, column).await?;
        column.call(&*storage, peer.timeout()).await
    };
    let ended = tokio::time::timeout(PATIENCE, call).await;
    let ended = ended.map_err(|_| format!("the call has not ended after {PATIENCE:?}"))??;
    hides_secret(&*storage, &ended)?;
    row.check(column, &ended)?;
    if let (Column::Write, Ended::Unknown(_), 2..) = (column, &ended, peer.writes()) {
        return Err(format!("a write in doubt was sent {} times", peer.writes()));
    }
    Ok(ended.to_string())
}

fn hides_secret(storage: &dyn VectorStorage, ended: &Ended) -> Result<(), String> {
    for shown in [format!("{storage:?}"), format!("{ended} {ended:?}")] {
        if shown.contains(SECRET) {
            return Err(format!("the secret is shown: {shown}"));
        }
    }
    Ok(())
}

fn print(name: &str, found: &Found) {
    let line = |row: &str, cells: [&str; 3]| {
        let [read, write, health] = cells;
        println!("{row:<33}{read:<33}{write:<33}{health}");
    };
    println!("wire faults over {name}, and what becomes of");
    line("", Column::ALL.map(Column::name));
    for row in ROWS {
        let cell = |column| found.get(&(row.name, column)).map_or("-", String::as_str);
        line(row.name, Column::ALL.map(cell));
    }
}
