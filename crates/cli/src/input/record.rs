//! Records and vectors as JSON text.

use portolan::{Error, Record, Result};

use super::json::{Objects, Vectors};
use super::parts::Declared;
use super::roles::Choice;
use super::vector_text::vector_of;

/// The keys of a record.
const KEYS: [&str; 3] = ["id", "vector", "metadata"];

/// Parses `{"id": …, "vector": […], "metadata": {…}}`; the id may be an integer.
///
/// # Errors
/// `InvalidArgument` with the column.
pub(crate) fn parse_record(text: &str) -> Result<Record> {
    let mut objects = Objects::new(&Choice::default(), &Declared::new(), Vectors::Here);
    Ok(objects.only(text, &KEYS)?)
}

/// Parses a list of numbers.
///
/// # Errors
/// `InvalidArgument` with the column.
pub(crate) fn parse_vector(text: &str) -> Result<Vec<f32>> {
    vector_of(text)
        .map_err(|e| Error::invalid(format!("not a vector, a list of numbers: {e}, column {}", e.at + 1)))
}
