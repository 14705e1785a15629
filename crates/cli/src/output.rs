//! Results on stdout.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;
use crate::options::Format;

/// Prints a result in one of the three formats: `rows` are the lines of JSONL.
pub(crate) fn print<O: Serialize, R: Serialize>(
    format: Format,
    object: &O,
    rows: &[R],
    table: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match format {
        Format::Table => text(&table()),
        Format::Json => json(object),
        Format::Jsonl => rows.iter().try_for_each(json),
    }
}

/// Prints a result that is one object in JSONL too.
pub(crate) fn print_one<O: Serialize>(
    format: Format,
    object: &O,
    table: impl FnOnce() -> String,
) -> Result<(), Failure> {
    print(format, object, &[object], table)
}

/// Prints text and a line's end.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Prints an object on a line.
pub(crate) fn json<T: Serialize>(object: &T) -> Result<(), Failure> {
    Ok(write_json(&mut io::stdout().lock(), object)?)
}

/// Writes an object as a line of JSON.
pub(crate) fn write_json<T: Serialize>(out: &mut impl Write, object: &T) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.write_all(b"\n")
}
