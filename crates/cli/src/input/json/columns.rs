//! An object of columns, `{"ids": […], "embeddings": […]}`, as Chroma's `get()` gives and pandas writes.

use std::ops::Range;

use portolan::Error;
use serde_json::value::RawValue;

use super::super::json_text::Wrong;
use super::super::roles::shown;
use super::super::rows::Row;
use super::object::{Key, Object, kind};
use super::records::Objects;

/// What Chroma adds to its columns: which of them were asked for.
const INCLUDED: &str = "included";

/// Columns of the same length, kept as text.
pub(super) struct Columns {
    text: String,
    columns: Vec<(String, Vec<Range<usize>>)>,
    row: usize,
    rows: usize,
    /// Where the row before began, with its line.
    before: (usize, u64),
    column: u64,
}

impl Columns {
    /// Finds the cells in the text of an object, which begins in this line and column.
    pub(super) fn new(text: String, line: u64, column: u64) -> Result<Self, Wrong> {
        let object = Object::parse(&text)?;
        let mut columns: Vec<(String, Vec<Range<usize>>)> = Vec::new();
        let mut names: Option<(String, Vec<String>)> = None;
        for (key, value) in &object.0 {
            let (key, value) = (key.0.as_ref(), value.get());
            let cells = match kind(value) {
                _ if key == INCLUDED => continue,
                "null" => continue,
                "a list" => list(value)?,
                "an object" => {
                    let object = Object::parse(value)?;
                    let rows: Vec<String> = object.0.iter().map(|(k, _)| k.0.to_string()).collect();
                    match &names {
                        Some((first, expected)) if *expected != rows => {
                            return Err(Wrong::new(
                                format!("the columns {} and {} have other rows", shown(first), shown(key)),
                                None,
                            ));
                        }
                        _ => names = Some((key.to_owned(), rows)),
                    }
                    object.0.into_iter().map(|(_, cell)| cell).collect()
                }
                what => {
                    return Err(Wrong::new(format!("{} is {what}, and must be a list", shown(key)), None));
                }
            };
            let begins = |cell: &&RawValue| cell.get().as_ptr() as usize - text.as_ptr() as usize;
            let cells = cells.iter().map(|cell| begins(cell)..begins(cell) + cell.get().len());
            columns.push((key.to_owned(), cells.collect()));
        }
        let rows = columns.first().map_or(0, |(_, cells)| cells.len());
        if let Some((name, cells)) = columns.iter().find(|(_, cells)| cells.len() != rows) {
            let (first, _) = &columns[0];
            let (name, first, there) = (shown(name), shown(first), cells.len());
            return Err(Wrong::new(format!("{name} has {there} values, and {first} has {rows}"), None));
        }
        Ok(Self { text, columns, row: 0, rows, before: (0, line), column })
    }

    /// The next row; none at the end.
    pub(super) fn next_row(&mut self, objects: &mut Objects) -> Option<Row> {
        if self.row == self.rows {
            return None;
        }
        let begins = self.columns[0].1[self.row].start;
        let (before, line) = self.before;
        let lines = self.text.as_bytes()[before..begins].iter().filter(|b| **b == b'\n').count() as u64;
        self.before = (begins, line + lines);
        let row = self.row;
        self.row += 1;
        let first_line = self.first_line();
        let record = self.object(row).and_then(|object| objects.record_of(&object, &self.text));
        Some(match record {
            Ok(record) => Row { line: self.before.1, record: Ok(record) },
            Err(wrong) if wrong.at.is_none() => Row { line: self.before.1, record: Err(Error::from(wrong)) },
            Err(wrong) => {
                let (line, error) = wrong.located(&self.text, first_line, self.column);
                Row { line, record: Err(error) }
            }
        })
    }

    /// The line in which the object begins.
    fn first_line(&self) -> u64 {
        let (at, line) = self.before;
        line - self.text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() as u64
    }

    fn object(&self, row: usize) -> Result<Object<'_>, Wrong> {
        let cell = |(name, cells): &'_ (String, Vec<Range<usize>>)| {
            let text = &self.text[cells[row].clone()];
            let raw: &RawValue = serde_json::from_str(text).map_err(|e| Wrong::syntax(&e, text))?;
            Ok((Key(name.clone().into()), raw))
        };
        self.columns.iter().map(cell).collect::<Result<_, _>>().map(Object)
    }
}

fn list(text: &str) -> Result<Vec<&RawValue>, Wrong> {
    serde_json::from_str(text).map_err(|e| Wrong::syntax(&e, text))
}
