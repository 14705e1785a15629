//! `portolan`: one command line for every vector database.

mod args;
mod command;
mod context;
mod failure;
mod hint;
mod input;
mod options;
mod output;
mod page;
mod profile;
mod progress;
mod stop;
mod table;
#[cfg(test)]
mod tests;
mod verb;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::Format;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => failure::report_usage(&verb::suggest(error), asked_format()),
    }
}

fn run(cli: Cli) -> ExitCode {
    let format = cli.global.output;
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}

fn execute(cli: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(cli.command.run(&Context::new(cli.global)));
    // A thread that still waits for stdin is not waited for.
    runtime.shutdown_background();
    ended
}

/// The output format that the arguments name, where they cannot be parsed as a whole.
fn asked_format() -> Format {
    let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let after_flag = args.windows(2).filter(|w| w[0] == "--output" || w[0] == "-o").map(|w| w[1].as_str());
    let joined = args.iter().filter_map(|a| a.strip_prefix("--output="));
    after_flag
        .chain(joined)
        .last()
        .and_then(|name| clap::ValueEnum::from_str(name, true).ok())
        .unwrap_or_default()
}
