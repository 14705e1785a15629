//! `portolan man`.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Command};
use clap_mangen::Man;

use crate::failure::Failure;
use crate::output;

/// Where to.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The directory for all pages [default: none, and the main page is printed]
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, program: Command) -> Result<(), Failure> {
    match &args.dir {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|e| Failure::file(dir, "create", &e))?;
            clap_mangen::generate_to(program, dir).map_err(|e| Failure::file(dir, "write to", &e))
        }
        None => print(program, Path::new("portolan.1")),
    }
}

fn print(program: Command, name: &Path) -> Result<(), Failure> {
    let mut page = Vec::new();
    Man::new(program).render(&mut page).map_err(|e| Failure::file(name, "render", &e))?;
    output::text(String::from_utf8_lossy(&page).trim_end())
}
