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

use crate::error::StoreError;

#[derive(Serialize, Deserialize)]
enum Encoded<'a> {
    Bool(bool),
    Integer(i64),
    Float(f64),
    #[serde(borrow)]
    String(Cow<'a, str>),
    #[serde(borrow)]
    List(Vec<Encoded<'a>>),
    #[serde(borrow)]
    Json(Cow<'a, str>),
}

/// The bytes of a row's record without its vector.
pub(crate) fn encode(row: u32, id: &str, metadata: &Metadata) -> Result<Vec<u8>, StoreError> {
    let fields: Vec<(&str, Encoded)> = metadata.iter().map(|(key, value)| (key, encoded(value))).collect();
    let bytes = postcard::to_stdvec(&(id, fields));
    bytes
        .map(|bytes| seal(row, bytes))
        .map_err(|e| StoreError::damaged(format!("a record cannot be encoded: {e}")))
}

/// The id in the bytes of a row's record.
pub(crate) fn id(row: u32, bytes: &[u8]) -> Result<&str, StoreError> {
    postcard::take_from_bytes(unseal(row, bytes)?).map(|(id, _)| id).map_err(|e| unreadable(row, &e))
}

/// The id and the metadata in the bytes of a row's record.
pub(crate) fn decode(row: u32, bytes: &[u8]) -> Result<(&str, Metadata), StoreError> {
    decode_some(row, bytes, |_| true)
}

/// The id and some fields of the metadata in the bytes of a row's record.
pub(crate) fn decode_some(
    row: u32,
    bytes: &[u8],
    wanted: impl Fn(&str) -> bool,
) -> Result<(&str, Metadata), StoreError> {
    let (id, fields): (&str, Vec<(&str, Encoded)>) =
        postcard::from_bytes(unseal(row, bytes)?).map_err(|e| unreadable(row, &e))?;
    let fields = fields.into_iter().filter(|(key, _)| wanted(key));
    let fields: Vec<(&str, Value)> =
        fields.map(|(key, encoded)| Ok((key, value(encoded)?))).collect::<Result<_, StoreError>>()?;
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
pub struct Components<'a>(&'a [[u8; 4]]);

impl<'a> Components<'a> {
    /// In the bytes of a row's vector.
    pub(crate) fn read(row: u32, bytes: &'a [u8], dimension: usize) -> Result<Self, StoreError> {
        match unseal(row, bytes)?.as_chunks() {
            (components, []) if components.len() == dimension => Ok(Self(components)),
            _ => {
                Err(StoreError::damaged(format!("the vector of row {row} has not the dimension {dimension}")))
            }
        }
    }

    /// Writes them to a slice of the index' dimension.
    pub fn copy_to(self, vector: &mut [f32]) {
        for (component, bytes) in vector.iter_mut().zip(self.0) {
            *component = f32::from_le_bytes(*bytes);
        }
    }

    /// The vector.
    pub fn to_vector(self) -> Vector {
        self.0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }
}

/// The bytes of a set of rows that lies at a place.
pub(crate) fn encode_rows(place: u32, rows: &RoaringBitmap) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(rows.serialized_size() + size_of::<u32>());
    rows.serialize_into(&mut bytes)
        .map_err(|e| StoreError::damaged(format!("rows cannot be encoded: {e}")))?;
    Ok(seal(place, bytes))
}

/// The set of rows in the bytes at a place.
pub(crate) fn decode_rows(place: u32, bytes: &[u8]) -> Result<RoaringBitmap, StoreError> {
    RoaringBitmap::deserialize_from(unseal(place, bytes)?)
        .map_err(|e| StoreError::damaged(format!("rows cannot be decoded: {e}")))
}

fn seal(place: u32, mut bytes: Vec<u8>) -> Vec<u8> {
    let sum = checksum(place, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

fn unseal(place: u32, bytes: &[u8]) -> Result<&[u8], StoreError> {
    match bytes.split_last_chunk() {
        Some((bytes, sum)) if checksum(place, bytes) == u32::from_le_bytes(*sum) => Ok(bytes),
        _ => Err(StoreError::damaged(format!("the checksum of a value at {place} is wrong"))),
    }
}

fn checksum(place: u32, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&place.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn encoded(value: &Value) -> Encoded<'_> {
    match value {
        Value::Scalar(scalar) => encoded_scalar(scalar),
        Value::List(items) => Encoded::List(items.iter().map(encoded_scalar).collect()),
        Value::Opaque(json) => Encoded::Json(json.to_string().into()),
    }
}

fn encoded_scalar(scalar: &Scalar) -> Encoded<'_> {
    match scalar {
        Scalar::Bool(b) => Encoded::Bool(*b),
        Scalar::Integer(i) => Encoded::Integer(*i),
        Scalar::Float(x) => Encoded::Float(*x),
        Scalar::String(s) => Encoded::String(s.as_str().into()),
    }
}

fn value(encoded: Encoded<'_>) -> Result<Value, StoreError> {
    match encoded {
        Encoded::List(items) => items.into_iter().map(scalar).collect::<Result<_, _>>().map(Value::List),
        Encoded::Json(text) => json(&text).map(|json| Value::Opaque(Arc::new(json))),
        single => scalar(single).map(Value::Scalar),
    }
}

fn scalar(encoded: Encoded<'_>) -> Result<Scalar, StoreError> {
    match encoded {
        Encoded::Bool(b) => Ok(Scalar::Bool(b)),
        Encoded::Integer(i) => Ok(Scalar::Integer(i)),
        Encoded::Float(x) => Ok(Scalar::Float(x)),
        Encoded::String(s) => Ok(Scalar::String(s.into_owned())),
        Encoded::List(_) | Encoded::Json(_) => {
            Err(StoreError::damaged("a list in a record holds more than scalars"))
        }
    }
}

/// What was written is read back however deep it is nested.
fn json(text: &str) -> Result<serde_json::Value, StoreError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    serde_json::Value::deserialize(&mut reader)
        .map_err(|e| StoreError::damaged(format!("JSON in a record: {e}")))
}

fn unreadable(row: u32, e: &postcard::Error) -> StoreError {
    StoreError::damaged(format!("the record of row {row} cannot be decoded: {e}"))
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
