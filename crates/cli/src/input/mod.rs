//! Records from files, one at a time, whatever the format.

mod csv;
mod jsonl;
mod lines;
mod npy;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
pub(crate) mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portolan::{Error, FieldType, Record, Result};

pub(crate) use csv::ColumnTypes;

use crate::failure::{Failure, file_error};

/// The most bytes of a line or row: one that is longer is no record, and is not read into memory.
pub(crate) const MAX_ROW_BYTES: u64 = 64 << 20;

/// The format of a file of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A record a line: {"id": …, "vector": […], "metadata": {…}}
    Jsonl,
    /// A row each: id, vector as a JSON list or v0, v1, …; other columns are metadata
    Csv,
    /// Like csv, separated by tabs
    Tsv,
    /// A matrix of f32 or f64, with --metadata
    Npy,
    /// id, vector as a list, metadata as JSON; other columns are metadata
    Parquet,
}

impl Format {
    /// The format that a file's name tells; that of stdin is JSONL.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        if is_stdin(path) {
            return Ok(Self::Jsonl);
        }
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            "csv" => Ok(Self::Csv),
            "tsv" => Ok(Self::Tsv),
            "npy" => Ok(Self::Npy),
            "parquet" => Ok(Self::Parquet),
            _ => Err(Error::invalid(format!(
                "the format of {} cannot be told by its name; say --format jsonl, csv, tsv, npy or parquet",
                path.display()
            ))),
        }
    }

    fn is_separated(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }
}

/// A file of records, and how to read it.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// The file; `-` is stdin.
    pub(crate) path: PathBuf,
    /// The file as messages call it: stdin may be kept in one of another name.
    pub(crate) name: String,
    /// Its format.
    pub(crate) format: Format,
    /// The file with ids and metadata, for `.npy`.
    pub(crate) metadata: Option<PathBuf>,
}

/// One row of a file: its line, counted from 1, and the record or what is wrong with it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) record: Result<Record>,
}

/// The rows of a file, in order; an error ends them.
pub(crate) trait Rows: Iterator<Item = Result<Row>> + Send {
    /// Passes over rows without parsing them; gives how many there were, up to `rows`.
    fn pass_over(&mut self, rows: u64) -> Result<u64>;

    /// How many bytes of the file have been read.
    fn bytes_read(&self) -> u64;
}

impl Input {
    /// What its rows are counted in.
    pub(crate) fn unit(&self) -> &'static str {
        if self.format == Format::Parquet { "row" } else { "line" }
    }

    /// The files it consists of.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.path.as_path()).chain(self.metadata.as_deref())
    }

    /// Opens the rows. Columns without a type in `types` have been surveyed, see [`survey`].
    pub(crate) fn open(&self, types: &ColumnTypes) -> Result<Box<dyn Rows>> {
        match self.format {
            Format::Jsonl => Ok(Box::new(jsonl::Jsonl::new(reader(&self.path)?, &self.path))),
            Format::Csv | Format::Tsv => Ok(Box::new(csv::Csv::new(
                reader(&self.path)?,
                &self.path,
                self.format == Format::Tsv,
                types,
            )?)),
            Format::Npy => match &self.metadata {
                Some(metadata) => Ok(Box::new(npy::Npy::new(&self.path, metadata)?)),
                None => Err(Error::invalid(format!(
                    "{} holds vectors only: give ids and metadata with --metadata FILE.jsonl",
                    self.path.display()
                ))),
            },
            Format::Parquet => self.open_parquet(),
        }
    }

    #[cfg(feature = "parquet")]
    fn open_parquet(&self) -> Result<Box<dyn Rows>> {
        Ok(Box::new(parquet::ParquetRows::new(&self.path)?))
    }

    #[cfg(not(feature = "parquet"))]
    fn open_parquet(&self) -> Result<Box<dyn Rows>> {
        Err(without_parquet())
    }
}

#[cfg(not(feature = "parquet"))]
pub(crate) fn without_parquet() -> Error {
    Error::unsupported("Parquet is not compiled in: build with the feature `parquet`")
}

/// Reads all CSV files once to give each column without a declared type one type for all its values.
pub(crate) fn survey(inputs: &[Input], declared: &BTreeMap<String, FieldType>) -> Result<ColumnTypes> {
    let mut types = ColumnTypes::new(declared);
    for input in inputs.iter().filter(|i| i.format.is_separated()) {
        types.survey(reader(&input.path)?, &input.path, input.format == Format::Tsv)?;
    }
    Ok(types)
}

/// Copies stdin into a temporary file, so that it can be read twice; the file lives as long as what is returned.
pub(crate) fn spool_stdin() -> Result<tempfile::NamedTempFile, Failure> {
    let mut file = tempfile::NamedTempFile::new()?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    file.flush()?;
    Ok(file)
}

/// Whether a path means stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The text itself, or what stands on stdin where it is `-`.
pub(crate) fn text_of(text: &str) -> Result<String, Failure> {
    if text == "-" { text_of_file(Path::new("-")) } else { Ok(text.to_owned()) }
}

/// The text of a file.
pub(crate) fn text_of_file(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = reader(path)?.take(MAX_ROW_BYTES + 1).read_to_string(&mut text);
    read.map_err(|e| Failure::file(path, "read", &e))?;
    if text.len() as u64 > MAX_ROW_BYTES {
        return Err(Failure::usage(format!("{} is longer than 64 MiB, which no record is", path.display())));
    }
    Ok(text)
}

fn reader(path: &Path) -> Result<Box<dyn io::BufRead + Send>> {
    if is_stdin(path) {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 18, open_file(path)?)))
}

fn open_file(path: &Path) -> Result<File> {
    let mut file = File::open(path).map_err(|e| file_error(path, "open", &e))?;
    // A directory opens, and fails only when it is read.
    match file.metadata() {
        Ok(m) if m.is_dir() => Err(Error::invalid(format!("{} is a directory", path.display()))),
        Ok(m) if m.is_file() => file.rewind().map(|()| file).map_err(|e| file_error(path, "read", &e)),
        _ => Ok(file),
    }
}
