//! A file of records, and how it is opened.

use std::io::{self, BufRead, Read};
use std::path::Path;

use clap::ValueEnum;
use portolan::{Error, Result};

use super::compressed::{self, uncompressed_name};
use super::csv::{ColumnTypes, Csv, Delimiter};
use super::json::{Document, Form, MOST_PROBED, Objects, Vectors, form_of, is_telling};
use super::jsonl::Jsonl;
use super::npy::{Npy, Npz};
use super::reread::{Reread, reread};
use super::roles::{Choice, Told};
use super::rows::Rows;
use super::source::Source;
use super::vecs::{Component, Vecs};
use crate::failure::file_error;

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
    /// A matrix, with --metadata
    Npy,
    /// An array for each column: ids, vectors; others are metadata
    Npz,
    /// A vector a row of 32-bit floats; ids are row numbers
    Fvecs,
    /// A vector a row of bytes; ids are row numbers
    Bvecs,
    /// Columns as in csv, the vector a list
    Parquet,
    /// Columns as in csv, the vector a list: Arrow IPC, file or stream, and Feather
    Arrow,
    /// A matrix, such as train of ann-benchmarks; ids are row numbers
    Hdf5,
}

impl Format {
    /// The format of a file by its name.
    pub(crate) fn by_name(path: &Path) -> Option<Self> {
        let (name, _) = uncompressed_name(path);
        let extension = name.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        match extension.as_str() {
            "jsonl" | "ndjson" | "jsonlines" => Some(Self::Jsonl),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Npz),
            "fvecs" => Some(Self::Fvecs),
            "bvecs" => Some(Self::Bvecs),
            "parquet" | "pq" => Some(Self::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Self::Arrow),
            "hdf5" | "h5" => Some(Self::Hdf5),
            _ => None,
        }
    }

    /// The format of a file by its content.
    pub(crate) fn by_content(source: &Source) -> Result<Self> {
        let (head, path) = (source.head()?, source.path());
        if let Some(what) = compressed::other(&head, path) {
            return Err(Error::invalid(format!("cannot read {}: {what}", path.display())));
        }
        Self::of_head(&head).ok_or_else(|| {
            Error::invalid(format!(
                "neither name nor content tells the format of {}; add --format jsonl, json, csv, tsv, npy, npz, fvecs, bvecs, \
                 parquet, arrow or hdf5",
                path.display()
            ))
        })
    }

    /// The format of what begins so.
    pub(crate) fn of_head(head: &[u8]) -> Option<Self> {
        let unpacked = compressed::head_of(head);
        let head = unpacked.as_deref().unwrap_or(head);
        let text = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).trim_ascii_start();
        let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match text.first()? {
            _ if head.starts_with(b"PAR1") => Some(Self::Parquet),
            _ if head.starts_with(b"\x93NUMPY") => Some(Self::Npy),
            _ if head.starts_with(b"PK\x03\x04") => Some(Self::Npz),
            _ if head.starts_with(b"ARROW1") || head.starts_with(b"FEA1") => Some(Self::Arrow),
            _ if head.starts_with(b"\x89HDF\r\n\x1a\n") => Some(Self::Hdf5),
            b'{' | b'[' => Some(Self::Jsonl),
            _ if first_line.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) => None,
            _ if first_line.contains(&b'\t') => Some(Self::Tsv),
            _ if first_line.contains(&b',') || first_line.contains(&b';') => Some(Self::Csv),
            _ => None,
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
    /// What the user said of its columns.
    pub(crate) columns: Choice,
    /// What separates the cells of a table, where the user said that.
    pub(crate) delimiter: Option<u8>,
}

impl Input {
    /// The name by which rows are told, which of a matrix is that of the lines beside it.
    pub(crate) fn name(&self) -> String {
        self.metadata.as_ref().unwrap_or(&self.source).path().display().to_string()
    }

    /// How many bytes there are to read, where that is known.
    pub(crate) fn size(&self) -> Option<u64> {
        let is_compressed =
            !self.source.is_read_once() && compressed::is_compressed(&self.source.head().ok()?);
        if is_compressed { None } else { self.source.size() }
    }

    /// What its rows are counted in.
    pub(crate) fn unit(&self) -> &'static str {
        match self.format {
            Format::Jsonl | Format::Json | Format::Csv | Format::Tsv | Format::Npy => "line",
            _ => "row",
        }
    }

    /// What its columns were taken for, as a sentence.
    pub(crate) fn told(&self, told: &Told) -> String {
        format!("{}: {}.", self.name(), told.text)
    }

    /// The error of a row of it.
    pub(crate) fn row_error(&self, line: u64, error: &Error) -> Error {
        Error::new(error.kind(), format!("{}, {} {line}: {}", self.name(), self.unit(), error.message()))
    }

    /// Refuses what is compressed and is no text, which is not read in order.
    pub(super) fn check_packing(&self) -> Result<()> {
        let is_text = matches!(self.format, Format::Jsonl | Format::Json | Format::Csv | Format::Tsv);
        if is_text || !compressed::is_compressed(&self.source.head()?) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{} is compressed, and only text is read so: unpack it first",
            self.source.path().display()
        )))
    }

    /// What it is read from.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(&self.metadata)
    }

    /// Opens the rows, which have been surveyed before.
    pub(crate) fn open(&self, types: &ColumnTypes) -> Result<Box<dyn Rows>> {
        match self.format {
            Format::Jsonl | Format::Json => self.objects(self.source.reader()?, types),
            Format::Csv | Format::Tsv => Ok(Box::new(self.table(self.source.reader()?, types)?)),
            Format::Npy => {
                let objects = self.objects_beside_vectors(types);
                Ok(Box::new(Npy::new(&self.source, self.metadata_of_matrix()?, objects)?))
            }
            Format::Npz => Ok(Box::new(Npz::new(&self.source, &self.columns, types.declared())?)),
            Format::Fvecs => Ok(Box::new(Vecs::new(&self.source, Component::F32)?)),
            Format::Bvecs => Ok(Box::new(Vecs::new(&self.source, Component::U8)?)),
            Format::Parquet | Format::Arrow | Format::Hdf5 => self.open_extra(types),
        }
    }

    /// The records in JSON, however it is laid out.
    pub(super) fn objects<'r>(
        &self,
        reader: impl BufRead + Send + 'r,
        types: &ColumnTypes,
    ) -> Result<Box<dyn Rows + 'r>> {
        let path = self.source.path();
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
        let path = self.source.path();
        let text = compressed::text(reader, path).map_err(|e| file_error(path, "read", &e))?;
        let usual = if self.format == Format::Tsv { b'\t' } else { b',' };
        let delimiter = self.delimiter.map_or(Delimiter::Found { usual }, Delimiter::Given);
        Csv::new(text, path, delimiter, &self.columns, types)
    }

    /// What reads the lines beside a matrix.
    pub(super) fn objects_beside_vectors(&self, types: &ColumnTypes) -> Objects {
        Objects::new(&self.columns, types.declared(), Vectors::Elsewhere)
    }

    /// The ids and metadata, which a `.npy` file must have.
    pub(super) fn metadata_of_matrix(&self) -> Result<&Source> {
        self.metadata.as_ref().ok_or_else(|| {
            Error::invalid(format!(
                "{} holds vectors only: give ids and metadata with --metadata FILE.jsonl, a line for each vector; for row \
                 numbers as ids, `seq 0 999 | sed 's/.*/{{\"id\":&}}/' > ids.jsonl` writes one for 1000 vectors",
                self.source.path().display()
            ))
        })
    }

    #[cfg(feature = "formats")]
    fn open_extra(&self, types: &ColumnTypes) -> Result<Box<dyn Rows>> {
        match self.format {
            Format::Parquet => super::parquet::open(&self.source, &self.columns, types.declared()),
            Format::Arrow => super::arrow::open_ipc(&self.source, &self.columns, types.declared()),
            _ => Ok(Box::new(super::hdf5::Hdf5::new(&self.source, &self.columns)?)),
        }
    }

    #[cfg(not(feature = "formats"))]
    fn open_extra(&self, _types: &ColumnTypes) -> Result<Box<dyn Rows>> {
        Err(Error::unsupported(format!("{}: {}", self.source.path().display(), without_formats().message())))
    }
}

/// The error of a file whose format this program was built without.
#[cfg(not(feature = "formats"))]
pub(crate) fn without_formats() -> Error {
    Error::unsupported(
        "this program was built without Parquet, Arrow and HDF5; in the source folder of Portolan, \
         `cargo install --path crates/cli --features formats` installs it with them",
    )
}

/// A reader with the bytes that tell how JSON is laid out, which stay to be read.
fn peeked<R: BufRead>(mut reader: R) -> io::Result<(Vec<u8>, Reread<R>)> {
    let mut head = Vec::new();
    while head.len() < MOST_PROBED && !is_telling(&head) {
        let left = (MOST_PROBED - head.len()) as u64;
        if reader.by_ref().take(left).read_until(b'\n', &mut head)? == 0 {
            break;
        }
    }
    Ok((head.clone(), reread(head, reader)))
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
            (b"id;vector\na;1\n", Format::Csv),
            (b"PAR1....", Format::Parquet),
            (b"\x93NUMPY\x01\x00", Format::Npy),
            (b"PK\x03\x04....", Format::Npz),
            (b"ARROW1\x00\x00", Format::Arrow),
            (b"\x89HDF\r\n\x1a\n", Format::Hdf5),
            (b"no record\n", Format::Jsonl),
            (b"", Format::Jsonl),
        ] {
            assert_eq!(
                Format::of_head(head).unwrap_or(Format::Jsonl),
                format,
                "{:?}",
                String::from_utf8_lossy(head)
            );
        }
    }
}
