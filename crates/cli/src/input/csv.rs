//! Tables of separated values.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::csv::{Reader, ReaderBuilder, StringRecord};
use portolan::{Error, FieldType, Metadata, Record, Result, Scalar};

use super::record::parse_vector;
use super::rows::{MAX_ROW_BYTES, Row, Rows};
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

    /// The same rows, which widen `types` by the values of columns without a declared one.
    pub(super) fn widening(self, types: &mut ColumnTypes) -> Widening<'_, R> {
        let is_open = |name: &String| !types.declared.contains_key(name);
        let open = self.layout.fields.iter().filter(|(_, name)| is_open(name)).cloned().collect();
        Widening { csv: self, open, types }
    }

    /// The row that was read.
    fn row(&self, read: Option<ReadRow>) -> Option<Row> {
        read.map(|(line, read)| Row { line, record: read.and_then(|()| self.record()) })
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
        self.rows.read(&mut self.row).map(|read| self.row(read)).transpose()
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

/// The line of a row that was read; an error is of this row only.
type ReadRow = (u64, Result<()>);

/// Rows that widen the types of their columns while they are read.
pub(super) struct Widening<'t, R> {
    csv: Csv<R>,
    open: Vec<(usize, String)>,
    types: &'t mut ColumnTypes,
}

impl<R: BufRead> Widening<'_, R> {
    /// Reads the rows that are left, which are not parsed as records.
    pub(super) fn finish(mut self) -> Result<()> {
        while !self.open.is_empty() && self.read()?.is_some() {}
        Ok(())
    }

    fn read(&mut self) -> Result<Option<ReadRow>> {
        let read = self.csv.rows.read(&mut self.csv.row)?;
        if let Some((_, Ok(()))) = &read {
            for (at, name) in &self.open {
                self.types.widen(name, self.csv.row.get(*at).unwrap_or_default());
            }
        }
        Ok(read)
    }
}

impl<R: BufRead> Iterator for Widening<'_, R> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        self.read().map(|read| self.csv.row(read)).transpose()
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

    /// Those declared; a column without one holds text.
    pub(super) fn declared(&self) -> Self {
        Self::new(&self.declared)
    }

    #[cfg(test)]
    pub(super) fn inferred(&self, column: &str) -> Option<FieldType> {
        self.inferred.get(column).copied()
    }

    /// Takes up a value of a column without a declared type.
    fn widen(&mut self, column: &str, cell: &str) {
        if !cell.is_empty() {
            let seen = self.inferred.get(column).copied();
            self.inferred.insert(column.to_owned(), widened(seen, type_of(cell)));
        }
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

/// The narrowest type that keeps a value as it is: `007` is text, and so is a number beyond 64 bits.
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
fn widened(seen: Option<FieldType>, next: FieldType) -> FieldType {
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

    fn read(&mut self, row: &mut StringRecord) -> Result<Option<ReadRow>> {
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
