//! Writing.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use portolan::Record;

/// What other tools read as a string, a list of floats and a string.
const SCHEMA: &str = "message records {
    REQUIRED BYTE_ARRAY id (STRING);
    OPTIONAL GROUP vector (LIST) { REPEATED GROUP list { REQUIRED FLOAT element; } }
    REQUIRED BYTE_ARRAY metadata (STRING);
}";

/// Writes records, a row group for each call.
pub(crate) struct ParquetWriter<W: Write + Send>(SerializedFileWriter<W>);

impl<W: Write + Send> ParquetWriter<W> {
    pub(crate) fn new(file: W) -> io::Result<Self> {
        let schema = parse_message_type(SCHEMA).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_dictionary_enabled(false)
            .build();
        SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map(Self).map_err(failed)
    }

    pub(crate) fn write(&mut self, records: &[Record]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let mut group = self.0.next_row_group().map_err(failed)?;
        let ids: Vec<ByteArray> = records.iter().map(|r| r.id.as_str().into()).collect();
        column::<ByteArrayType, W>(&mut group, &ids, None, None)?;
        let (components, definitions, repetitions) = vectors(records);
        column::<FloatType, W>(&mut group, &components, Some(&definitions), Some(&repetitions))?;
        let metadata: Vec<ByteArray> =
            records.iter().map(|r| r.metadata.to_string().into_bytes().into()).collect();
        column::<ByteArrayType, W>(&mut group, &metadata, None, None)?;
        group.close().map(drop).map_err(failed)
    }

    /// Ends the file and gives it back.
    pub(crate) fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(failed)
    }
}

/// The components of all vectors, with the levels that say where each begins (repetition 0) and which record has
/// none (definition 0).
fn vectors(records: &[Record]) -> (Vec<f32>, Vec<i16>, Vec<i16>) {
    let (mut components, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        let vector = record.vector.as_deref().unwrap_or_default();
        components.extend_from_slice(vector);
        repetitions.push(0);
        if vector.is_empty() {
            definitions.push(0);
        } else {
            repetitions.extend(std::iter::repeat_n(1, vector.len() - 1));
            definitions.extend(std::iter::repeat_n(2, vector.len()));
        }
    }
    (components, definitions, repetitions)
}

fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    definitions: Option<&[i16]>,
    repetitions: Option<&[i16]>,
) -> io::Result<()> {
    let Some(mut writer) = group.next_column().map_err(failed)? else {
        return Err(io::Error::other("the Parquet schema has fewer columns than are written"));
    };
    writer.typed::<T>().write_batch(values, definitions, repetitions).map_err(failed)?;
    writer.close().map_err(failed)
}

/// What the file said, where it was the file that failed.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}
