//! Records, and reading them by id.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::metadata::Metadata;
use crate::options::CallOptions;

/// A vector: finite `f32`, cheap to clone.
pub type Vector = Arc<[f32]>;

/// What an index holds: an id, a vector, metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// UTF-8, 1 to 512 bytes, no control characters.
    pub id: String,
    /// The vector. Needed for a write; absent in a read that did not ask for it, and for a record that has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vector>,
    /// The metadata.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
}

impl Record {
    /// A record without metadata.
    pub fn new(id: impl Into<String>, vector: impl Into<Vector>) -> Self {
        Self { id: id.into(), vector: Some(vector.into()), metadata: Metadata::new() }
    }

    /// Sets the metadata.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }
}

/// Reads records by id: one entry per requested id, in order.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GetRequest<'a> {
    /// The index.
    pub index: &'a str,
    /// The ids; one that is named twice is answered twice.
    pub ids: &'a [String],
    /// Whether vectors are returned (yes).
    pub include_vectors: bool,
    /// Whether metadata is returned (yes).
    pub include_metadata: bool,
    /// Options of the call.
    pub options: CallOptions,
}

impl<'a> GetRequest<'a> {
    /// Vectors and metadata of these ids.
    pub fn new(index: &'a str, ids: &'a [String]) -> Self {
        Self { index, ids, include_vectors: true, include_metadata: true, options: CallOptions::new() }
    }

    /// Whether vectors are returned.
    #[must_use]
    pub fn include_vectors(mut self, yes: bool) -> Self {
        self.include_vectors = yes;
        self
    }

    /// Whether metadata is returned.
    #[must_use]
    pub fn include_metadata(mut self, yes: bool) -> Self {
        self.include_metadata = yes;
        self
    }

    /// Sets the options of the call.
    #[must_use]
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }
}

/// Borrowed items of a write, and which of them are meant: a retry names positions and copies nothing.
#[derive(Debug)]
pub struct Batch<'a, T> {
    items: &'a [T],
    picked: Option<&'a [usize]>,
}

impl<'a, T> Batch<'a, T> {
    /// All of the items.
    pub fn new(items: &'a [T]) -> Self {
        Self { items, picked: None }
    }

    /// How many items are meant.
    pub fn len(&self) -> usize {
        self.picked.map_or(self.items.len(), <[usize]>::len)
    }

    /// Whether no item is meant.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item at a position of this batch, or `None` past its end.
    pub fn get(&self, at: usize) -> Option<&'a T> {
        match self.picked {
            None => self.items.get(at),
            Some(picked) => self.items.get(*picked.get(at)?),
        }
    }

    /// The items, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let this = *self;
        (0..this.len()).filter_map(move |at| this.get(at))
    }

    /// For positions of this batch, the positions of the underlying slice.
    pub fn positions(&self, at: &[usize]) -> Vec<usize> {
        match self.picked {
            None => at.to_vec(),
            Some(picked) => at.iter().filter_map(|&n| picked.get(n).copied()).collect(),
        }
    }

    /// The same slice, other positions of it; those past its end are left out when read.
    #[must_use]
    pub fn at(&self, positions: &'a [usize]) -> Self {
        Self { items: self.items, picked: Some(positions) }
    }
}

impl<T> Clone for Batch<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Batch<'_, T> {}

impl<'a, T> From<&'a [T]> for Batch<'a, T> {
    fn from(items: &'a [T]) -> Self {
        Self::new(items)
    }
}

impl<'a, T> From<&'a Vec<T>> for Batch<'a, T> {
    fn from(items: &'a Vec<T>) -> Self {
        Self::new(items.deref())
    }
}
