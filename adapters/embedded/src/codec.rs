//! Records as bytes: the id, then the metadata, so that the id is read without the rest.
//!
//! Postcard, with integers, floats and JSON apart, so that all values come back equal. Vectors are little-endian `f32`
//! and lie in a table of their own.

use std::borrow::Cow;
use std::sync::Arc;

use portolan_core::{Metadata, Scalar, Value};
use serde::{Deserialize, Serialize};

use crate::error::Fault;

#[derive(Serialize, Deserialize)]
enum Stored<'a> {
    Bool(bool),
    Integer(i64),
    Float(f64),
    #[serde(borrow)]
    String(Cow<'a, str>),
    #[serde(borrow)]
    List(Vec<Stored<'a>>),
    #[serde(borrow)]
    Json(Cow<'a, str>),
}

/// The bytes of a record without its vector.
pub(crate) fn encode(id: &str, metadata: &Metadata) -> Result<Vec<u8>, Fault> {
    let fields: Vec<(&str, Stored)> = metadata.iter().map(|(key, value)| (key, stored(value))).collect();
    postcard::to_stdvec(&(id, fields)).map_err(|e| Fault::damaged(format!("a record cannot be encoded: {e}")))
}

/// The id in a record's bytes.
pub(crate) fn id(bytes: &[u8]) -> Result<&str, Fault> {
    postcard::take_from_bytes(bytes).map(|(id, _)| id).map_err(unreadable)
}

/// The id and the metadata in a record's bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<(&str, Metadata), Fault> {
    let (id, fields): (&str, Vec<(&str, Stored)>) = postcard::from_bytes(bytes).map_err(unreadable)?;
    let fields: Vec<(&str, Value)> =
        fields.into_iter().map(|(key, stored)| Ok((key, value(stored)?))).collect::<Result<_, Fault>>()?;
    Ok((id, fields.into_iter().collect()))
}

/// The bytes of a vector.
pub(crate) fn encode_vector(vector: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; size_of_val(vector)];
    for (bytes, component) in bytes.chunks_exact_mut(4).zip(vector) {
        bytes.copy_from_slice(&component.to_le_bytes());
    }
    bytes
}

/// Reads a vector's bytes into its place.
pub(crate) fn decode_vector(bytes: &[u8], vector: &mut [f32]) -> Result<(), Fault> {
    if bytes.len() != size_of_val(vector) {
        let dimension = vector.len();
        return Err(Fault::damaged(format!("a vector of dimension {dimension} has {} bytes", bytes.len())));
    }
    let (components, _) = bytes.as_chunks::<4>();
    for (component, bytes) in vector.iter_mut().zip(components) {
        *component = f32::from_le_bytes(*bytes);
    }
    Ok(())
}

fn stored(value: &Value) -> Stored<'_> {
    match value {
        Value::Scalar(scalar) => stored_scalar(scalar),
        Value::List(items) => Stored::List(items.iter().map(stored_scalar).collect()),
        Value::Opaque(json) => Stored::Json(json.to_string().into()),
    }
}

fn stored_scalar(scalar: &Scalar) -> Stored<'_> {
    match scalar {
        Scalar::Bool(b) => Stored::Bool(*b),
        Scalar::Integer(i) => Stored::Integer(*i),
        Scalar::Float(x) => Stored::Float(*x),
        Scalar::String(s) => Stored::String(s.as_str().into()),
    }
}

fn value(stored: Stored<'_>) -> Result<Value, Fault> {
    match stored {
        Stored::List(items) => items.into_iter().map(scalar).collect::<Result<_, _>>().map(Value::List),
        Stored::Json(text) => json(&text).map(|json| Value::Opaque(Arc::new(json))),
        single => scalar(single).map(Value::Scalar),
    }
}

fn scalar(stored: Stored<'_>) -> Result<Scalar, Fault> {
    match stored {
        Stored::Bool(b) => Ok(Scalar::Bool(b)),
        Stored::Integer(i) => Ok(Scalar::Integer(i)),
        Stored::Float(x) => Ok(Scalar::Float(x)),
        Stored::String(s) => Ok(Scalar::String(s.into_owned())),
        Stored::List(_) | Stored::Json(_) => {
            Err(Fault::damaged("a list in a record holds more than scalars"))
        }
    }
}

/// What was written is read back however deep it is nested.
fn json(text: &str) -> Result<serde_json::Value, Fault> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    serde_json::Value::deserialize(&mut reader).map_err(|e| Fault::damaged(format!("JSON in a record: {e}")))
}

fn unreadable(e: postcard::Error) -> Fault {
    Fault::damaged(format!("a record cannot be decoded: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_values_come_back_equal() {
        let mut deep = json!(1);
        for _ in 0..300 {
            deep = json!([deep]);
        }
        let metadata = Metadata::new()
            .with("b", true)
            .with("i", 1_746_714_878_034_235_396_i64)
            .with("min", i64::MIN)
            .with("f", 2.0)
            .with("tiny", 5e-324)
            .with("s", "e\u{301}💥")
            .with("none", Value::List(Vec::new()))
            .with("list", vec!["x", "y"])
            .with("json", Value::from_json(json!({"a": [1, 2.5, null, "x"]})).unwrap().unwrap())
            .with("deep", Value::Opaque(Arc::new(deep)));
        let bytes = encode("ä/1", &metadata).unwrap();
        assert_eq!(id(&bytes).unwrap(), "ä/1");
        assert_eq!(decode(&bytes).unwrap(), ("ä/1", metadata));
    }

    #[test]
    fn vectors_come_back_bit_for_bit() {
        let vector = [1.5, -0.0, f32::MIN_POSITIVE / 2.0, 1e15];
        let mut again = [0.0; 4];
        decode_vector(&encode_vector(&vector), &mut again).unwrap();
        assert_eq!(vector.map(f32::to_bits), again.map(f32::to_bits));
        assert!(decode_vector(&[0; 15], &mut again).is_err());
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = encode("a", &Metadata::new().with("k", "value")).unwrap();
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
