//! What the file holds, as bytes.
//!
//! A record is its id, then its metadata, so that the id is read without the rest: postcard, with integers, floats and
//! JSON apart, so that all values come back equal. A vector is little-endian `f32`, in a table of its own. Every value
//! ends in a checksum over itself and its place, as the database checks none when it reads.

use std::borrow::Cow;
use std::sync::Arc;

use crc32fast::Hasher;
use portolan_core::{Metadata, Scalar, Value, Vector};
use roaring::RoaringBitmap;
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

/// The bytes of a row's record without its vector.
pub(crate) fn encode(row: u32, id: &str, metadata: &Metadata) -> Result<Vec<u8>, Fault> {
    let fields: Vec<(&str, Stored)> = metadata.iter().map(|(key, value)| (key, stored(value))).collect();
    let bytes = postcard::to_stdvec(&(id, fields));
    bytes
        .map(|bytes| seal(row, bytes))
        .map_err(|e| Fault::damaged(format!("a record cannot be encoded: {e}")))
}

/// The id in the bytes of a row's record.
pub(crate) fn id(row: u32, bytes: &[u8]) -> Result<&str, Fault> {
    postcard::take_from_bytes(unseal(row, bytes)?).map(|(id, _)| id).map_err(|e| unreadable(row, &e))
}

/// The id and the metadata in the bytes of a row's record.
pub(crate) fn decode(row: u32, bytes: &[u8]) -> Result<(&str, Metadata), Fault> {
    decode_some(row, bytes, |_| true)
}

/// The id and some fields of the metadata in the bytes of a row's record.
pub(crate) fn decode_some(
    row: u32,
    bytes: &[u8],
    wanted: impl Fn(&str) -> bool,
) -> Result<(&str, Metadata), Fault> {
    let (id, fields): (&str, Vec<(&str, Stored)>) =
        postcard::from_bytes(unseal(row, bytes)?).map_err(|e| unreadable(row, &e))?;
    let fields = fields.into_iter().filter(|(key, _)| wanted(key));
    let fields: Vec<(&str, Value)> =
        fields.map(|(key, stored)| Ok((key, value(stored)?))).collect::<Result<_, Fault>>()?;
    Ok((id, fields.into_iter().collect()))
}

/// The bytes of a row's vector.
pub(crate) fn encode_vector(row: u32, vector: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(vector) + size_of::<u32>());
    for component in vector {
        bytes.extend_from_slice(&component.to_le_bytes());
    }
    seal(row, bytes)
}

/// The components of a vector as they lie in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Components<'a>(&'a [[u8; 4]]);

impl<'a> Components<'a> {
    /// In the bytes of a row's vector.
    pub(crate) fn read(row: u32, bytes: &'a [u8], dimension: usize) -> Result<Self, Fault> {
        match unseal(row, bytes)?.as_chunks() {
            (components, []) if components.len() == dimension => Ok(Self(components)),
            _ => Err(Fault::damaged(format!("the vector of row {row} has not the dimension {dimension}"))),
        }
    }

    /// Writes them to a place of their number.
    pub(crate) fn copy_to(self, vector: &mut [f32]) {
        for (component, bytes) in vector.iter_mut().zip(self.0) {
            *component = f32::from_le_bytes(*bytes);
        }
    }

    /// The vector.
    pub(crate) fn to_vector(self) -> Vector {
        self.0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }
}

/// The bytes of a set of rows that lies at a place.
pub(crate) fn encode_rows(place: u32, rows: &RoaringBitmap) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::with_capacity(rows.serialized_size() + size_of::<u32>());
    rows.serialize_into(&mut bytes).map_err(|e| Fault::damaged(format!("rows cannot be encoded: {e}")))?;
    Ok(seal(place, bytes))
}

/// The set of rows in the bytes at a place.
pub(crate) fn decode_rows(place: u32, bytes: &[u8]) -> Result<RoaringBitmap, Fault> {
    RoaringBitmap::deserialize_from(unseal(place, bytes)?)
        .map_err(|e| Fault::damaged(format!("rows cannot be decoded: {e}")))
}

fn seal(place: u32, mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = checksum(place, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn unseal(place: u32, bytes: &[u8]) -> Result<&[u8], Fault> {
    match bytes.split_last_chunk() {
        Some((bytes, sum)) if checksum(place, bytes) == u32::from_le_bytes(*sum) => Ok(bytes),
        _ => Err(Fault::damaged(format!("the checksum of a value at {place} is wrong"))),
    }
}

fn checksum(place: u32, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&place.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
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

fn unreadable(row: u32, e: &postcard::Error) -> Fault {
    Fault::damaged(format!("the record of row {row} cannot be decoded: {e}"))
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
        let bytes = encode(7, "ä/1", &metadata).unwrap();
        assert_eq!(id(7, &bytes).unwrap(), "ä/1");
        assert_eq!(decode(7, &bytes).unwrap(), ("ä/1", metadata));
    }

    #[test]
    fn vectors_come_back_bit_for_bit() {
        let vector = [1.5, -0.0, f32::MIN_POSITIVE / 2.0, 1e15];
        let bytes = encode_vector(7, &vector);
        let mut again = [0.0; 4];
        Components::read(7, &bytes, 4).unwrap().copy_to(&mut again);
        assert_eq!(vector.map(f32::to_bits), again.map(f32::to_bits));
        assert!(Components::read(7, &bytes, 3).is_err() && Components::read(6, &bytes, 4).is_err());
    }

    #[test]
    fn damaged_or_misplaced_bytes_are_an_error() {
        let bytes = encode(7, "a", &Metadata::new().with("k", "value")).unwrap();
        assert!(decode(8, &bytes).is_err());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(decode(7, &damaged).is_err() && id(7, &damaged).is_err(), "{at}");
            assert!(decode(7, &bytes[..at]).is_err(), "{at}");
        }
    }
}
