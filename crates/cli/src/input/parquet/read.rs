//! Reading.

use std::mem::discriminant;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::basic::{Compression, ConvertedType, LogicalType, Type as Physical, ZstdLevel};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row as ParquetRow};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use portolan::{Error, Metadata, Record, Result, Value};
use serde_json::{Map, Number, Value as Json};

use super::super::rows::{Row, Rows};
use super::super::source::Source;
use crate::failure::file_error;

/// A record a row.
pub(in crate::input) struct ParquetRows {
    path: PathBuf,
    rows: RowIter<'static>,
    at: u64,
    total: u64,
    size: u64,
}

impl ParquetRows {
    pub(in crate::input) fn new(source: &Source) -> Result<Self> {
        let (file, path) = (source.open()?, source.path());
        let size = file.metadata().map_err(|e| file_error(path, "read", &e))?.len();
        let reader = SerializedFileReader::new(file).map_err(|e| {
            Error::invalid(format!("{} is no Parquet file, or is truncated: {e}", path.display()))
        })?;
        let metadata = reader.metadata().file_metadata();
        check(metadata.schema_descr(), path)?;
        check_compression(reader.metadata(), path)?;
        let total = u64::try_from(metadata.num_rows()).unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            rows: RowIter::from_file_into(Box::new(reader)),
            at: 0,
            total,
            size,
        })
    }

    /// The next row; the library may panic at damaged data, which is then an error like any other.
    fn row(&mut self) -> Option<Result<ParquetRow>> {
        let position = || format!("{}, row {}", self.path.display(), self.at + 1);
        let row = match catch_unwind(AssertUnwindSafe(|| self.rows.next())) {
            Ok(None) if self.at < self.total => {
                Some(Err(Error::invalid(format!("{}: the file ends early", position()))))
            }
            Ok(row) => {
                row.map(|r| r.map_err(|e| Error::invalid(format!("{} cannot be read: {e}", position()))))
            }
            Err(_) => {
                Some(Err(Error::invalid(format!("{} cannot be read: the file is damaged", position()))))
            }
        };
        self.at += 1;
        row
    }
}

impl Iterator for ParquetRows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        Some(self.row()?.map(|row| Row { line: self.at, record: record(row) }))
    }
}

impl Rows for ParquetRows {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        for passed in 0..rows {
            match self.row() {
                None => return Ok(passed),
                Some(row) => row.map(drop)?,
            }
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        let share = self.at.min(self.total) as f64 / self.total.max(1) as f64;
        (self.size as f64 * share) as u64
    }
}

/// Checks that the columns needed are there, and that all can be read.
fn check(schema: &SchemaDescriptor, path: &Path) -> Result<()> {
    let columns: Vec<&str> = schema.root_schema().get_fields().iter().map(|f| f.name()).collect();
    for needed in ["id", "vector"] {
        if !columns.contains(&needed) {
            return Err(Error::invalid(format!(
                "{} has no column {needed}; it has {}",
                path.display(),
                columns.join(", ")
            )));
        }
    }
    match schema.columns().iter().find(|c| !is_readable(c)) {
        None => Ok(()),
        Some(column) => Err(Error::invalid(format!(
            "{}: the column {} is of the type {}, which metadata has not; leave it out, or write it as text or number",
            path.display(),
            column.path().string(),
            type_name(column),
        ))),
    }
}

/// Checks that all columns are compressed in a way that is read.
fn check_compression(metadata: &ParquetMetaData, path: &Path) -> Result<()> {
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let known = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())];
    let is_known = |c: Compression| known.iter().any(|k| discriminant(k) == discriminant(&c));
    match chunks.map(|chunk| chunk.compression()).find(|c| !is_known(*c)) {
        None => Ok(()),
        Some(other) => Err(Error::invalid(format!(
            "{} is compressed by {}, which is not read; write it with snappy, zstd or none",
            path.display(),
            other.to_string().split('(').next().unwrap_or_default()
        ))),
    }
}

fn type_name(column: &ColumnDescriptor) -> String {
    match column.logical_type_ref() {
        Some(LogicalType::Timestamp { .. }) => "TIMESTAMP".to_owned(),
        Some(LogicalType::Time { .. }) => "TIME".to_owned(),
        _ if column.converted_type() != ConvertedType::NONE => column.converted_type().to_string(),
        _ => column.physical_type().to_string(),
    }
}

fn is_readable(column: &ColumnDescriptor) -> bool {
    use ConvertedType as C;
    let is_time = matches!(
        column.logical_type_ref(),
        Some(LogicalType::Timestamp { .. } | LogicalType::Time { .. } | LogicalType::Date)
    );
    let converted = column.converted_type();
    !is_time
        && match column.physical_type() {
            Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE => true,
            Physical::INT32 => {
                matches!(
                    converted,
                    C::NONE | C::INT_8 | C::INT_16 | C::INT_32 | C::UINT_8 | C::UINT_16 | C::UINT_32
                )
            }
            Physical::INT64 => matches!(converted, C::NONE | C::INT_64 | C::UINT_64),
            Physical::BYTE_ARRAY => matches!(converted, C::NONE | C::UTF8 | C::ENUM | C::JSON),
            Physical::FIXED_LEN_BYTE_ARRAY => column.logical_type_ref() == Some(&LogicalType::Float16),
            Physical::INT96 => false,
        }
}

fn record(row: ParquetRow) -> Result<Record> {
    let (mut id, mut vector, mut metadata, mut fields) = (None, None, Metadata::new(), Vec::new());
    for (name, field) in row.into_columns() {
        match name.as_str() {
            "id" => id = id_of(&field)?,
            "vector" => vector = vector_of(&field)?,
            "metadata" => match json(&field)? {
                Json::Null => {}
                Json::String(text) => metadata = Metadata::from_json_str(&text)?,
                object => metadata = Metadata::from_json(object)?,
            },
            _ => fields.push((name, field)),
        }
    }
    for (name, field) in fields {
        if metadata.contains_key(&name) {
            return Err(Error::invalid(format!("{name:?} is both a column and a key of the metadata")));
        }
        if let Some(value) = Value::from_json(json(&field)?)? {
            metadata.insert(name, value);
        }
    }
    let id = id.ok_or_else(|| Error::invalid("the id is null"))?;
    let vector = vector.ok_or_else(|| Error::invalid("the vector is null"))?;
    Ok(Record::new(id, vector).metadata(metadata))
}

fn id_of(field: &Field) -> Result<Option<String>> {
    match json(field)? {
        Json::Null => Ok(None),
        Json::String(id) => Ok(Some(id)),
        Json::Number(id) if !id.is_f64() => Ok(Some(id.to_string())),
        _ => Err(Error::invalid("the column id must hold strings or integers")),
    }
}

fn vector_of(field: &Field) -> Result<Option<Vec<f32>>> {
    let components = match field {
        Field::Null => return Ok(None),
        Field::ListInternal(list) => list.elements(),
        _ => return Err(Error::invalid("the column vector must hold lists of numbers")),
    };
    let component = |(at, field): (usize, &Field)| match field {
        Field::Float(x) => Ok(*x),
        Field::Double(x) => Ok(*x as f32),
        Field::Float16(x) => Ok(x.to_f32()),
        _ => Err(Error::invalid(format!("component {at} of the vector is no float"))),
    };
    components.iter().enumerate().map(component).collect::<Result<_>>().map(Some)
}

fn json(field: &Field) -> Result<Json> {
    Ok(match field {
        Field::Null => Json::Null,
        Field::Bool(b) => Json::from(*b),
        Field::Byte(i) => Json::from(*i),
        Field::Short(i) => Json::from(*i),
        Field::Int(i) => Json::from(*i),
        Field::Long(i) => Json::from(*i),
        Field::UByte(i) => Json::from(*i),
        Field::UShort(i) => Json::from(*i),
        Field::UInt(i) => Json::from(*i),
        Field::ULong(i) => Json::from(*i),
        Field::Float16(x) => float(f64::from(x.to_f32()))?,
        Field::Float(x) => float(f64::from(*x))?,
        Field::Double(x) => float(*x)?,
        Field::Str(s) => Json::from(s.as_str()),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => Json::from(text),
            Err(_) => return Err(Error::invalid("bytes that are not UTF-8 text are no metadata")),
        },
        Field::ListInternal(list) => Json::Array(list.elements().iter().map(json).collect::<Result<_>>()?),
        Field::Group(row) => {
            let fields = row.get_column_iter().map(|(name, field)| Ok((name.clone(), json(field)?)));
            Json::Object(fields.collect::<Result<Map<_, _>>>()?)
        }
        other => return Err(Error::invalid(format!("{other} is no value of metadata"))),
    })
}

fn float(x: f64) -> Result<Json> {
    Number::from_f64(x).map(Json::Number).ok_or_else(|| Error::invalid(format!("{x} is not finite")))
}
