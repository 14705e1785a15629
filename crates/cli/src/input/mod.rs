//! Records from files, one at a time, whatever the format.

mod csv;
mod file;
mod fingerprint;
mod jsonl;
mod lines;
mod npy;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
pub(crate) mod record;
mod rows;
mod source;
mod survey;
#[cfg(test)]
mod tests;

pub(crate) use csv::ColumnTypes;
pub(crate) use file::{Format, Input};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use rows::Row;
pub(crate) use source::{Source, is_dash, text_of, text_of_file};
pub(crate) use survey::{Survey, Wanted};

#[cfg(not(feature = "parquet"))]
pub(crate) use file::without_parquet;
