//! A file of records, and how it is opened.

use std::io::{self, BufRead, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use portolan::{Error, Result};

use super::compressed::{self, uncompressed_name};
use super::csv::{ColumnTypes, Csv};
use super::json::{Document, Form, MOST_PROBED, Objects, Vectors, form_of, is_telling};
use super::jsonl::Jsonl;
use super::npy::Npy;
use super::roles::Choice;
use super::rows::Rows;
use super::source::{is_stdin, reader};
use crate::failure::file_error;

/// How much of a file tells its format.
const HEAD: u64 = 4096;

/// The format of a file of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A record a line: {"id": …, "vector": […], "metadata": {…}}
    Jsonl,
    /// A list of such records, an object that holds one, or columns of ids, vectors and metadata
    Json,
    /// A row each: id, vector as a list or in v0, v1, …; other columns are metadata
    Csv,
    /// Like csv, separated by tabs
    Tsv,
    /// A matrix of f32 or f64, with --metadata
    Npy,
    /// id, vector as a list, metadata as JSON; other columns are metadata
    Parquet,
}

impl Format {
    /// The format of a file by its name, or else by its content; that of stdin is JSONL.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        if is_stdin(path) {
            return Ok(Self::Jsonl);
        }
        let (name, is_compressed) = uncompressed_name(path);
        let format = Self::by_name(name).map_or_else(|| Self::by_content(path), Ok)?;
        if is_compressed && !format.is_text() {
            return Err(Error::invalid(format!(
                "{} is compressed, and only text is read so: unpack it first",
                path.display()
            )));
        }
        Ok(format)
    }

    /// The format of what begins so.
    pub(crate) fn of_head(head: &[u8]) -> Option<Self> {
        let text = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).trim_ascii_start();
        let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match text.first()? {
            _ if head.starts_with(b"PAR1") => Some(Self::Parquet),
            _ if head.starts_with(b"\x93NUMPY") => Some(Self::Npy),
            b'[' => Some(Self::Json),
            b'{' => Some(Self::Jsonl),
            _ if first_line.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) => None,
            _ if first_line.contains(&b'\t') => Some(Self::Tsv),
            _ if first_line.contains(&b',') || first_line.contains(&b';') => Some(Self::Csv),
            _ => None,
        }
    }

    fn by_name(path: &Path) -> Option<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" | "jsonlines" => Some(Self::Jsonl),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "npy" => Some(Self::Npy),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    fn by_content(path: &Path) -> Result<Self> {
        let failed = |e: io::Error| file_error(path, "read", &e);
        let mut head = Vec::new();
        let text = compressed::text(reader(path)?, path).map_err(failed)?;
        text.take(HEAD).read_to_end(&mut head).map_err(failed)?;
        Self::of_head(&head).ok_or_else(|| {
            Error::invalid(format!(
                "neither name nor content tells the format of {}; add --format jsonl, json, csv, tsv, npy or parquet",
                path.display()
            ))
        })
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Jsonl | Self::Json | Self::Csv | Self::Tsv)
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
    /// What separates the cells of a table, where the user said that.
    pub(crate) delimiter: Option<u8>,
}

impl Input {
    /// What its rows are counted in.
    pub(crate) fn unit(&self) -> &'static str {
        if self.format == Format::Parquet { "row" } else { "line" }
    }

    /// The error of a row of it.
    pub(crate) fn row_error(&self, line: u64, error: &Error) -> Error {
        Error::new(error.kind(), format!("{}, {} {line}: {}", self.name, self.unit(), error.message()))
    }

    /// The files it consists of.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.path.as_path()).chain(self.metadata.as_deref())
    }

    /// Opens the rows, which have been surveyed before.
    pub(crate) fn open(&self, types: &ColumnTypes) -> Result<Box<dyn Rows>> {
        match self.format {
            Format::Jsonl | Format::Json => self.objects(reader(&self.path)?, types),
            Format::Csv | Format::Tsv => Ok(Box::new(self.table(reader(&self.path)?, types)?)),
            Format::Npy => Ok(Box::new(Npy::new(&self.path, self.metadata_of_matrix()?)?)),
            Format::Parquet => self.open_parquet(),
        }
    }

    /// The records in JSON, however it is laid out.
    pub(super) fn objects<'r>(
        &self,
        reader: impl BufRead + Send + 'r,
        types: &ColumnTypes,
    ) -> Result<Box<dyn Rows + 'r>> {
        let path = &self.path;
        let failed = |e: io::Error| file_error(path, "read", &e);
        let (head, reader) = peeked(compressed::text(reader, path).map_err(failed)?).map_err(failed)?;
        let objects = Objects::new(&self.columns, types.declared(), Vectors::Here);
        let usual = if self.format == Format::Json { Form::Document } else { Form::Lines };
        Ok(match form_of(&head, usual) {
            Form::Lines => Box::new(Jsonl::new(reader, path, objects)),
            Form::Document => Box::new(Document::new(reader, path, objects)),
        })
    }

    /// The rows of a table.
    pub(super) fn table<'r>(
        &self,
        reader: impl BufRead + Send + 'r,
        types: &ColumnTypes,
    ) -> Result<Csv<Box<dyn BufRead + Send + 'r>>> {
        let text = compressed::text(reader, &self.path).map_err(|e| file_error(&self.path, "read", &e))?;
        let usual = (self.format == Format::Tsv).then_some(b'\t');
        Csv::new(text, &self.path, self.delimiter.or(usual), &self.columns, types)
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

/// A reader with the bytes that tell how JSON is laid out, which stay to be read.
fn peeked<R: BufRead>(mut reader: R) -> io::Result<(Vec<u8>, Chain<Cursor<Vec<u8>>, R>)> {
    let mut head = Vec::new();
    while head.len() < MOST_PROBED && !is_telling(&head) {
        let left = (MOST_PROBED - head.len()) as u64;
        if reader.by_ref().take(left).read_until(b'\n', &mut head)? == 0 {
            break;
        }
    }
    Ok((head.clone(), Cursor::new(head).chain(reader)))
}
