//! The chores of the workspace: `cargo xtask lint`, `test`, `servers`, `matrix`, `contract`, `lines`, `bench`, `rates`, `docs`.

mod files;
mod imports;
mod items;
mod lines;
mod matrix;
mod modules;
mod rates;
mod servers;
mod tokens;

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: cargo xtask <chore> [arguments passed on]

  lint    formatting, the order of imports, clippy, rustdoc and dependencies; no warning passes
  test    all tests, with the servers: starts those that are not running, and stops them
  servers up|down|status: Chroma, PostgreSQL with pgvector, Milvus and Milvus Lite, on loopback
  matrix  the README's table of stores, from the last run of the tests
  lines   how many lines of source each crate has, the longest function and the longest file
  contract  docs/contract-coverage.md: each sentence of the contract, the cases that check it, the saboteurs that break it
  bench   the benchmarks
  rates   how many rows a second are imported of each format, by the programs named or this checkout's
  docs    the documentation, into target/doc";

/// What the program is built without by default, and tested with.
const FORMATS: &str = "portolan-cli/formats";

const DENY_VERSION: &str = "0.20.2";

type Outcome = Result<(), String>;

/// The root of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match chore.as_str() {
        "lint" => lint(),
        "test" => test(&rest),
        "servers" => servers::run(&rest),
        "matrix" => matrix::update(),
        "lines" => lines::print(Path::new(ROOT)),
        "contract" => contract(),
        "bench" => cargo(&["bench", "-p", "portolan-benches"], &rest),
        "rates" => rates::run(&rest),
        "docs" => cargo(&["doc", "--workspace", "--no-deps"], &rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        "" => Err(format!("which chore?\n\n{USAGE}")),
        unknown => Err(format!("there is no chore {unknown:?}\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn test(rest: &[String]) -> Outcome {
    matrix::forget();
    let servers = servers::Lease::take()?;
    // A target that fails hides nothing of those after it.
    let mut tests = command(&["test", "--workspace", "--features", FORMATS, "--no-fail-fast"], rest);
    tests.envs(servers.uris().iter().cloned()).env("PORTOLAN_REPORTS", matrix::reports());
    let tested = run(&mut tests);
    tested.and(matrix::check())
}

/// Writes the table that the test compares otherwise.
fn contract() -> Outcome {
    let mut test = command(&["test", "-p", "portolan-testkit", "--test", "contract"], &[]);
    run(test.env("PORTOLAN_WRITE_COVERAGE", "1"))
}

fn lint() -> Outcome {
    cargo(&["fmt", "--all", "--check"], &[])?;
    eprintln!("xtask: the order of imports");
    imports::check(Path::new(ROOT))?;
    for features in [FORMATS, ""] {
        cargo(
            &["clippy", "--workspace", "--features", features, "--all-targets", "--", "-D", "warnings"],
            &[],
        )?;
    }
    run(command(&["doc", "--workspace", "--features", FORMATS, "--no-deps"], &[])
        .env("RUSTDOCFLAGS", "-D warnings"))?;
    deny()?;
    eprintln!("xtask: {}", lines::longest(Path::new(ROOT))?);
    Ok(())
}

fn deny() -> Outcome {
    let present = command(&["deny", "--version"], &[]).output().is_ok_and(|o| o.status.success());
    if !present {
        return Err(format!(
            "cargo-deny is missing; install it: cargo install cargo-deny --locked --version {DENY_VERSION}"
        ));
    }
    cargo(&["deny", "check", "bans", "licenses", "sources"], &[])
}

fn cargo(arguments: &[&str], rest: &[String]) -> Outcome {
    run(&mut command(arguments, rest))
}

fn command(arguments: &[&str], rest: &[String]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).args(rest).current_dir(ROOT);
    command
}

fn run(command: &mut Command) -> Outcome {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let shown = format!("cargo {}", words.join(" "));
    eprintln!("xtask: {shown}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown} failed ({status})")),
        Err(e) => Err(format!("{shown} could not be run: {e}")),
    }
}
