//! A file of records, and how it is opened.

use std::path::Path;

use clap::ValueEnum;
use portolan::{Error, Result};

use super::csv::{ColumnTypes, Csv};
use super::jsonl::Jsonl;
use super::npy::Npy;
use super::rows::Rows;
use super::source::Source;

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
    /// The format of a file by its name.
    pub(crate) fn of(path: &Path) -> Result<Self> {
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

    /// The format of what has no name, by its first bytes; JSONL where they do not tell.
    pub(crate) fn of_head(head: &[u8]) -> Self {
        let text = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).trim_ascii_start();
        let first_line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        match text.first() {
            _ if head.starts_with(b"PAR1") => Self::Parquet,
            _ if head.starts_with(b"\x93NUMPY") => Self::Npy,
            None | Some(b'{' | b'[') => Self::Jsonl,
            _ if first_line.contains(&b'\t') => Self::Tsv,
            _ if first_line.contains(&b',') => Self::Csv,
            _ => Self::Jsonl,
        }
    }
}

/// What holds records, and how to read it.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// Where its bytes come from.
    pub(crate) source: Source,
    /// Its format.
    pub(crate) format: Format,
    /// The ids and metadata, for `.npy`.
    pub(crate) metadata: Option<Source>,
}

impl Input {
    /// The name by which rows are told, which of a matrix is that of the lines beside it.
    pub(crate) fn name(&self) -> String {
        self.metadata.as_ref().unwrap_or(&self.source).path().display().to_string()
    }

    /// What its rows are counted in.
    pub(crate) fn unit(&self) -> &'static str {
        if self.format == Format::Parquet { "row" } else { "line" }
    }

    /// What it is read from.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(&self.metadata)
    }

    /// Opens the rows, which have been surveyed before.
    pub(crate) fn open(&self, types: &ColumnTypes) -> Result<Box<dyn Rows>> {
        let (source, path) = (&self.source, self.source.path());
        match self.format {
            Format::Jsonl => Ok(Box::new(Jsonl::new(source.reader()?, path))),
            Format::Csv | Format::Tsv => {
                Ok(Box::new(Csv::new(source.reader()?, path, self.is_tabbed(), types)?))
            }
            Format::Npy => Ok(Box::new(Npy::new(source, self.metadata_of_matrix()?)?)),
            Format::Parquet => self.open_parquet(),
        }
    }

    /// Whether its cells are separated by tabs.
    pub(super) fn is_tabbed(&self) -> bool {
        self.format == Format::Tsv
    }

    /// The ids and metadata, which a `.npy` file must have.
    pub(super) fn metadata_of_matrix(&self) -> Result<&Source> {
        self.metadata.as_ref().ok_or_else(|| {
            Error::invalid(format!(
                "{} holds vectors only: give ids and metadata with --metadata FILE.jsonl",
                self.source.path().display()
            ))
        })
    }

    #[cfg(feature = "parquet")]
    pub(super) fn open_parquet(&self) -> Result<Box<dyn Rows>> {
        Ok(Box::new(super::parquet::ParquetRows::new(&self.source)?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_is_told_by_its_first_bytes() {
        for (head, format) in [
            (&b"{\"id\":\"a,b\"}"[..], Format::Jsonl),
            ("\u{feff}\r\n {\"id\":1}".as_bytes(), Format::Jsonl),
            (b"[1,2]", Format::Jsonl),
            (b"id,vector\nx,\"[1\t2]\"\n", Format::Csv),
            (b"id\tvector\nx\t[1,2]\n", Format::Tsv),
            (b"PAR1....", Format::Parquet),
            (b"\x93NUMPY\x01\x00", Format::Npy),
            (b"no record\n", Format::Jsonl),
            (b"", Format::Jsonl),
        ] {
            assert_eq!(Format::of_head(head), format, "{:?}", String::from_utf8_lossy(head));
        }
    }
}
