//! Records to rows and back: values that the database cannot represent go into the overflow, one versioned JSON text.
//!
//! `_portolan` holds `{"v": 1, "id": the id where the native one is not it, "fields": the values}`, and `_portolan_keys`
//! the keys of those fields. A value in the overflow has no native value beside it; where one has appeared since, another
//! program wrote it and it counts.

use serde::{Deserialize, Serialize};

use super::{Driver, NativeId, Row, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{Metadata, Value};
use crate::record::{Record, Vector};

/// The native field of the overflow's text.
pub const OVERFLOW: &str = "_portolan";

/// The native field that lists the keys of the values in the overflow.
pub const OVERFLOW_KEYS: &str = "_portolan_keys";

/// Where in the overflow's text the values are.
pub const OVERFLOW_FIELDS: &str = "fields";

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overflow {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    fields: Metadata,
}

/// A record as a row of the database.
pub(super) fn encode<D: Driver>(
    driver: &D,
    target: Target<'_, D::Index>,
    id: &str,
    native_id: NativeId,
    vector: Option<Vector>,
    metadata: &Metadata,
) -> Result<Row> {
    let original = (native_id.as_str() != id).then(|| id.to_owned());
    if driver.profile().all_values && original.is_none() {
        return Ok(Row::new(native_id, vector, metadata.clone()));
    }
    let mut native = metadata.clone();
    let mut fields = Metadata::new();
    for (key, value) in metadata.iter().filter(|(k, v)| !driver.represents(target, k, v)) {
        native.remove(key);
        fields.insert(key, value.clone());
    }
    let keys = Value::list(fields.iter().map(|(k, _)| k));
    if !fields.is_empty() && driver.represents(target, OVERFLOW_KEYS, &keys) {
        native.insert(OVERFLOW_KEYS, keys);
    }
    if original.is_some() || !fields.is_empty() {
        let text = serde_json::to_string(&Overflow { v: VERSION, id: original, fields }).map_err(|e| {
            Error::new(ErrorKind::Unexpected, "metadata could not be written as JSON").with_source(e)
        })?;
        native.insert(OVERFLOW, text);
    }
    Ok(Row::new(native_id, vector, native))
}

/// A row of the database as a record.
pub(super) fn decode(row: Row) -> Result<Record> {
    let Row { id, vector, mut metadata, .. } = row;
    metadata.remove(OVERFLOW_KEYS);
    let Some(text) = metadata.remove(OVERFLOW) else {
        return Ok(Record { id: id.into_string(), vector, metadata });
    };
    let overflow = parse(&id, &text)?;
    for (key, value) in overflow.fields.iter() {
        if !metadata.contains_key(key) {
            metadata.insert(key, value.clone());
        }
    }
    Ok(Record { id: overflow.id.unwrap_or_else(|| id.into_string()), vector, metadata })
}

/// The id that a row has in the port.
pub(super) fn port_id(row: &Row) -> Result<String> {
    match row.metadata.get(OVERFLOW) {
        None => Ok(row.id.to_string()),
        Some(text) => Ok(parse(&row.id, text)?.id.unwrap_or_else(|| row.id.to_string())),
    }
}

fn parse(id: &NativeId, text: &Value) -> Result<Overflow> {
    let corrupt = |why: String| {
        let message = format!(
            "the record with native id {:?} has a damaged field {OVERFLOW} ({why}); write the record again",
            id.as_str()
        );
        Error::new(ErrorKind::Corrupt, message)
    };
    let text = text.as_str().ok_or_else(|| corrupt("it is no text".to_owned()))?;
    let overflow: Overflow = serde_json::from_str(text).map_err(|e| corrupt(e.to_string()))?;
    if overflow.v != VERSION {
        return Err(corrupt(format!("its version is {}, and this program reads {VERSION}", overflow.v)));
    }
    Ok(overflow)
}
