//! The database's own id of a row.

use std::fmt::{self, Display, Formatter};
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The id that a row has in the database, as text. It is a type of its own so that it is never taken for the record's id in
/// the port, which may be another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NativeId(String);

impl NativeId {
    /// A native id.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Deref for NativeId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for NativeId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Display for NativeId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for NativeId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl From<&str> for NativeId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}
