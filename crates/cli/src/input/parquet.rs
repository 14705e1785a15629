//! Parquet files.

mod read;
mod write;

pub(super) use read::open;
pub(crate) use write::ParquetWriter;
