//! Records and vectors as JSON text.

use std::fmt;

use portolan::metadata::parse_json;
use portolan::{Error, Metadata, Record, Result};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// Parses `{"id": …, "vector": […], "metadata": {…}}`; the id may be an integer.
///
/// # Errors
/// `InvalidArgument` with the column.
pub(crate) fn parse_record(text: &str) -> Result<Record> {
    let parsed: ParsedRecord = serde_json::from_str(text).map_err(|e| not("a record", &e))?;
    let metadata = match parsed.metadata {
        Some(raw) if raw.get() != "null" => Metadata::from_json_str(raw.get())
            .map_err(|e| Error::invalid(format!("in the metadata: {}", e.message())))?,
        _ => Metadata::new(),
    };
    Ok(Record::new(parsed.id.0, parsed.vector).metadata(metadata))
}

/// Parses a JSON list of numbers.
///
/// # Errors
/// `InvalidArgument` with the column.
pub(crate) fn parse_vector(text: &str) -> Result<Vec<f32>> {
    serde_json::from_str(text).map_err(|e| not("a vector, a JSON list of numbers", &e))
}

/// Parses the line that goes with a vector: `{"id": …, "metadata": {…}}`, or `{"id": …}` with the metadata's fields
/// beside it.
///
/// # Errors
/// `InvalidArgument` with the column.
pub(super) fn parse_metadata_line(text: &str) -> Result<(String, Metadata)> {
    let Json::Object(mut object) = parse_json(text)? else {
        return Err(Error::invalid(r#"the line must be a JSON object, {"id": …, "metadata": {…}}"#));
    };
    let id = match object.remove("id") {
        Some(Json::String(id)) => id,
        Some(Json::Number(id)) if !id.is_f64() => id.to_string(),
        Some(_) => return Err(Error::invalid("the id must be a string or an integer")),
        None => return Err(Error::invalid("the id is missing")),
    };
    let metadata = match object.remove("metadata") {
        Some(nested) if object.is_empty() && nested.is_object() => nested,
        Some(field) => {
            object.insert("metadata".to_owned(), field);
            Json::Object(object)
        }
        None => Json::Object(object),
    };
    Ok((id, Metadata::from_json(metadata)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParsedRecord<'a> {
    id: Id,
    vector: Vec<f32>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
}

struct Id(String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;
        impl Visitor<'_> for IdVisitor {
            type Value = Id;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id, a string or an integer")
            }
            fn visit_str<E>(self, id: &str) -> Result<Id, E> {
                Ok(Id(id.to_owned()))
            }
            fn visit_i64<E>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }
            fn visit_u64<E>(self, id: u64) -> Result<Id, E> {
                Ok(Id(id.to_string()))
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

/// The error of text that is not what it should be; of a single line only the column is named.
fn not(what: &str, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let position = format!(" at line 1 column {}", error.column());
    let text = match text.strip_suffix(&position) {
        Some(message) => format!("{message}, column {}", error.column()),
        None => text,
    };
    let problem = if error.is_data() { format!("not {what}") } else { "not valid JSON".to_owned() };
    Error::invalid(format!("{problem}: {text}"))
}
