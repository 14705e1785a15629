//! What the cells of a row make.

use portolan::{Error, Metadata, Result, Value};
use serde_json::Value as Json;

use super::roles::shown;

/// The id in a cell.
pub(super) fn id_of(cell: Json) -> Result<String> {
    match cell {
        Json::String(id) => Ok(id),
        Json::Number(id) if !id.is_f64() => Ok(id.to_string()),
        Json::Null => Err(Error::invalid("the id is null")),
        _ => Err(Error::invalid("the id must be a string or an integer")),
    }
}

/// The metadata in a cell, and its fields in others.
pub(super) fn metadata_of<'a>(
    cell: Option<Json>,
    fields: impl Iterator<Item = Result<(&'a str, Json)>>,
) -> Result<Metadata> {
    let mut metadata = match cell {
        None | Some(Json::Null) => Metadata::new(),
        Some(Json::String(text)) => Metadata::from_json_str(&text)?,
        Some(object) => Metadata::from_json(object)?,
    };
    for field in fields {
        let (name, cell) = field?;
        if metadata.contains_key(name) {
            return Err(Error::invalid(format!("{} is both a column and a key of the metadata", shown(name))));
        }
        if let Some(value) = Value::from_json(cell)? {
            metadata.insert(name, value);
        }
    }
    Ok(metadata)
}
