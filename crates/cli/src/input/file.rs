//! A file of records, and how it is opened.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portolan::{Error, Result};

use super::csv::{ColumnTypes, Csv};
use super::jsonl::Jsonl;
use super::npy::{Npy, Npz};
use super::roles::Choice;
use super::rows::Rows;
use super::source::{is_stdin, reader};
use super::vecs::{Component, Vecs};

/// The format of a file of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A record a line: {"id": …, "vector": […], "metadata": {…}}
    Jsonl,
    /// A row each: id, vector as a JSON list or v0, v1, …; other columns are metadata
    Csv,
    /// Like csv, separated by tabs
    Tsv,
    /// A matrix, with --metadata
    Npy,
    /// An array for each column: ids, vectors; others are metadata
    Npz,
    /// A vector a row of 32-bit floats, ids are row numbers
    Fvecs,
    /// A vector a row of bytes, ids are row numbers
    Bvecs,
    /// Columns as in csv, the vector a list
    Parquet,
    /// Columns as in csv, the vector a list: Arrow IPC, file or stream, and Feather
    Arrow,
    /// A matrix, ids are row numbers: the data set train of ann-benchmarks
    Hdf5,
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
            "npz" => Ok(Self::Npz),
            "fvecs" => Ok(Self::Fvecs),
            "bvecs" => Ok(Self::Bvecs),
            "parquet" | "pq" => Ok(Self::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Ok(Self::Arrow),
            "hdf5" | "h5" => Ok(Self::Hdf5),
            _ => Err(Error::invalid(format!(
                "the format of {} is not known by its name; add --format jsonl, csv, tsv, npy, npz, fvecs, bvecs, parquet, arrow or hdf5",
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
    /// What the user said of its columns.
    pub(crate) columns: Choice,
}

impl Input {
    /// What its rows are counted in.
    pub(crate) fn unit(&self) -> &'static str {
        match self.format {
            Format::Jsonl | Format::Csv | Format::Tsv | Format::Npy => "line",
            _ => "row",
        }
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
            Format::Npz => Ok(Box::new(Npz::new(path, &self.columns)?)),
            Format::Fvecs => Ok(Box::new(Vecs::new(path, Component::F32)?)),
            Format::Bvecs => Ok(Box::new(Vecs::new(path, Component::U8)?)),
            Format::Parquet | Format::Arrow | Format::Hdf5 => self.open_extra(),
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
                "{} holds vectors only: give ids and metadata with --metadata FILE.jsonl, a line for each vector; for row \
                 numbers as ids, `seq 0 999 | sed 's/.*/{{\"id\":&}}/' > ids.jsonl` writes one for 1000 vectors",
                self.path.display()
            ))
        })
    }

    #[cfg(feature = "formats")]
    fn open_extra(&self) -> Result<Box<dyn Rows>> {
        match self.format {
            Format::Parquet => super::parquet::open(&self.path, &self.columns),
            Format::Arrow => super::arrow::open_ipc(&self.path, &self.columns),
            _ => Ok(Box::new(super::hdf5::Hdf5::new(&self.path, &self.columns)?)),
        }
    }

    #[cfg(not(feature = "formats"))]
    fn open_extra(&self) -> Result<Box<dyn Rows>> {
        Err(without_formats(&self.name))
    }
}

/// The error of a file whose format this program was built without.
#[cfg(not(feature = "formats"))]
pub(crate) fn without_formats(file: &str) -> Error {
    Error::unsupported(format!(
        "{file}: this program was built without Parquet, Arrow and HDF5; in the source folder of Portolan, \
         `cargo install --path crates/cli --features formats` installs it with them"
    ))
}
