//! The metadata of a record.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use super::json::{kind, parse_json};
use super::value::Value;
use crate::error::{Error, Result};

/// The metadata of a record: a map from key to [`Value`], ordered by key, cheap to clone.
///
/// Any key and value can be put in; what the contract refuses (an empty key, a NaN) is refused when it is written.
///
/// ```
/// use portolan_core::Metadata;
///
/// let metadata = Metadata::new().with("industry", "fintech").with("founding_year", 2010);
/// assert_eq!(metadata.get("founding_year").and_then(|v| v.as_integer()), Some(2010));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metadata(Arc<BTreeMap<String, Value>>);

impl Metadata {
    /// Empty metadata.
    pub fn new() -> Self {
        Self::default()
    }

    /// This and one more field.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(key, value);
        self
    }

    /// Sets a field; the value it had, if any, is returned.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        Arc::make_mut(&mut self.0).insert(key.into(), value.into())
    }

    /// Removes a field and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        if self.0.contains_key(key) { Arc::make_mut(&mut self.0).remove(key) } else { None }
    }

    /// The value of a field.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Whether the field is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The fields by key, in the order of the keys' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a JSON object; a key whose value is null is left out.
    ///
    /// # Errors
    /// `InvalidArgument` where the text is no JSON object, or holds an integer beyond i64.
    pub fn from_json_str(text: &str) -> Result<Self> {
        Self::from_json(parse_json(text)?)
    }

    /// Reads a JSON object; a key whose value is null is left out. See [`Value::from_json`].
    ///
    /// # Errors
    /// `InvalidArgument` where it is no object, or holds an integer beyond i64.
    pub fn from_json(json: Json) -> Result<Self> {
        let Json::Object(map) = json else {
            return Err(Error::invalid(format!("metadata is {}, and must be a JSON object", kind(&json))));
        };
        let mut fields = BTreeMap::new();
        for (key, value) in map {
            let value =
                Value::from_json(value).map_err(|e| Error::invalid(format!("{key:?}: {}", e.message())))?;
            if let Some(value) = value {
                fields.insert(key, value);
            }
        }
        Ok(Self(Arc::new(fields)))
    }

    /// The length of the metadata as JSON text, in bytes.
    pub fn json_len(&self) -> usize {
        let mut length = Length(0);
        // A counter does not fail, and neither does a map of strings to values.
        let _ = serde_json::to_writer(&mut length, &self.0);
        length.0
    }

    /// The metadata as a JSON object.
    pub fn to_json(&self) -> Json {
        Json::Object(self.0.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
    }
}

/// Counts bytes instead of keeping them.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        Self(Arc::new(fields.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }
}

/// A JSON object.
impl Display for Metadata {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Json::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_text() {
        for text in ["{}", r#"{"a":[1,-2.5e-7,true],"é\n\u0007":{"ü":[null,"\\"]},"f":1.0}"#] {
            let metadata = Metadata::from_json_str(text).unwrap();
            assert_eq!(metadata.json_len(), metadata.to_string().len(), "{text}");
        }
        assert_eq!(Metadata::new().with("x", "abc").json_len(), r#"{"x":"abc"}"#.len());
    }
}
