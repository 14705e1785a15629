//! NumPy's `.npy` matrices, with ids and metadata beside them.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};

use npyz::{NpyFile, NpyHeader, NpyReader, Order};
use portolan::{Error, Record, Result};

use super::lines::Lines;
use super::record::parse_metadata_line;
use super::{Row, Rows, open_file};
use crate::failure::file_error;

type Reader = BufReader<File>;

/// A vector a row of the matrix, its id and metadata on the line of that number.
pub(super) struct Npy {
    path: PathBuf,
    components: Components,
    dimension: u64,
    rows: u64,
    at: u64,
    metadata_path: PathBuf,
    metadata: Lines<Reader>,
}

enum Components {
    F32(NpyReader<f32, Reader>),
    F64(NpyReader<f64, Reader>),
}

impl Npy {
    /// Opens both files and checks that they belong together, before any row is read.
    pub(super) fn new(path: &Path, metadata_path: &Path) -> Result<Self> {
        let mut file = BufReader::with_capacity(1 << 18, open_file(path)?);
        let header = NpyHeader::from_reader(&mut file)
            .map_err(|e| Error::invalid(format!("{} is not a .npy file: {e}", path.display())))?;
        let (rows, dimension) = shape(&header, path)?;
        let start = file.stream_position().map_err(|e| file_error(path, "read", &e))?;
        let length = file.get_ref().metadata().map_err(|e| file_error(path, "read", &e))?.len();
        let components = components(header, file, path)?;
        let expected = u128::from(rows) * u128::from(dimension) * components.size();
        if u128::from(length - start) < expected {
            return Err(Error::invalid(format!(
                "{} is truncated: its header promises {rows} x {dimension} numbers, {expected} bytes, and {} are there; \
                 copy or write it again",
                path.display(),
                length - start
            )));
        }
        let lines = count_lines(metadata_path)?;
        if lines != rows {
            return Err(Error::invalid(format!(
                "{} has {rows} vectors and {} has {lines} lines: each vector needs one line; nothing was stored",
                path.display(),
                metadata_path.display()
            )));
        }
        let metadata = Lines::new(BufReader::new(open_file(metadata_path)?));
        let (path, metadata_path) = (path.to_owned(), metadata_path.to_owned());
        Ok(Self { path, components, dimension, rows, at: 0, metadata_path, metadata })
    }

    fn row(&mut self) -> Result<Row> {
        let vector = self.components.row(self.dimension).map_err(|e| file_error(&self.path, "read", &e))?;
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
        self.components.seek(self.at * self.dimension).map_err(|e| file_error(&self.path, "read", &e))?;
        for _ in 0..rows {
            self.metadata.next().map_err(|e| file_error(&self.metadata_path, "read", &e))?;
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.at * self.dimension * self.components.size() as u64
    }
}

impl Components {
    fn size(&self) -> u128 {
        match self {
            Self::F32(_) => 4,
            Self::F64(_) => 8,
        }
    }

    fn row(&mut self, dimension: u64) -> std::io::Result<Vec<f32>> {
        let dimension = usize::try_from(dimension).map_err(std::io::Error::other)?;
        match self {
            Self::F32(reader) => reader.take(dimension).collect(),
            Self::F64(reader) => reader.take(dimension).map(|x| x.map(|x| x as f32)).collect(),
        }
    }

    fn seek(&mut self, component: u64) -> std::io::Result<()> {
        match self {
            Self::F32(reader) => reader.seek_to(component),
            Self::F64(reader) => reader.seek_to(component),
        }
    }
}

fn shape(header: &NpyHeader, path: &Path) -> Result<(u64, u64)> {
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
    if dimension == 0 {
        return Err(Error::invalid(format!("{} holds vectors without components", path.display())));
    }
    Ok((rows, dimension))
}

fn components(header: NpyHeader, file: Reader, path: &Path) -> Result<Components> {
    let file = NpyFile::with_header(header, file);
    let file = match file.try_data::<f32>() {
        Ok(reader) => return Ok(Components::F32(reader)),
        Err(file) => file,
    };
    file.try_data::<f64>().map(Components::F64).map_err(|file| {
        Error::invalid(format!(
            "{} holds values of the type {}, and must hold f32 or f64; save it with .astype(numpy.float32)",
            path.display(),
            file.dtype().descr()
        ))
    })
}

fn count_lines(path: &Path) -> Result<u64> {
    let mut lines = Lines::new(BufReader::with_capacity(1 << 18, open_file(path)?));
    let mut count = 0;
    while lines.next().map_err(|e| file_error(path, "read", &e))?.is_some() {
        count += 1;
    }
    Ok(count)
}
