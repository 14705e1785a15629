//! What every request carries.

use std::time::Duration;

use crate::error::{Error, Result};

/// The most records that a request reads to check a filter on the client, by default.
pub const DEFAULT_RESIDUAL_BUDGET: u64 = 1_000_000;

/// Options of a single call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// The time for the whole call, all attempts included: 0.1 to 60 s. Unset: 10 s for reads and writes, no limit
    /// for `create_index`, `delete_index` and `optimize`.
    pub timeout: Option<Duration>,
}

impl CallOptions {
    /// The default timeout of reads and writes.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

    /// Defaults.
    pub const fn new() -> Self {
        Self { timeout: None }
    }

    /// Sets the time for the whole call.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// `InvalidArgument` where the timeout is outside 0.1 to 60 s.
    pub fn validate(&self) -> Result<()> {
        match self.timeout {
            Some(t) if t < Duration::from_millis(100) || t > Duration::from_secs(60) => {
                Err(Error::out_of_range("timeout", format!("{t:?}"), "0.1", "60 s"))
            }
            _ => Ok(()),
        }
    }
}
