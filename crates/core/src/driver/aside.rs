//! Records to rows and back: values that the database cannot represent lie aside, in one versioned JSON text.
//!
//! `_portolan` holds `{"v": 1, "id": the id where the native one is not it, "fields": the values aside}`, and
//! `_portolan_keys` the keys of those fields. A value aside has no native value beside it; where one has appeared
//! since, another program wrote it and it counts.

use serde::{Deserialize, Serialize};

use super::{Driver, Row};
use crate::error::{Error, ErrorKind, Result};
use crate::index::IndexSpec;
use crate::metadata::{Metadata, Value};
use crate::record::{Record, Vector};

/// The native field of the text aside.
pub(super) const ASIDE: &str = "_portolan";

/// The native field of the keys aside.
pub(super) const ASIDE_KEYS: &str = "_portolan_keys";

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Aside {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    fields: Metadata,
}

/// A record as a row of the database.
pub(super) fn encode<D: Driver>(
    driver: &D,
    spec: &IndexSpec,
    id: &str,
    native_id: String,
    vector: Option<Vector>,
    metadata: &Metadata,
) -> Result<Row> {
    let original = (native_id != id).then(|| id.to_owned());
    if driver.profile().all_values && original.is_none() {
        return Ok(Row { id: native_id, vector, metadata: metadata.clone(), removed: Vec::new() });
    }
    let mut native = metadata.clone();
    let mut fields = Metadata::new();
    for (key, value) in metadata.iter().filter(|(k, v)| !driver.represents(spec, k, v)) {
        native.remove(key);
        fields.insert(key, value.clone());
    }
    let keys = Value::list(fields.iter().map(|(k, _)| k));
    if !fields.is_empty() && driver.represents(spec, ASIDE_KEYS, &keys) {
        native.insert(ASIDE_KEYS, keys);
    }
    if original.is_some() || !fields.is_empty() {
        let text = serde_json::to_string(&Aside { v: VERSION, id: original, fields }).map_err(|e| {
            Error::new(ErrorKind::Unexpected, "metadata could not be written as JSON").with_source(e)
        })?;
        native.insert(ASIDE, text);
    }
    Ok(Row { id: native_id, vector, metadata: native, removed: Vec::new() })
}

/// A row of the database as a record.
pub(super) fn decode(row: Row) -> Result<Record> {
    let Row { id, vector, mut metadata, .. } = row;
    metadata.remove(ASIDE_KEYS);
    let Some(text) = metadata.remove(ASIDE) else { return Ok(Record { id, vector, metadata }) };
    let aside = parse(&id, &text)?;
    for (key, value) in aside.fields.iter() {
        if !metadata.contains_key(key) {
            metadata.insert(key, value.clone());
        }
    }
    Ok(Record { id: aside.id.unwrap_or(id), vector, metadata })
}

/// The id that a row has in the port.
pub(super) fn port_id(row: &Row) -> Result<String> {
    match row.metadata.get(ASIDE) {
        None => Ok(row.id.clone()),
        Some(text) => Ok(parse(&row.id, text)?.id.unwrap_or_else(|| row.id.clone())),
    }
}

fn parse(id: &str, text: &Value) -> Result<Aside> {
    let corrupt = |why: String| {
        let message = format!(
            "the record with native id {id:?} has a damaged field {ASIDE} ({why}); write the record again"
        );
        Error::new(ErrorKind::Corrupt, message)
    };
    let text = text.as_str().ok_or_else(|| corrupt("it is no text".to_owned()))?;
    let aside: Aside = serde_json::from_str(text).map_err(|e| corrupt(e.to_string()))?;
    if aside.v != VERSION {
        return Err(corrupt(format!("its version is {}, and this program reads {VERSION}", aside.v)));
    }
    Ok(aside)
}
