//! What can be said of an import.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args as ClapArgs, ValueEnum};
use portolan::{FieldType, Metric};

use crate::input::{Choice, Format, delimiter};
use crate::options::{field, parse};

/// What is imported.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    pub(super) name: String,
    /// The files, folders of files or pipes; - is stdin
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// The files' format [default: by each file's name, or else by its content]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
    /// The ids and metadata of a .npy file, paired by line: {"id": …, "metadata": {…}}, or {"id": …} with the
    /// metadata's fields beside it. Once for each .npy file, in their order
    #[arg(long, value_name = "FILE.jsonl")]
    pub(super) metadata: Vec<PathBuf>,
    /// The column or key with the id [default: found by its name: id, _id, uuid, …]
    #[arg(long, value_name = "NAME")]
    pub(super) id_column: Option<String>,
    /// The column or key with the vector, what stands before the numbers of numbered ones, or a path such as
    /// vectors.title [default: found by its name: vector, values, embedding, …]
    #[arg(long, value_name = "NAME")]
    pub(super) vector_column: Option<String>,
    /// The column or key with the metadata [default: found by its name: metadata, payload, properties, …]
    #[arg(long, value_name = "NAME")]
    pub(super) metadata_column: Option<String>,
    /// A column or key that is left out; may be given more than once
    #[arg(long = "ignore-column", value_name = "NAME")]
    pub(super) ignored_columns: Vec<String>,
    /// What separates the cells of a CSV file: a sign, or tab [default: found by its first line]
    #[arg(long, value_name = "SIGN", value_parser = delimiter)]
    pub(super) delimiter: Option<u8>,
    /// Show what the columns are taken for and the first record of each file; nothing is stored or created
    #[arg(long)]
    pub(super) dry_run: bool,
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

impl Args {
    /// What was said of the columns.
    pub(super) fn columns(&self) -> Choice {
        Choice {
            id: self.id_column.clone(),
            vector: self.vector_column.clone(),
            metadata: self.metadata_column.clone(),
            ignore: self.ignored_columns.clone(),
        }
    }
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
