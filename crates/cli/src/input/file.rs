//! A file of records, and how it is opened.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portolan::{Error, Result};

use super::csv::{ColumnTypes, Csv};
use super::jsonl::Jsonl;
use super::npy::Npy;
use super::rows::Rows;
use super::source::{is_stdin, reader};

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
    /// The format of a file by its name; that of stdin is JSONL.
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
                "the format of {} is not known by its name; add --format jsonl, csv, tsv, npy or parquet",
                path.display()
            ))),
        }
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

impl Input {
    /// What its rows are counted in.
    pub(crate) fn unit(&self) -> &'static str {
        if self.format == Format::Parquet { "row" } else { "line" }
    }

    /// The files it consists of.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.path.as_path()).chain(self.metadata.as_deref())
    }

    /// Opens the rows, which have been surveyed before.
    pub(crate) fn open(&self, types: &ColumnTypes) -> Result<Box<dyn Rows>> {
        let path = &self.path;
        match self.format {
            Format::Jsonl => Ok(Box::new(Jsonl::new(reader(path)?, path))),
            Format::Csv | Format::Tsv => {
                Ok(Box::new(Csv::new(reader(path)?, path, self.is_tabbed(), types)?))
            }
            Format::Npy => Ok(Box::new(Npy::new(path, self.metadata_of_matrix()?)?)),
            Format::Parquet => self.open_parquet(),
        }
    }

    /// Whether its cells are separated by tabs.
    pub(super) fn is_tabbed(&self) -> bool {
        self.format == Format::Tsv
    }

    /// The file with ids and metadata, which a `.npy` file must have.
    pub(super) fn metadata_of_matrix(&self) -> Result<&Path> {
        self.metadata.as_deref().ok_or_else(|| {
            Error::invalid(format!(
                "{} holds vectors only: give ids and metadata with --metadata FILE.jsonl",
                self.path.display()
            ))
        })
    }

    #[cfg(feature = "parquet")]
    pub(super) fn open_parquet(&self) -> Result<Box<dyn Rows>> {
        Ok(Box::new(super::parquet::ParquetRows::new(&self.path)?))
    }

    #[cfg(not(feature = "parquet"))]
    pub(super) fn open_parquet(&self) -> Result<Box<dyn Rows>> {
        Err(without_parquet())
    }
}

#[cfg(not(feature = "parquet"))]
pub(crate) fn without_parquet() -> Error {
    Error::unsupported("Parquet is not compiled in: build with the feature `parquet`")
}
