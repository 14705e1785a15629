//! Objects by their ids, `{"a": {"vector": […]}, …}`, as Pinecone's `fetch` answers and LangChain keeps them.

use std::ops::Range;

use portolan::Error;
use serde_json::value::RawValue;

use super::super::json_text::Wrong;
use super::super::rows::Row;
use super::object::{Key, Object, kind};
use super::records::Objects;
use super::shape::ENVELOPES;

/// Keys that only a record has.
const RECORD_KEYS: &[&str] =
    &["id", "_id", "uuid", "vector", "values", "embedding", "emb", "metadata", "payload"];

/// Objects, kept as text, with the keys that they are under.
pub(super) struct Keyed {
    text: String,
    rows: std::vec::IntoIter<(String, Range<usize>)>,
    line: u64,
    column: u64,
}

impl Keyed {
    /// The objects in a text that begins in this line and column; none where it is something else.
    pub(super) fn find(text: &str, line: u64, column: u64) -> Option<Self> {
        let rows = objects_in(text, text)?;
        Some(Self { text: text.to_owned(), rows: rows.into_iter(), line, column })
    }

    /// The next row; none at the end.
    pub(super) fn next_row(&mut self, objects: &mut Objects) -> Option<Row> {
        let (key, range) = self.rows.next()?;
        let begins = range.start;
        let line = self.line + self.text[..begins].matches('\n').count() as u64;
        let record = id_text(&key).and_then(|id| {
            let mut object = Object::parse(&self.text[range]).map_err(|wrong| wrong.within(begins))?;
            if !object.0.iter().any(|(name, _)| ["id", "_id", "uuid"].contains(&name.0.as_ref())) {
                object.0.insert(0, (Key("id".into()), &id));
            }
            objects.record_of(&object, &self.text)
        });
        Some(match record {
            Ok(record) => Row { line, record: Ok(record) },
            Err(wrong) if wrong.at.is_none() => Row { line, record: Err(Error::from(wrong)) },
            Err(wrong) => {
                let (line, error) = wrong.located(&self.text, self.line, self.column);
                Row { line, record: Err(error) }
            }
        })
    }
}

/// The objects of an object that has nothing else, or of one such in it.
fn objects_in(part: &str, text: &str) -> Option<Vec<(String, Range<usize>)>> {
    let object = Object::parse(part).ok()?;
    let is_row = |(key, value): &(Key<'_>, &RawValue)| {
        kind(value.get()) == "an object" && !RECORD_KEYS.contains(&key.0.as_ref())
    };
    let inside = object.0.iter().find(|(key, _)| ENVELOPES.contains(&key.0.as_ref()));
    match inside {
        Some((_, value)) if kind(value.get()) == "an object" => objects_in(value.get(), text),
        _ if !object.0.is_empty() && object.0.iter().all(is_row) => {
            let begins = |value: &RawValue| value.get().as_ptr() as usize - text.as_ptr() as usize;
            let range = |value: &RawValue| begins(value)..begins(value) + value.get().len();
            Some(object.0.iter().map(|(key, value)| (key.0.to_string(), range(value))).collect())
        }
        _ => None,
    }
}

/// A key as the JSON text of an id.
fn id_text(key: &str) -> Result<Box<RawValue>, Wrong> {
    serde_json::value::to_raw_value(key).map_err(|e| Wrong::new(e.to_string(), None))
}
