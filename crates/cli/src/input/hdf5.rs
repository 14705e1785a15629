//! HDF5 as the files of ann-benchmarks: a matrix, whose row numbers are the ids.

use std::path::PathBuf;

use hdf5_pure::{DType, Dataset, File, ReadSeekSource};
use portolan::{Error, Record, Result};

use super::guard::guarded;
use super::roles::{Choice, listed, shown};
use super::rows::{Row, Rows};
use super::source::Source;

/// The data set that holds the vectors where none is chosen.
const VECTORS: [&str; 4] = ["train", "vectors", "embeddings", "vector"];

/// How many bytes are read at once.
const BLOCK: u64 = 8 << 20;

/// A record a row of the matrix.
pub(super) struct Hdf5 {
    path: PathBuf,
    matrix: Dataset,
    is_f32: bool,
    rows: u64,
    dimension: usize,
    at: u64,
    block: std::vec::IntoIter<Vec<f32>>,
}

impl Hdf5 {
    pub(super) fn new(source: &Source, choice: &Choice) -> Result<Self> {
        let path = source.path();
        let wrong = |why: &str| Error::invalid(format!("{}: {why}", path.display()));
        let file = source.open()?;
        let opened = guarded(|| File::from_source(ReadSeekSource::new(file)?))
            .ok_or_else(|| wrong("the file is damaged"))?;
        let file = opened.map_err(|e| wrong(&format!("it is no HDF5 file, or is truncated: {e}")))?;
        let names = file.root().datasets().map_err(|e| wrong(&e.to_string()))?;
        let known = |name: &&str| names.iter().any(|n| n == name);
        let name = choice.vector.as_deref().or_else(|| VECTORS.into_iter().find(known)).ok_or_else(|| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            wrong(&format!(
                "no data set is known to hold the vectors; they are {}; name it with --vector-column NAME",
                listed(&names)
            ))
        })?;
        let wrong = |why: &str| wrong(&format!("the data set {} {why}", shown(name)));
        let matrix = file.dataset(name).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        let of = matrix.dtype().map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        let shape = matrix.shape().map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        let &[rows, dimension] = shape.as_slice() else {
            return Err(wrong(&format!(
                "has the shape {shape:?}, and must be a matrix: a row for each vector"
            )));
        };
        if !is_number(&of) {
            return Err(wrong(&format!("holds values of the type {of}, and must hold numbers")));
        }
        let dimension = usize::try_from(dimension).ok().filter(|n| (1..1 << 24).contains(n));
        let dimension =
            dimension.ok_or_else(|| wrong(&format!("has the shape {shape:?}, which is no vectors")))?;
        let block = Vec::new().into_iter();
        Ok(Self { path: path.to_owned(), matrix, is_f32: of == DType::F32, rows, dimension, at: 0, block })
    }

    fn vector(&mut self) -> Result<Vec<f32>> {
        if let Some(vector) = self.block.next() {
            return Ok(vector);
        }
        let count = (BLOCK / (self.dimension as u64 * 8)).clamp(1, self.rows - self.at);
        let unreadable = |why: &str| {
            Error::invalid(format!("{}, row {} cannot be read: {why}", self.path.display(), self.at + 1))
        };
        let read = guarded(|| {
            if self.is_f32 {
                return self.matrix.read_f32_rows(self.at, count);
            }
            let numbers = self.matrix.read_f64_rows(self.at, count)?;
            Ok(numbers.into_iter().map(|x| x as f32).collect())
        });
        let numbers =
            read.ok_or_else(|| unreadable("the file is damaged"))?.map_err(|e| unreadable(&e.to_string()))?;
        let vectors: Vec<_> = numbers.chunks_exact(self.dimension).map(<[f32]>::to_vec).collect();
        self.block = vectors.into_iter();
        self.block.next().ok_or_else(|| unreadable("the file ends early"))
    }
}

impl Iterator for Hdf5 {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        if self.at == self.rows {
            return None;
        }
        let vector = self.vector();
        let id = self.at.to_string();
        self.at += 1;
        Some(vector.map(|vector| Row { line: self.at, record: Ok(Record::new(id, vector)) }))
    }
}

impl Rows for Hdf5 {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        let rows = rows.min(self.rows - self.at);
        self.at += rows;
        self.block = Vec::new().into_iter();
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.at * self.dimension as u64 * 4
    }
}

fn is_number(of: &DType) -> bool {
    use DType as D;
    matches!(of, D::F32 | D::F64 | D::I8 | D::I16 | D::I32 | D::I64 | D::U8 | D::U16 | D::U32 | D::U64)
}
