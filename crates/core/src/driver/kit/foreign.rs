//! JSON of other programs as metadata. The contract has no integer beyond i64; theirs become floats.

use serde::Deserialize;
use serde_json::{Number, Value as Json};

use crate::error::Result;
use crate::metadata::{Metadata, Value};

/// A foreign JSON text, however deep; an empty one is null.
///
/// # Errors
/// Those of `serde_json`.
pub fn foreign_json(text: &[u8]) -> serde_json::Result<Json> {
    if text.is_empty() {
        return Ok(Json::Null);
    }
    let mut text = serde_json::Deserializer::from_slice(text);
    text.disable_recursion_limit();
    Json::deserialize(&mut text)
}

/// The value of a foreign JSON value; `None` for null.
///
/// # Errors
/// None for JSON that `serde_json` has parsed.
pub fn foreign_value(mut json: Json) -> Result<Option<Value>> {
    soften(&mut json);
    Value::from_json(json)
}

/// The metadata of a foreign JSON object, whose nulls are missing fields.
///
/// # Errors
/// Those of [`foreign_value`].
pub fn foreign_metadata(fields: impl IntoIterator<Item = (String, Json)>) -> Result<Metadata> {
    let mut metadata = Metadata::new();
    for (key, json) in fields {
        if let Some(value) = foreign_value(json)? {
            metadata.insert(key, value);
        }
    }
    Ok(metadata)
}

/// Integers beyond i64, as deep as they stand, become floats.
fn soften(json: &mut Json) {
    match json {
        Json::Number(n) if n.as_i64().is_none() => {
            *json = n.as_f64().and_then(Number::from_f64).map_or(Json::Null, Json::Number);
        }
        Json::Array(items) => items.iter_mut().for_each(soften),
        Json::Object(map) => map.values_mut().for_each(soften),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TWO_63: u64 = 1 << 63;

    #[test]
    fn integers_beyond_i64_become_floats_wherever_they_stand() {
        assert_eq!(foreign_value(json!(TWO_63)).unwrap(), Some(Value::from(TWO_63 as f64)));
        assert_eq!(foreign_value(json!([TWO_63])).unwrap(), Some(Value::list([TWO_63 as f64])));
        let nested = foreign_value(json!({ "a": [1, { "b": TWO_63 }] })).unwrap().unwrap();
        assert_eq!(nested.to_json(), json!({ "a": [1, { "b": TWO_63 as f64 }] }));
    }

    #[test]
    fn what_the_contract_holds_is_as_it_was() {
        for json in [json!(i64::MAX), json!(i64::MIN), json!(2.0), json!("a"), json!([1, 2]), json!([null])] {
            assert_eq!(foreign_value(json.clone()).unwrap().unwrap().to_json(), json);
        }
        assert_eq!(foreign_value(Json::Null).unwrap(), None);
    }

    #[test]
    fn a_text_may_be_deep_and_end_at_once() {
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        assert_eq!(foreign_json(deep.as_bytes()).unwrap().to_string(), deep);
        assert_eq!(foreign_json(b"").unwrap(), Json::Null);
        foreign_json(b"{").unwrap_err();
    }

    #[test]
    fn a_null_is_a_missing_field() {
        let Json::Object(object) = json!({ "a": 1, "b": null, "c": [2, "x"] }) else { panic!() };
        let metadata = foreign_metadata(object).unwrap();
        assert_eq!(metadata.to_json(), json!({ "a": 1, "c": [2, "x"] }));
    }
}
