//! The formats that an export writes.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::ValueEnum;
use portolan::Record;

use super::target::Target;
use crate::failure::Failure;
use crate::output::write_json;

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A record a line: {"id": …, "vector": […], "metadata": {…}}
    Jsonl,
    /// id, vector as a list, and metadata as JSON
    Parquet,
}

impl Format {
    /// The format of a file by its name; what is no file is written as JSONL, unless its name says otherwise.
    pub(super) fn of(path: &Path, target: &Target) -> Result<Self, Failure> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "parquet" => Ok(Self::Parquet),
            _ if !target.is_file() => Ok(Self::Jsonl),
            _ => Err(Failure::usage(format!(
                "the format of {} is not known by its name; add --format jsonl or parquet",
                path.display()
            ))),
        }
    }
}

/// Takes records, and writes them in a format.
pub(super) enum Sink {
    Jsonl(BufWriter<Output>),
    #[cfg(feature = "parquet")]
    Parquet(Box<crate::input::parquet::ParquetWriter<Output>>),
}

/// What is written to.
type Output = Box<dyn Write + Send>;

impl Sink {
    pub(super) fn new(output: Output, format: Format) -> io::Result<Self> {
        match format {
            Format::Jsonl => Ok(Self::Jsonl(BufWriter::with_capacity(1 << 18, output))),
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                Ok(Self::Parquet(Box::new(crate::input::parquet::ParquetWriter::new(output)?)))
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => Err(io::Error::other(crate::input::without_parquet())),
        }
    }

    pub(super) fn write(&mut self, records: &[Record]) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => records.iter().try_for_each(|r| write_json(out, r)),
            #[cfg(feature = "parquet")]
            Self::Parquet(out) => out.write(records),
        }
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Jsonl(mut out) => out.flush(),
            #[cfg(feature = "parquet")]
            Self::Parquet(out) => out.finish()?.flush(),
        }
    }
}
