//! Records from files, one at a time, whatever the format.

#[cfg(feature = "formats")]
mod arrow;
mod cells;
mod csv;
mod file;
mod fingerprint;
#[cfg(feature = "formats")]
mod guard;
#[cfg(feature = "formats")]
mod hdf5;
mod jsonl;
mod lines;
mod npy;
#[cfg(feature = "formats")]
pub(crate) mod parquet;
pub(crate) mod record;
pub(crate) mod roles;
mod rows;
mod source;
mod survey;
#[cfg(test)]
mod tests;
mod time;
mod vecs;

pub(crate) use csv::ColumnTypes;
pub(crate) use file::{Format, Input};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use rows::Row;
pub(crate) use source::{is_stdin, spool_stdin, text_of, text_of_file};
pub(crate) use survey::{Survey, Wanted};

#[cfg(not(feature = "formats"))]
pub(crate) use file::without_formats;
