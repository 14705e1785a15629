//! NumPy's `.npy` matrices, with ids and metadata beside them.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use npyz::{NpyFile, NpyHeader, NpyReader, Order};
use portolan::{Error, Record, Result};

use super::fingerprint::Hashed;
use super::lines::{Line, Lines};
use super::record::parse_metadata_line;
use super::rows::{Glimpse, Row, Rows};
use super::source::{Source, buffered};
use crate::failure::file_error;

/// A vector a row of the matrix, its id and metadata on the line of that number.
pub(super) struct Npy {
    path: PathBuf,
    matrix: Matrix<BufReader<File>>,
    at: u64,
    metadata_path: PathBuf,
    metadata: Lines<BufReader<File>>,
}

impl Npy {
    /// Opens both files, which [`Pairs`] has checked.
    pub(super) fn new(source: &Source, lines: &Source) -> Result<Self> {
        let matrix = Matrix::new(buffered(source.open()?), source.path())?;
        let metadata = Lines::new(buffered(lines.open()?));
        let (path, metadata_path) = (source.path().to_owned(), lines.path().to_owned());
        Ok(Self { path, matrix, at: 0, metadata_path, metadata })
    }

    fn row(&mut self) -> Result<Row> {
        let vector = self.matrix.row().map_err(|e| file_error(&self.path, "read", &e))?;
        let line = self.metadata.next().map_err(|e| file_error(&self.metadata_path, "read", &e))?;
        let line = line.ok_or_else(|| {
            Error::invalid(format!("{} became shorter while it was read", self.metadata_path.display()))
        })?;
        let record = line.text.map_err(Error::invalid).and_then(parse_metadata_line);
        let record = record
            .map(|(id, metadata)| Record::new(id, vector).metadata(metadata))
            .map_err(|e| e.with_context("metadata", self.metadata_path.display().to_string()));
        Ok(Row { line: line.number, record })
    }
}

impl Iterator for Npy {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        if self.at == self.matrix.rows {
            return None;
        }
        self.at += 1;
        Some(self.row())
    }
}

impl Rows for Npy {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        let rows = rows.min(self.matrix.rows - self.at);
        self.at += rows;
        self.matrix.seek(self.at).map_err(|e| file_error(&self.path, "read", &e))?;
        for _ in 0..rows {
            self.metadata.next().map_err(|e| file_error(&self.metadata_path, "read", &e))?;
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.at * self.matrix.row_bytes()
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
}

impl<'a> Pairs<'a> {
    /// Checks the matrix by its header and its size.
    pub(super) fn new(
        path: &'a Path,
        file: &mut Hashed,
        metadata_path: &'a Path,
        metadata: &'a mut Hashed,
    ) -> Result<Self> {
        let Matrix { rows, dimension, components } = Matrix::new(&mut *file, path)?;
        let expected = u128::from(rows) * dimension as u128 * u128::from(components.size());
        let length = file.size().map_err(|e| file_error(path, "read", &e))?;
        let there = length.saturating_sub(file.bytes_read());
        if u128::from(there) < expected {
            return Err(Error::invalid(format!(
                "{} is truncated: its header promises {rows} x {dimension} numbers, {expected} bytes, and {there} are there; \
                 copy or write it again",
                path.display()
            )));
        }
        Ok(Self { path, rows, dimension, metadata_path, metadata: Lines::new(buffered(metadata)), lines: 0 })
    }

    /// Counts the lines that are left.
    pub(super) fn finish(mut self) -> Result<()> {
        while self.read()?.is_some() {}
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

    fn read(&mut self) -> Result<Option<Line<'_>>> {
        let line = self.metadata.next().map_err(|e| file_error(self.metadata_path, "read", &e))?;
        self.lines += u64::from(line.is_some());
        Ok(line)
    }
}

impl Iterator for Pairs<'_> {
    type Item = Result<Glimpse>;

    fn next(&mut self) -> Option<Result<Glimpse>> {
        let dimension = self.dimension;
        let glimpse = |line: Line<'_>| {
            let parsed = line.text.map_err(Error::invalid).and_then(parse_metadata_line);
            Glimpse { line: line.number, dimension: parsed.map(|_| dimension) }
        };
        self.read().map(|line| line.map(glimpse)).transpose()
    }
}

/// A matrix of f32 or f64, row by row.
struct Matrix<R: Read> {
    rows: u64,
    dimension: usize,
    components: Components<R>,
}

impl<R: Read> Matrix<R> {
    /// Reads the header, and not a byte more of a reader without buffer.
    fn new(mut file: R, path: &Path) -> Result<Self> {
        let header = NpyHeader::from_reader(&mut file)
            .map_err(|e| Error::invalid(format!("{} is not a .npy file: {e}", path.display())))?;
        let (rows, dimension) = shape(&header, path)?;
        Ok(Self { rows, dimension, components: Components::new(header, file, path)? })
    }

    fn row(&mut self) -> io::Result<Vec<f32>> {
        match &mut self.components {
            Components::F32(reader) => reader.take(self.dimension).collect(),
            Components::F64(reader) => reader.take(self.dimension).map(|x| x.map(|x| x as f32)).collect(),
        }
    }

    fn row_bytes(&self) -> u64 {
        self.dimension as u64 * self.components.size()
    }
}

impl<R: Read + Seek> Matrix<R> {
    fn seek(&mut self, row: u64) -> io::Result<()> {
        let component = row * self.dimension as u64;
        match &mut self.components {
            Components::F32(reader) => reader.seek_to(component),
            Components::F64(reader) => reader.seek_to(component),
        }
    }
}

enum Components<R: Read> {
    F32(NpyReader<f32, R>),
    F64(NpyReader<f64, R>),
}

impl<R: Read> Components<R> {
    fn new(header: NpyHeader, file: R, path: &Path) -> Result<Self> {
        let file = NpyFile::with_header(header, file);
        let file = match file.try_data::<f32>() {
            Ok(reader) => return Ok(Self::F32(reader)),
            Err(file) => file,
        };
        file.try_data::<f64>().map(Self::F64).map_err(|file| {
            Error::invalid(format!(
                "{} holds values of the type {}, and must hold f32 or f64; save it with .astype(numpy.float32)",
                path.display(),
                file.dtype().descr()
            ))
        })
    }

    /// The bytes of one.
    fn size(&self) -> u64 {
        match self {
            Self::F32(_) => 4,
            Self::F64(_) => 8,
        }
    }
}

fn shape(header: &NpyHeader, path: &Path) -> Result<(u64, usize)> {
    let &[rows, dimension] = header.shape() else {
        return Err(Error::invalid(format!(
            "{} has the shape {:?}, and must be a matrix: a row for each vector",
            path.display(),
            header.shape()
        )));
    };
    if header.order() == Order::Fortran && rows > 1 && dimension > 1 {
        return Err(Error::invalid(format!(
            "{} is stored column by column; save it with numpy.ascontiguousarray",
            path.display()
        )));
    }
    match usize::try_from(dimension) {
        Ok(0) => Err(Error::invalid(format!("{} holds vectors without components", path.display()))),
        Ok(dimension) => Ok((rows, dimension)),
        Err(_) => Err(Error::invalid(format!("{} holds vectors of {dimension} components", path.display()))),
    }
}
