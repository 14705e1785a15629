//! `.fvecs` and `.bvecs`: before each vector the number of its components; ids are row numbers.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use portolan::{Error, Record, Result};

use super::rows::{Row, Rows};
use super::source::{Source, buffered};
use crate::failure::file_error;

/// The bytes that say how many components follow.
const HEAD: u64 = 4;

/// What the components are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Component {
    F32,
    U8,
}

/// A record a vector.
pub(super) struct Vecs {
    path: PathBuf,
    file: BufReader<File>,
    component: Component,
    row_bytes: u64,
    rows: u64,
    at: u64,
}

impl Vecs {
    pub(super) fn new(source: &Source, component: Component) -> Result<Self> {
        let path = source.path();
        let failed = |e: io::Error| file_error(path, "read", &e);
        let mut file = buffered(source.open()?);
        let size = file.get_ref().metadata().map_err(failed)?.len();
        let mut head = [0; HEAD as usize];
        let dimension = match file.read_exact(&mut head) {
            _ if size == 0 => 0,
            Ok(()) => u64::from(u32::from_le_bytes(head)),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(e) => return Err(failed(e)),
        };
        let row_bytes = HEAD + dimension * component.size();
        if size > 0 && (dimension == 0 || !size.is_multiple_of(row_bytes)) {
            return Err(Error::invalid(format!(
                "{} is truncated or of another format: its {size} bytes are not rows of {dimension} components, \
                 {row_bytes} bytes each",
                path.display()
            )));
        }
        file.rewind().map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, component, row_bytes, rows: size / row_bytes, at: 0 })
    }

    fn row(&mut self) -> Result<Record> {
        let mut row = vec![0; self.row_bytes as usize];
        self.file.read_exact(&mut row).map_err(|e| file_error(&self.path, "read", &e))?;
        let (head, components) = row.split_at(HEAD as usize);
        let dimension = head.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        if HEAD + dimension * self.component.size() != self.row_bytes {
            return Err(Error::invalid(format!(
                "{}, row {}: {dimension} components, and not as many as those before; the file is damaged",
                self.path.display(),
                self.at + 1
            )));
        }
        Ok(Record::new(self.at.to_string(), self.component.vector(components)))
    }
}

impl Iterator for Vecs {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        if self.at == self.rows {
            return None;
        }
        let record = self.row();
        self.at += 1;
        Some(record.map(|record| Row { line: self.at, record: Ok(record) }))
    }
}

impl Rows for Vecs {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        let rows = rows.min(self.rows - self.at);
        self.at += rows;
        let start = SeekFrom::Start(self.at * self.row_bytes);
        self.file.seek(start).map(|_| rows).map_err(|e| file_error(&self.path, "read", &e))
    }

    fn bytes_read(&self) -> u64 {
        self.at * self.row_bytes
    }
}

impl Component {
    fn size(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::U8 => 1,
        }
    }

    fn vector(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect(),
            Self::U8 => bytes.iter().map(|x| f32::from(*x)).collect(),
        }
    }
}
