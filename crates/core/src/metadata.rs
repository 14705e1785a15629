//! Metadata: an ordered map of typed values.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::error::{Error, Result};

mod json;
pub use json::parse_json;
pub(crate) use json::refuse_huge_integers;

/// A single value: what metadata fields hold, and what filters compare with.
///
/// Equality is of the value as written: `Integer(2)` is not `Float(2.0)`. Filters compare by mathematical value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false; no number.
    Bool(bool),
    /// A 64-bit integer, exact.
    Integer(i64),
    /// A finite 64-bit float.
    Float(f64),
    /// UTF-8 text, compared by its bytes.
    String(String),
}

impl Scalar {
    /// The name of the type, as declared fields spell it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::String(_) => "string",
        }
    }

    /// The text, where this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    pub(crate) fn same_type(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Display for Scalar {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{b}"),
            Self::Integer(i) => write!(f, "{i}"),
            Self::Float(x) => write!(f, "{x:?}"),
            Self::String(s) => f.write_str(s),
        }
    }
}

/// The value of a metadata field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// Scalars of one type; may be empty. Make it with [`Value::list`].
    List(Vec<Scalar>),
    /// JSON that is neither: an object, or a list that is mixed, nested or holds null. Stored and read back equal;
    /// filters see only that it exists.
    Opaque(Arc<Json>),
}

impl Value {
    /// A list; [`Value::Opaque`] where the elements are of more than one type.
    pub fn list<T: Into<Scalar>>(items: impl IntoIterator<Item = T>) -> Self {
        let items: Vec<Scalar> = items.into_iter().map(Into::into).collect();
        if items.windows(2).all(|w| w[0].same_type(&w[1])) {
            Self::List(items)
        } else {
            Self::Opaque(Arc::new(Json::Array(items.iter().map(json::scalar_to_json).collect())))
        }
    }

    /// The single value, where this is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match self {
            Self::Scalar(s) => Some(s),
            _ => None,
        }
    }

    /// The text, where this is a string.
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar().and_then(Scalar::as_str)
    }

    /// The integer, where this is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Scalar(Scalar::Integer(i)) => Some(*i),
            _ => None,
        }
    }

    /// The number as a float, where this is a number; an integer beyond 2^53 is rounded.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Scalar(Scalar::Integer(i)) => Some(*i as f64),
            Self::Scalar(Scalar::Float(x)) => Some(*x),
            _ => None,
        }
    }

    /// The truth value, where this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Scalar(Scalar::Bool(b)) => Some(*b),
            _ => None,
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Json {
        json::value_to_json(self)
    }

    /// The value that a JSON value stands for; `None` for null, which is not a value.
    ///
    /// # Errors
    /// `InvalidArgument` for an integer beyond i64. An integer beyond u64 has already become a float when `serde_json`
    /// parsed it: use [`parse_json`] on text to have that refused as well.
    pub fn from_json(json: Json) -> Result<Option<Self>> {
        json::value_from_json(json)
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(s) => Display::fmt(s, f),
            other => Display::fmt(&other.to_json(), f),
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident $convert:expr),* $(,)?) => {$(
        impl From<$type> for Scalar {
            fn from(value: $type) -> Self {
                #[allow(clippy::redundant_closure_call)]
                Self::$variant($convert(value))
            }
        }
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Scalar(value.into())
            }
        }
    )*};
}
from! {
    bool => Bool (|v| v),
    i8 => Integer i64::from,
    i16 => Integer i64::from,
    i32 => Integer i64::from,
    i64 => Integer (|v| v),
    u8 => Integer i64::from,
    u16 => Integer i64::from,
    u32 => Integer i64::from,
    f32 => Float f64::from,
    f64 => Float (|v| v),
    &str => String str::to_owned,
    &String => String String::clone,
    String => String (|v| v),
}

impl From<Scalar> for Value {
    fn from(value: Scalar) -> Self {
        Self::Scalar(value)
    }
}

impl<T: Into<Scalar>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::list(items)
    }
}

impl<T: Into<Scalar>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Self::list(items)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(s) => s.serialize(serializer),
            Self::List(items) => items.serialize(serializer),
            Self::Opaque(json) => json.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Self::from_json(json)
            .map_err(serde::de::Error::custom)?
            .ok_or_else(|| serde::de::Error::custom("null is not a metadata value"))
    }
}

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
    /// The length of its JSON text in bytes.
    pub fn json_len(&self) -> usize {
        self.to_string().len()
    }

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
            return Err(Error::invalid(format!(
                "metadata is {}, and must be a JSON object",
                json::kind(&json)
            )));
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

    /// The metadata as a JSON object.
    pub fn to_json(&self) -> Json {
        Json::Object(self.0.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
    }

    /// Applies a patch: sets its values, removes the keys it has as null.
    pub fn apply(&mut self, patch: &MetadataPatch) {
        let fields = Arc::make_mut(&mut self.0);
        for (key, value) in patch.iter() {
            match value {
                Some(value) => fields.insert(key.to_owned(), value.clone()),
                None => fields.remove(key),
            };
        }
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

/// A change of metadata: per top-level key a new value, or `None` to remove the key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetadataPatch(BTreeMap<String, Option<Value>>);

impl MetadataPatch {
    /// A patch that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(key.into(), Some(value.into()));
        self
    }

    /// Removes a key.
    #[must_use]
    pub fn remove(mut self, key: impl Into<String>) -> Self {
        self.0.insert(key.into(), None);
        self
    }

    /// This and then a later patch, as one.
    #[must_use]
    pub fn then(mut self, later: &Self) -> Self {
        self.0.extend(later.0.iter().map(|(k, v)| (k.clone(), v.clone())));
        self
    }

    /// The changes by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Option<&Value>)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_ref()))
    }

    /// Whether the patch changes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a JSON object, in which null removes a key.
    ///
    /// # Errors
    /// `InvalidArgument` where it is no object, or holds an integer beyond i64.
    pub fn from_json(json: Json) -> Result<Self> {
        let Json::Object(map) = json else {
            return Err(Error::invalid(format!(
                "a patch is {}, and must be a JSON object",
                json::kind(&json)
            )));
        };
        map.into_iter().map(|(k, v)| Ok((k, Value::from_json(v)?))).collect::<Result<_>>().map(Self)
    }
}

impl From<Metadata> for MetadataPatch {
    fn from(metadata: Metadata) -> Self {
        Self(metadata.iter().map(|(k, v)| (k.to_owned(), Some(v.clone()))).collect())
    }
}
