//! Parquet: `id`, `vector` as a list of numbers, `metadata` as one JSON text; any other column is a metadata field.

mod read;
mod write;

pub(super) use read::ParquetRows;
pub(crate) use write::ParquetWriter;
