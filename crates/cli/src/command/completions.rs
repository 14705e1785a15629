//! `portolan completions`.

use std::io;

use clap::{Args as ClapArgs, Command};
use clap_complete::{Shell, generate};

use crate::failure::Failure;
use crate::output;

/// Which shell.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut program: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(args.shell, &mut program, "portolan", &mut script);
    output::text(String::from_utf8(script).map_err(io::Error::other)?.trim_end())
}
