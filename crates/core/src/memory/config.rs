//! How much an in-memory store may hold.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::location::Location;

/// The provider's name.
pub(super) const PROVIDER: &str = "memory";

/// The limits of a [`MemoryStorage`](super::MemoryStorage).
///
/// ```
/// use portolan_core::memory::{MemoryConfig, MemoryStorage};
///
/// let storage = MemoryStorage::new(MemoryConfig::new().max_indexes(2))?;
/// # Ok::<(), portolan_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// The most indexes, at least 1 (100).
    pub max_indexes: usize,
    /// The most records of an index, at least 1 (100,000).
    pub max_vectors_per_index: usize,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self { max_indexes: 100, max_vectors_per_index: 100_000 }
    }
}

impl MemoryConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most indexes, at least 1.
    #[must_use]
    pub fn max_indexes(mut self, indexes: usize) -> Self {
        self.max_indexes = indexes;
        self
    }

    /// The most records of an index, at least 1.
    #[must_use]
    pub fn max_vectors_per_index(mut self, records: usize) -> Self {
        self.max_vectors_per_index = records;
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// `InvalidArgument` naming field, value and range.
    pub fn validate(&self) -> Result<()> {
        for (field, value) in
            [("max_indexes", self.max_indexes), ("max_vectors_per_index", self.max_vectors_per_index)]
        {
            if value == 0 {
                return Err(Error::invalid(format!("{field} is 0, and must be at least 1")));
            }
        }
        Ok(())
    }

    /// The configuration that a location such as `memory:?max_indexes=10` gives.
    ///
    /// # Errors
    /// `InvalidArgument` for a host, a path, an unknown option or a value that is no number.
    pub fn from_location(mut location: Location) -> Result<Self> {
        if location.host().is_some() || !location.path().is_empty() {
            return Err(Error::invalid(format!(
                "{location} names a host or a path, and memory has neither: say memory:"
            )));
        }
        let default = Self::default();
        let config = Self {
            max_indexes: location.take_parsed("max_indexes", "a number")?.unwrap_or(default.max_indexes),
            max_vectors_per_index: location
                .take_parsed("max_vectors_per_index", "a number")?
                .unwrap_or(default.max_vectors_per_index),
        };
        location.finish()?;
        config.validate()?;
        Ok(config)
    }
}
