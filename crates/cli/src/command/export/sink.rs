//! The file that an export writes.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::ValueEnum;
use portolan::Record;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::input::is_stdin as is_stdout;
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
    /// The format of a file by its name; that of stdout is JSONL.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "parquet" => Ok(Self::Parquet),
            _ if is_stdout(path) => Ok(Self::Jsonl),
            _ => Err(Failure::usage(format!(
                "the format of {} is not known by its name; add --format jsonl or parquet",
                path.display()
            ))),
        }
    }
}

/// Takes records; the file appears when all are there.
pub(super) enum Sink {
    Stdout(BufWriter<io::Stdout>),
    Jsonl(BufWriter<NamedTempFile>),
    #[cfg(feature = "formats")]
    Parquet(Box<crate::input::parquet::ParquetWriter<NamedTempFile>>),
}

impl Sink {
    pub(super) fn create(path: &Path, format: Format) -> Result<Self, Failure> {
        let temporary = || temporary(path).map_err(|e| Failure::file(path, "write", &e));
        match format {
            Format::Jsonl if is_stdout(path) => Ok(Self::Stdout(BufWriter::new(io::stdout()))),
            Format::Jsonl => Ok(Self::Jsonl(BufWriter::with_capacity(1 << 18, temporary()?))),
            Format::Parquet if is_stdout(path) => {
                Err(Failure::usage("Parquet is not written to stdout: name a file"))
            }
            #[cfg(feature = "formats")]
            Format::Parquet => Ok(Self::Parquet(Box::new(
                crate::input::parquet::ParquetWriter::new(temporary()?)
                    .map_err(|e| Failure::file(path, "write", &e))?,
            ))),
            #[cfg(not(feature = "formats"))]
            Format::Parquet => Err(crate::input::without_formats(&path.display().to_string()).into()),
        }
    }

    pub(super) fn write(&mut self, records: &[Record]) -> io::Result<()> {
        match self {
            Self::Stdout(out) => records.iter().try_for_each(|r| write_json(out, r)),
            Self::Jsonl(out) => records.iter().try_for_each(|r| write_json(out, r)),
            #[cfg(feature = "formats")]
            Self::Parquet(out) => out.write(records),
        }
    }

    /// Gives the file its name.
    pub(super) fn finish(self, path: &Path) -> io::Result<()> {
        let file = match self {
            Self::Stdout(mut out) => return out.flush(),
            Self::Jsonl(out) => out.into_inner().map_err(io::IntoInnerError::into_error)?,
            #[cfg(feature = "formats")]
            Self::Parquet(out) => out.finish()?,
        };
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}

/// A file beside the one to be written, readable by whom the user's mask lets.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let dir = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(dir)
}
