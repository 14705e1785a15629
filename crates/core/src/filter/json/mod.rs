//! The JSON notation: `{"industry": "fintech", "founding_year": {"$gte": 2015}}`.

mod node;
mod read;
mod write;

#[cfg(test)]
mod tests;

use serde::de::{DeserializeSeed, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use self::node::Nested;
use super::Filter;
use crate::error::{Error, Result};
use crate::metadata::check_integers;

impl Filter {
    /// Reads the JSON notation from a JSON value.
    ///
    /// `serde_json` sorts the keys of an object, so several keys become an `And` in the order of their bytes;
    /// [`Filter::from_json_str`] keeps the order they are written in.
    ///
    /// ```
    /// use portolan_core::Filter;
    /// use serde_json::json;
    ///
    /// let filter = Filter::from_json(json!({"industry": "fintech", "founding_year": {"$gte": 2015}}))?;
    /// assert_eq!(filter.to_string(), r#"founding_year >= 2015 AND industry = "fintech""#);
    /// # Ok::<(), portolan_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument`, with the path to the offending part. An integer beyond u64 has already become a float when
    /// `serde_json` parsed it.
    pub fn from_json(json: Json) -> Result<Self> {
        let node = Nested::default().deserialize(json).map_err(|e| Error::invalid(format!("filter: {e}")))?;
        read::filter(node)
    }

    /// Parses JSON text into a flat, valid tree.
    ///
    /// A key with a value is equality, a key with an object of operators (`$eq` `$ne` `$gt` `$gte` `$lt` `$lte` `$in`
    /// `$nin` `$contains` `$starts_with` `$ends_with` `$exists` `$not`) what they say, several of either an `And`.
    /// `$and` and `$or` take lists of filters, `$not` one filter, `$id` an id or `{"$in": […]}`. `{}` is
    /// [`Filter::all`].
    ///
    /// # Errors
    /// `InvalidArgument`, with the line and column of malformed JSON or the path to the offending part: an unknown
    /// operator, null or a bare list as value, an integer beyond i64, a key that stands twice in one object.
    pub fn from_json_str(text: &str) -> Result<Self> {
        let invalid = |e: serde_json::Error| {
            let what = if e.is_data() { "filter" } else { "the filter is not valid JSON" };
            Error::invalid(format!("{what}: {e}"))
        };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        // `Nested` has its own limit, which fits the filter's.
        deserializer.disable_recursion_limit();
        let node = Nested::default().deserialize(&mut deserializer).map_err(invalid)?;
        deserializer.end().map_err(invalid)?;
        check_integers(text)?;
        read::filter(node)
    }

    /// The filter as JSON, which [`Filter::from_json`] reads back as the same flat tree if it is valid.
    pub fn to_json(&self) -> Json {
        write::filter(self)
    }
}

/// As [`Filter::to_json`]; fails where [`Filter::validate`] does.
impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.validate().map_err(|e| S::Error::custom(e.message()))?;
        self.to_json().serialize(serializer)
    }
}

/// As [`Filter::from_json_str`], keys in the order given; only an integer beyond u64 cannot be told from a float. The
/// format must be self-describing, as JSON is.
impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Nested::default().deserialize(deserializer)?;
        read::filter(node).map_err(|e| D::Error::custom(e.message()))
    }
}
