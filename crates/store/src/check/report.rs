//! What a check has found.

use std::path::PathBuf;

use serde::Serialize;

/// What was found in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// The file.
    pub file: PathBuf,
    /// The number of indexes.
    pub indexes: u64,
    /// The number of records that can be read.
    pub records: u64,
    /// What is damaged.
    pub damage: Vec<Damage>,
    /// What was done about it.
    pub repaired: Option<Repaired>,
}

/// Something that is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Damage {
    /// The index; absent where it is the file as such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The record; absent where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// A store that was written again from what can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Repaired {
    /// Where the damaged file is kept.
    pub kept: PathBuf,
    /// The number of records that were saved.
    pub records: u64,
    /// The number of records that are known to be lost; they are among the damage.
    pub lost: u64,
}

impl Checked {
    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }
}
