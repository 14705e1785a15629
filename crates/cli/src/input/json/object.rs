//! A JSON object as its keys with the text of their values.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::json_text::Wrong;

/// Keys in their order, each with its value's text.
#[derive(Debug)]
pub(super) struct Object<'t>(pub(super) Vec<(Key<'t>, &'t RawValue)>);

/// A key, borrowed from the text unless it has escapes.
#[derive(Debug, Deserialize)]
pub(super) struct Key<'t>(#[serde(borrow)] pub(super) Cow<'t, str>);

impl<'t> Object<'t> {
    /// Parses the text of an object.
    pub(super) fn parse(text: &'t str) -> Result<Self, Wrong> {
        serde_json::from_str(text).map_err(|e| Wrong::syntax(&e, text))
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'t str> {
        self.0.iter().find(|(k, _)| k.0 == key).map(|(_, value)| value.get())
    }
}

/// What a JSON text is, by its first letter.
pub(super) fn kind(text: &str) -> &'static str {
    match text.trim_start().bytes().next() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a bool",
        Some(b'n') => "null",
        _ => "a number",
    }
}

impl<'de: 't, 't> Deserialize<'de> for Object<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(Key<'de>, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries).map(Object)
    }
}
