//! Arrays, read row by row.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use npyz::{NpyHeader, Order};
use portolan::{Error, Result};

use super::item::Item;

/// How much of an array that is stored column by column is turned at once.
const BLOCK: u64 = 4 << 20;

/// What an array says of itself.
#[derive(Debug, Clone)]
pub(in crate::input) struct Header {
    shape: Vec<u64>,
    item: Item,
    is_by_column: bool,
}

impl Header {
    /// Reads it, and not a byte more of a reader without buffer; `name` is how messages call the array.
    pub(in crate::input) fn read(file: &mut impl Read, name: &str) -> Result<Self> {
        let header = NpyHeader::from_reader(file)
            .map_err(|e| Error::invalid(format!("{name} is not a .npy file, or is truncated: {e}")))?;
        let (dtype, shape) = (header.dtype(), header.shape().to_vec());
        let Some(item) = Item::of(&dtype) else {
            return Err(Error::invalid(format!(
                "{name} holds values of the type {}, which are not read; save numbers or text, as with \
                 .astype(numpy.float32)",
                dtype.descr()
            )));
        };
        let is_by_column = header.order() == Order::Fortran && shape.len() == 2 && !shape.contains(&1);
        Ok(Self { shape, item, is_by_column })
    }

    /// Checks that it is a matrix of numbers, and gives its rows and columns.
    pub(in crate::input) fn matrix(&self, name: &str) -> Result<(u64, usize)> {
        let &[rows, dimension] = self.shape.as_slice() else {
            return Err(Error::invalid(format!(
                "{name} has the shape {:?}, and must be a matrix: a row for each vector",
                self.shape
            )));
        };
        if !self.item.is_number() {
            return Err(Error::invalid(format!(
                "{name} holds no numbers; save it with .astype(numpy.float32)"
            )));
        }
        match usize::try_from(dimension) {
            Ok(0) => Err(Error::invalid(format!("{name} holds vectors without components"))),
            Ok(dimension) if dimension.checked_mul(self.item.size()).is_some() => Ok((rows, dimension)),
            _ => Err(Error::invalid(format!("{name} holds vectors of {dimension} components"))),
        }
    }

    /// How many rows there are; none of a single value.
    pub(in crate::input) fn rows(&self) -> Option<u64> {
        self.shape.first().copied()
    }

    /// Its shape as numpy tells it.
    pub(in crate::input) fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// What kind of values it holds.
    pub(in crate::input) fn item(&self) -> Item {
        self.item
    }

    /// The bytes of its values.
    pub(in crate::input) fn bytes(&self) -> u128 {
        let items = self.shape.iter().fold(1, |all: u128, n| all.saturating_mul((*n).into()));
        items.saturating_mul(self.item.size() as u128)
    }

    /// The bytes of a row.
    fn row_bytes(&self) -> u64 {
        let items = self.shape.iter().skip(1).fold(1, |all: u64, n| all.saturating_mul(*n));
        items.saturating_mul(self.item.size() as u64)
    }
}

/// The rows of an array, one after another.
pub(in crate::input) struct Array<R: Read> {
    header: Header,
    file: BufReader<R>,
    /// Where the values begin.
    start: u64,
    at: u64,
    row: Vec<u8>,
    turned: Turned,
}

/// Rows of an array that is stored column by column.
#[derive(Default)]
struct Turned {
    rows: Vec<u8>,
    first: u64,
    count: u64,
}

impl<R: Read + Seek> Array<R> {
    pub(in crate::input) fn new(mut file: BufReader<R>, name: &str) -> Result<Self> {
        let header = Header::read(&mut file, name)?;
        let failed = |e: io::Error| Error::invalid(format!("{name} cannot be read: {e}"));
        let start = file.stream_position().map_err(failed)?;
        Ok(Self { header, file, start, at: 0, row: Vec::new(), turned: Turned::default() })
    }

    /// How many bytes of its values are missing of a file of this length.
    pub(in crate::input) fn missing(&self, length: u64) -> u128 {
        (u128::from(self.start).saturating_add(self.header.bytes())).saturating_sub(length.into())
    }

    pub(in crate::input) fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes of the rows that were read.
    pub(in crate::input) fn bytes_read(&self) -> u64 {
        self.at * self.header.row_bytes()
    }

    /// The next row as a vector.
    pub(in crate::input) fn vector(&mut self) -> io::Result<Vec<f32>> {
        let item = self.header.item;
        self.next().map(|row| item.components(row))
    }

    /// The bytes of the next row.
    pub(in crate::input) fn next(&mut self) -> io::Result<&[u8]> {
        self.at += 1;
        // Not before it is known that the file has so many.
        self.row.resize(self.header.row_bytes() as usize, 0);
        if !self.header.is_by_column {
            self.file.read_exact(&mut self.row)?;
            return Ok(&self.row);
        }
        let row = self.at - 1;
        if !(self.turned.first..self.turned.first + self.turned.count).contains(&row) {
            self.turn(row)?;
        }
        let bytes = self.row.len();
        let start = (row - self.turned.first) as usize * bytes;
        Ok(&self.turned.rows[start..start + bytes])
    }

    /// Goes to a row.
    pub(in crate::input) fn seek(&mut self, row: u64) -> io::Result<()> {
        self.at = row;
        if self.header.is_by_column {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.start + row * self.header.row_bytes())).map(drop)
    }

    /// Reads a block of rows, which are spread over the file, from this one on.
    fn turn(&mut self, first: u64) -> io::Result<()> {
        let rows = self.header.rows().unwrap_or_default();
        let (size, bytes) = (self.header.item.size(), self.row.len());
        let count = (BLOCK / bytes.max(1) as u64).clamp(1, rows.saturating_sub(first).max(1));
        self.turned = Turned { rows: vec![0; count as usize * bytes], first, count };
        let mut column = vec![0; count as usize * size];
        for at in 0..bytes / size {
            let before = at as u64 * rows + first;
            // Without the buffer, which would read far more than the part of a column.
            let file = self.file.get_mut();
            file.seek(SeekFrom::Start(self.start + before * size as u64))?;
            file.read_exact(&mut column)?;
            let cells = self.turned.rows.chunks_exact_mut(bytes).map(|row| &mut row[at * size..][..size]);
            cells.zip(column.chunks_exact(size)).for_each(|(cell, item)| cell.copy_from_slice(item));
        }
        Ok(())
    }
}
