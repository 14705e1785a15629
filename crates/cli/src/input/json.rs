//! Records as JSON.

mod columns;
mod document;
mod keyed;
mod object;
mod records;
mod scan;
mod shape;
#[cfg(test)]
mod tests;

pub(super) use document::Document;
pub(super) use records::{Objects, Vectors};
pub(super) use shape::{Form, MOST_PROBED, form_of, is_telling};
