//! Records from files, one at a time, whatever the format.

#[cfg(feature = "formats")]
mod arrow;
mod compressed;
mod csv;
mod file;
mod fingerprint;
#[cfg(feature = "formats")]
mod guard;
#[cfg(feature = "formats")]
mod hdf5;
mod json;
mod json_text;
mod jsonl;
mod lines;
mod npy;
#[cfg(feature = "formats")]
pub(crate) mod parquet;
mod parts;
pub(crate) mod record;
mod reread;
mod roles;
#[cfg(test)]
mod round_trip;
mod rows;
mod source;
mod survey;
#[cfg(test)]
mod tests;
mod time;
mod vecs;
mod vector_text;

pub(crate) use csv::{ColumnTypes, delimiter};
pub(crate) use file::{Format, Input};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use parts::Declared;
pub(crate) use roles::{Choice, Told};
pub(crate) use rows::Row;
pub(crate) use source::{Source, is_dash, text_of, text_of_file};
pub(crate) use survey::{Survey, Wanted};

#[cfg(not(feature = "formats"))]
pub(crate) use file::without_formats;
