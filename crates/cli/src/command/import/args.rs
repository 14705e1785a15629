//! What can be said of an import.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args as ClapArgs, ValueEnum};
use portolan::{FieldType, Metric};

use crate::input::Format;
use crate::options::{field, parse};

/// What is imported.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    pub(super) name: String,
    /// The files, folders of files or pipes; - is stdin
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The files' format [default: by each file's name; by the content of stdin and of pipes without one]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
    /// The ids and metadata of a .npy file, paired by line: {"id": …, "metadata": {…}}, or {"id": …} with the
    /// metadata's fields beside it. Once for each .npy file, in their order
    #[arg(long, value_name = "FILE.jsonl")]
    pub(super) metadata: Vec<PathBuf>,
    /// Create the index if it does not exist, with the dimension of the data
    #[arg(long)]
    pub(super) create: bool,
    /// With --create: cosine, dot_product, euclidean or manhattan [default: cosine]
    #[arg(long, value_name = "METRIC", value_parser = parse::<Metric>)]
    pub(super) metric: Option<Metric>,
    /// A metadata field with its type, such as industry:string; with --create it is declared, and a CSV column of
    /// that name is read as that type
    #[arg(long = "field", value_name = "KEY:TYPE", value_parser = field)]
    pub(super) fields: Vec<(String, FieldType)>,
    /// What to do with a row that is no record
    #[arg(long, value_enum, default_value_t)]
    pub(super) on_error: OnError,
    /// How many records are stored at once: 1 to 10,000
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub(super) batch_size: usize,
    /// Begin at the first row, also where an earlier run was interrupted
    #[arg(long)]
    pub(super) restart: bool,
}

/// What to do with a row that is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OnError {
    /// Store the rows before it, then stop
    #[default]
    Stop,
    /// Report it and go on
    Skip,
}
