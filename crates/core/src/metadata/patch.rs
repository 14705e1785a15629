//! Changes of metadata.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::json::kind;
use super::map::Metadata;
use super::value::Value;
use crate::error::{Error, Result};

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
            return Err(Error::invalid(format!("a patch is {}, and must be a JSON object", kind(&json))));
        };
        map.into_iter().map(|(k, v)| Ok((k, Value::from_json(v)?))).collect::<Result<_>>().map(Self)
    }
}

impl From<Metadata> for MetadataPatch {
    fn from(metadata: Metadata) -> Self {
        Self(metadata.iter().map(|(k, v)| (k.to_owned(), Some(v.clone()))).collect())
    }
}

impl Metadata {
    /// Applies a patch: sets its values, removes the keys it has as null.
    pub fn apply(&mut self, patch: &MetadataPatch) {
        for (key, value) in patch.iter() {
            match value {
                Some(value) => self.insert(key, value.clone()),
                None => self.remove(key),
            };
        }
    }
}
