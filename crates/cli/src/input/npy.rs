//! NumPy's `.npy` matrices, with ids and metadata beside them.

mod archive;
mod array;
mod item;
mod npz;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use portolan::{Error, Metadata, Record, Result};

use self::array::{Array, Header};
pub(super) use self::npz::Npz;

use super::fingerprint::Hashed;
use super::json::Objects;
use super::lines::{Line, Lines};
use super::rows::{Glimpse, Row, Rows};
use super::source::{Source, buffered};
use crate::failure::file_error;

/// A vector a row of the matrix, its id and metadata on the line of that number.
pub(super) struct Npy {
    path: PathBuf,
    matrix: Array<File>,
    rows: u64,
    at: u64,
    metadata_path: PathBuf,
    metadata: Lines<BufReader<File>>,
    objects: Objects,
}

impl Npy {
    /// Opens both files, which [`Pairs`] has checked.
    pub(super) fn new(source: &Source, lines: &Source, objects: Objects) -> Result<Self> {
        let name = source.path().display().to_string();
        let matrix = Array::new(buffered(source.open()?), &name)?;
        let (rows, _) = matrix.header().matrix(&name)?;
        let metadata = Lines::new(buffered(lines.open()?));
        let (path, metadata_path) = (source.path().to_owned(), lines.path().to_owned());
        Ok(Self { path, matrix, rows, at: 0, metadata_path, metadata, objects })
    }

    fn row(&mut self) -> Result<Row> {
        let vector = self.matrix.vector().map_err(|e| file_error(&self.path, "read", &e))?;
        let line = self.metadata.next().map_err(|e| file_error(&self.metadata_path, "read", &e))?;
        let line = line.ok_or_else(|| {
            Error::invalid(format!("{} became shorter while it was read", self.metadata_path.display()))
        })?;
        let record = id_and_metadata(&line, &mut self.objects)
            .map(|(id, metadata)| Record::new(id, vector).metadata(metadata))
            .map_err(|e| e.with_context("metadata", self.metadata_path.display().to_string()));
        Ok(Row { line: line.number, record })
    }
}

impl Iterator for Npy {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        if self.at == self.rows {
            return None;
        }
        self.at += 1;
        Some(self.row())
    }
}

impl Rows for Npy {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        let rows = rows.min(self.rows - self.at);
        self.at += rows;
        self.matrix.seek(self.at).map_err(|e| file_error(&self.path, "read", &e))?;
        for _ in 0..rows {
            self.metadata.next().map_err(|e| file_error(&self.metadata_path, "read", &e))?;
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.matrix.bytes_read()
    }
}

/// The lines that belong to a matrix, read in the first pass, which checks that there are as many as rows.
pub(super) struct Pairs<'a> {
    path: &'a Path,
    rows: u64,
    dimension: usize,
    metadata_path: &'a Path,
    metadata: Lines<BufReader<&'a mut Hashed>>,
    lines: u64,
    objects: Objects,
}

impl<'a> Pairs<'a> {
    /// Checks the matrix by its header and its size.
    pub(super) fn new(
        path: &'a Path,
        file: &mut Hashed,
        metadata_path: &'a Path,
        metadata: &'a mut Hashed,
        objects: Objects,
    ) -> Result<Self> {
        let name = path.display().to_string();
        let header = Header::read(file, &name)?;
        let (rows, dimension) = header.matrix(&name)?;
        let expected = header.bytes();
        let length = file.size().map_err(|e| file_error(path, "read", &e))?;
        let there = length.saturating_sub(file.bytes_read());
        if u128::from(there) < expected {
            return Err(Error::invalid(format!(
                "{} is truncated: its header promises {rows} x {dimension} numbers, {expected} bytes, and {there} are there; \
                 copy or write it again",
                path.display()
            )));
        }
        Ok(Self {
            path,
            rows,
            dimension,
            metadata_path,
            metadata: Lines::new(buffered(metadata)),
            lines: 0,
            objects,
        })
    }

    /// Counts the lines that are left.
    pub(super) fn finish(mut self) -> Result<()> {
        let failed = |e| file_error(self.metadata_path, "read", &e);
        while self.metadata.next().map_err(failed)?.is_some() {
            self.lines += 1;
        }
        if self.lines == self.rows {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "{} has {} vectors and {} has {} lines: each vector needs one line; nothing was stored",
            self.path.display(),
            self.rows,
            self.metadata_path.display(),
            self.lines
        )))
    }
}

impl Iterator for Pairs<'_> {
    type Item = Result<Glimpse>;

    fn next(&mut self) -> Option<Result<Glimpse>> {
        let line = match self.metadata.next() {
            Ok(line) => line?,
            Err(e) => return Some(Err(file_error(self.metadata_path, "read", &e))),
        };
        self.lines += 1;
        let dimension = id_and_metadata(&line, &mut self.objects).map(|_| self.dimension);
        Some(Ok(Glimpse { line: line.number, dimension }))
    }
}

/// What a line says of its vector.
fn id_and_metadata(line: &Line<'_>, objects: &mut Objects) -> Result<(String, Metadata)> {
    let text = line.text.map_err(Error::invalid)?;
    Ok(objects.id_and_metadata(text)?)
}
