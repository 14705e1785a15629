//! Reading.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder as Builder,
};
use parquet::basic::{Compression, Type};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::ParquetMetaData;
use portolan::{Error, Result};

use super::super::arrow::{BatchRows, Batches, Columns};
use super::super::guard::guarded;
use super::super::parts::Declared;
use super::super::roles::Choice;
use super::super::rows::Rows;
use super::super::source::Source;
use crate::failure::file_error;

/// How many rows are read at once, and how many bytes they have at most if all are alike.
const BATCH_ROWS: u64 = 1024;
const BATCH_BYTES: u64 = 16 << 20;

/// Opens the rows of a file, a record each.
pub(in crate::input) fn open(source: &Source, choice: &Choice, declared: &Declared) -> Result<Box<dyn Rows>> {
    let path = source.path();
    let wrong = |what: &str| {
        Error::invalid(format!("{} is no Parquet file, or is truncated: {what}", path.display()))
    };
    let file = source.open()?;
    let size = file.metadata().map_err(|e| file_error(path, "read", &e))?.len();
    let opened = guarded(|| builder(&file)).ok_or_else(|| wrong("it is damaged"))?;
    let builder = opened.map_err(|e| wrong(&e.to_string()))?;
    check_compression(builder.metadata(), path)?;
    let columns = Columns::new(builder.schema(), choice, declared, path)?;
    let projection = ProjectionMask::roots(builder.parquet_schema(), columns.read());
    let metadata = builder.metadata();
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
    let bytes: i64 = metadata.row_groups().iter().map(|group| group.total_byte_size()).sum();
    let bytes_per_row = u64::try_from(bytes).unwrap_or_default() / rows.max(1);
    let batch_rows = (BATCH_BYTES / bytes_per_row.max(1)).clamp(1, BATCH_ROWS) as usize;
    let batches = ParquetBatches {
        reader: Reader::Closed(Some(builder.with_projection(projection).with_batch_size(batch_rows))),
        rows,
        size,
    };
    Ok(Box::new(BatchRows::new(path, columns, batches)))
}

struct ParquetBatches {
    reader: Reader,
    rows: u64,
    size: u64,
}

/// Opened only when it is known how many rows are passed over.
enum Reader {
    Closed(Option<Builder<File>>),
    Open(ParquetRecordBatchReader),
}

impl Batches for ParquetBatches {
    fn next(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        if let Reader::Closed(builder) = &mut self.reader {
            match builder.take()?.build() {
                Ok(reader) => self.reader = Reader::Open(reader),
                Err(e) => return Some(Err(e.into())),
            }
        }
        match &mut self.reader {
            Reader::Open(reader) => reader.next(),
            Reader::Closed(_) => None,
        }
    }

    fn skip(&mut self, rows: u64) -> u64 {
        let Reader::Closed(closed) = &mut self.reader else { return 0 };
        let Some(builder) = closed.take() else { return 0 };
        let rows = rows.min(self.rows);
        *closed = Some(skipping(builder, rows));
        rows
    }

    fn bytes_read(&self, rows: u64) -> u64 {
        let share = rows.min(self.rows) as f64 / self.rows.max(1) as f64;
        (self.size as f64 * share) as u64
    }

    fn total(&self) -> Option<u64> {
        Some(self.rows)
    }
}

/// What reads a file, by the types that an Arrow writer noted in it where those can be had.
fn builder(file: &File) -> ParquetResult<Builder<File>> {
    let open = |options| Builder::try_new_with_options(file.try_clone()?, options);
    let noted = open(ArrowReaderOptions::new());
    let plain = || open(ArrowReaderOptions::new().with_skip_arrow_metadata(true));
    let builder = noted.or_else(|e| plain().map_err(|_| e))?;
    match in_microseconds(&builder) {
        Some(schema) => open(ArrowReaderOptions::new().with_schema(Arc::new(schema))),
        None => Ok(builder),
    }
}

/// The schema where a time is stored in 96 bits, which reach far beyond the nanoseconds that 64 bits count.
fn in_microseconds(builder: &Builder<File>) -> Option<Schema> {
    let is_wide = |name: &str| {
        let columns = builder.parquet_schema().columns().iter();
        let mut columns = columns.filter(|column| column.path().parts() == [name]);
        columns.any(|column| column.physical_type() == Type::INT96)
    };
    let schema = builder.schema();
    if !schema.fields().iter().any(|field| is_wide(field.name())) {
        return None;
    }
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Timestamp(_, zone) if is_wide(field.name()) => {
            let of = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            Arc::new(field.as_ref().clone().with_data_type(of))
        }
        _ => Arc::clone(field),
    };
    Some(Schema::new_with_metadata(
        schema.fields().iter().map(field).collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

/// Passes over the row groups that hold the first rows, and over rows of the next one.
fn skipping(builder: Builder<File>, rows: u64) -> Builder<File> {
    let mut offset = rows;
    let groups = builder.metadata().row_groups().iter();
    let passed = groups.take_while(|group| {
        let rows = u64::try_from(group.num_rows()).unwrap_or_default();
        let is_passed = rows <= offset;
        offset -= if is_passed { rows } else { 0 };
        is_passed
    });
    let left = passed.count()..builder.metadata().num_row_groups();
    builder.with_row_groups(left.collect()).with_offset(offset as usize)
}

/// Checks that all columns are compressed in a way that is read.
fn check_compression(metadata: &ParquetMetaData, path: &Path) -> Result<()> {
    let mut chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    if !chunks.any(|chunk| chunk.compression() == Compression::LZO) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{} is compressed by LZO, which is not read; write it with another compression",
        path.display()
    )))
}
