//! Tables of separated values.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::csv::{Reader, ReaderBuilder, StringRecord};
use portolan::{Error, FieldType, Metadata, Record, Result, Scalar};

use super::record::parse_vector;
use super::{MAX_ROW_BYTES, Row, Rows};
use crate::failure::file_error;

/// Rows of `id`, a vector, and metadata; an empty cell is a missing field.
pub(super) struct Csv<R> {
    rows: Bounded<R>,
    row: StringRecord,
    layout: Layout,
    types: ColumnTypes,
}

impl<R: BufRead> Csv<R> {
    pub(super) fn new(reader: R, path: &Path, tabs: bool, types: &ColumnTypes) -> Result<Self> {
        let mut rows = Bounded::new(reader, path, tabs);
        let layout = Layout::new(&rows.headers()?, path)?;
        Ok(Self { rows, row: StringRecord::new(), layout, types: types.clone() })
    }

    fn record(&self) -> Result<Record> {
        let cell = |at: usize| self.row.get(at).unwrap_or_default();
        let vector = match &self.layout.vector {
            VectorColumns::Json(at) => parse_vector(cell(*at))?,
            VectorColumns::Components(columns) => {
                columns.iter().enumerate().map(|(n, &at)| component(n, cell(at))).collect::<Result<_>>()?
            }
        };
        let mut metadata = Metadata::new();
        for (at, name) in self.layout.fields.iter().filter(|(at, _)| !cell(*at).is_empty()) {
            metadata.insert(name, self.types.value(name, cell(*at))?);
        }
        Ok(Record::new(cell(self.layout.id), vector).metadata(metadata))
    }
}

impl<R: BufRead> Iterator for Csv<R> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        match self.rows.read(&mut self.row) {
            Ok(None) => None,
            Ok(Some((line, read))) => Some(Ok(Row { line, record: read.and_then(|()| self.record()) })),
            Err(e) => Some(Err(e)),
        }
    }
}

impl<R: BufRead + Send> Rows for Csv<R> {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        for passed in 0..rows {
            if self.rows.read(&mut self.row)?.is_none() {
                return Ok(passed);
            }
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.rows.reader.position().byte()
    }
}

/// The type of each metadata column: declared, or the one that all its values have.
#[derive(Debug, Clone)]
pub(crate) struct ColumnTypes {
    declared: BTreeMap<String, FieldType>,
    inferred: BTreeMap<String, FieldType>,
}

impl ColumnTypes {
    pub(super) fn new(declared: &BTreeMap<String, FieldType>) -> Self {
        Self { declared: declared.clone(), inferred: BTreeMap::new() }
    }

    /// Looks at all values of the columns without a declared type.
    pub(super) fn survey<R: BufRead>(&mut self, reader: R, path: &Path, tabs: bool) -> Result<()> {
        let mut rows = Bounded::new(reader, path, tabs);
        let layout = Layout::new(&rows.headers()?, path)?;
        let open: Vec<_> =
            layout.fields.iter().filter(|(_, name)| !self.declared.contains_key(name)).collect();
        if open.is_empty() {
            return Ok(());
        }
        let mut row = StringRecord::new();
        while let Some((_, read)) = rows.read(&mut row)? {
            if read.is_err() {
                continue;
            }
            for (at, name) in &open {
                let cell = row.get(*at).unwrap_or_default();
                if !cell.is_empty() {
                    let seen = self.inferred.get(name).copied();
                    self.inferred.insert(name.clone(), widen(seen, type_of(cell)));
                }
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn inferred(&self, column: &str) -> Option<FieldType> {
        self.inferred.get(column).copied()
    }

    fn value(&self, column: &str, cell: &str) -> Result<Scalar> {
        let of = self.declared.get(column).or_else(|| self.inferred.get(column)).copied();
        let of = of.unwrap_or(FieldType::String);
        let value = match of {
            FieldType::Bool => cell.to_lowercase().parse().ok().map(Scalar::Bool),
            FieldType::Integer => cell.parse().ok().map(Scalar::Integer),
            FieldType::Float => cell.parse().ok().map(Scalar::Float),
            FieldType::String => Some(Scalar::from(cell)),
        };
        value.ok_or_else(|| {
            let cell: String = cell.chars().take(40).collect();
            Error::invalid(format!("the column {column:?} is {cell:?}, and must be of the type {of}"))
        })
    }
}

/// The narrowest type that tells a value whole: `007` is text, and so is a number beyond 64 bits.
fn type_of(cell: &str) -> FieldType {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let plain = digits == "0" || !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if matches!(cell.to_lowercase().as_str(), "true" | "false") {
        FieldType::Bool
    } else if plain && cell.parse::<i64>().is_ok() {
        FieldType::Integer
    } else if is_float(digits) && cell.parse::<f64>().is_ok_and(f64::is_finite) {
        FieldType::Float
    } else {
        FieldType::String
    }
}

/// Whether a number has a point or an exponent, and one digit before the point unless it is not 0.
fn is_float(digits: &str) -> bool {
    let zeros = digits.starts_with('0') && !digits.starts_with("0.") && !digits.starts_with("0e");
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains(['.', 'e', 'E']) && !zeros
}

/// The type of a column that has held values of one type and now holds one of another.
fn widen(seen: Option<FieldType>, next: FieldType) -> FieldType {
    match (seen, next) {
        (None, next) => next,
        (Some(seen), next) if seen == next => seen,
        (Some(FieldType::Integer), FieldType::Float) | (Some(FieldType::Float), FieldType::Integer) => {
            FieldType::Float
        }
        _ => FieldType::String,
    }
}

fn component(n: usize, cell: &str) -> Result<f32> {
    cell.trim()
        .parse()
        .map_err(|_| Error::invalid(format!("the column v{n} is {cell:?}, and must be a number")))
}

/// Which column is what.
struct Layout {
    id: usize,
    vector: VectorColumns,
    fields: Vec<(usize, String)>,
}

enum VectorColumns {
    Json(usize),
    Components(Vec<usize>),
}

impl Layout {
    fn new(headers: &StringRecord, path: &Path) -> Result<Self> {
        let wrong = |what: String| Error::invalid(format!("{}: {what}", path.display()));
        let column = |name: &str| headers.iter().position(|h| h == name);
        for (at, name) in headers.iter().enumerate() {
            if headers.iter().take(at).any(|h| h == name) {
                return Err(wrong(format!("the column {name:?} is there twice")));
            }
        }
        let id = column("id").ok_or_else(|| wrong("there is no column id".to_owned()))?;
        let components: Vec<usize> = (0..headers.len()).map_while(|n| column(&format!("v{n}"))).collect();
        let vector = match (column("vector"), components.is_empty()) {
            (Some(at), true) => VectorColumns::Json(at),
            (None, false) => VectorColumns::Components(components),
            (None, true) => {
                return Err(wrong("there is no column vector, and no columns v0, v1, …".to_owned()));
            }
            (Some(_), false) => {
                return Err(wrong("there are both a column vector and columns v0, v1, …".to_owned()));
            }
        };
        let taken = |at: usize| match &vector {
            VectorColumns::Json(vector) => at == *vector,
            VectorColumns::Components(columns) => columns.contains(&at),
        };
        let fields = headers.iter().enumerate().filter(|(at, _)| *at != id && !taken(*at));
        let fields = fields.map(|(at, name)| (at, name.to_owned())).collect();
        Ok(Self { id, vector, fields })
    }
}

/// A reader of rows of bounded length: a quote that is never closed does not draw the file into memory.
struct Bounded<R> {
    reader: Reader<Budget<R>>,
    left: Arc<AtomicU64>,
    path: PathBuf,
}

impl<R: BufRead> Bounded<R> {
    fn new(reader: R, path: &Path, tabs: bool) -> Self {
        let left = Arc::new(AtomicU64::new(0));
        let reader = ReaderBuilder::new()
            .delimiter(if tabs { b'\t' } else { b',' })
            .from_reader(Budget { reader, left: Arc::clone(&left) });
        Self { reader, left, path: path.to_owned() }
    }

    fn headers(&mut self) -> Result<StringRecord> {
        self.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
        self.reader.headers().cloned().map_err(|e| Error::invalid(format!("{}: {e}", self.path.display())))
    }

    /// The next row and its line; an inner error is of this row only.
    #[allow(clippy::type_complexity)]
    fn read(&mut self, row: &mut StringRecord) -> Result<Option<(u64, Result<()>)>> {
        self.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
        let line = self.reader.position().line();
        match self.reader.read_record(row) {
            Ok(false) => Ok(None),
            Ok(true) => Ok(Some((row.position().map_or(line, ::csv::Position::line), Ok(())))),
            Err(e) => match e.kind() {
                ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    let what = format!("the row has {len} cells, and the header has {expected_len}");
                    Ok(Some((line, Err(Error::invalid(what)))))
                }
                ::csv::ErrorKind::Utf8 { .. } => {
                    Ok(Some((line, Err(Error::invalid("the row is not UTF-8 text")))))
                }
                ::csv::ErrorKind::Io(e) if e.kind() == io::ErrorKind::FileTooLarge => {
                    Err(Error::invalid(format!(
                        "{}, line {line}: the row is longer than 64 MiB, which no record is; is a quote not closed?",
                        self.path.display()
                    )))
                }
                ::csv::ErrorKind::Io(e) => Err(file_error(&self.path, "read", e)),
                _ => Err(Error::invalid(format!("{}: {e}", self.path.display()))),
            },
        }
    }
}

/// Refuses to read more than is left.
struct Budget<R> {
    reader: R,
    left: Arc<AtomicU64>,
}

impl<R: Read> Read for Budget<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.load(Ordering::Relaxed) == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.reader.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(read as u64), Ordering::Relaxed);
        Ok(read)
    }
}
