//! Records that are there and cannot be read: the others are given, these are named.

use portolan::{Error, ErrorKind, Unreadable};

use crate::failure::{Failure, say};

/// How many are named.
const NAMED: usize = 20;

/// Names the records that a scan could not read, and ends the run as partly done.
pub(crate) fn report(index: &str, unreadable: &[Unreadable]) -> Result<(), Failure> {
    let Some(first) = unreadable.first() else { return Ok(()) };
    for record in unreadable.iter().take(NAMED) {
        say(&format!("not read: {}", record.to_error().message()));
    }
    let message = match unreadable.len() {
        1 => format!("the record {:?} cannot be read", first.id),
        n => format!("{n} records cannot be read, the first is {:?}", first.id),
    };
    let error = Error::new(ErrorKind::Corrupt, message).with_index(index);
    let ids: Vec<&str> = unreadable.iter().map(|record| record.id.as_str()).collect();
    Err(Failure::partly(error.with_context("ids", ids.join(", "))))
}
