//! The values of metadata fields.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Number, Value as Json};

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

    /// The value as JSON; null for a float that is not finite.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Bool(b) => Json::Bool(*b),
            Self::Integer(i) => Json::from(*i),
            Self::Float(x) => Number::from_f64(*x).map_or(Json::Null, Json::Number),
            Self::String(s) => Json::String(s.clone()),
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
            Self::Opaque(Arc::new(Json::Array(items.iter().map(Scalar::to_json).collect())))
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
        match self {
            Self::Scalar(s) => s.to_json(),
            Self::List(items) => Json::Array(items.iter().map(Scalar::to_json).collect()),
            Self::Opaque(json) => Json::clone(json),
        }
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
