//! What every request carries.

use std::time::Duration;

use crate::error::{Error, Result};

/// The most records that a request reads to check a filter on the client, by default.
pub const DEFAULT_RESIDUAL_BUDGET: u64 = 1_000_000;

/// Options of a single call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// The time for the whole call, connecting and all attempts included: 1 ms to a day.
    ///
    /// Unset: the URI's `timeout`, else 10 s, for reads and writes; none for `create_index`, `delete_index` and
    /// `optimize`; none either for `clear`, `delete_where`, `scan`, and a count or search that is answered by reading
    /// records, which end when one request has gone unanswered for that long.
    pub timeout: Option<Duration>,
}

impl CallOptions {
    /// The shortest timeout.
    pub const MIN_TIMEOUT: Duration = Duration::from_millis(1);

    /// The longest timeout.
    pub const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

    /// The timeout of reads and writes where neither the call nor the URI has one.
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
    /// `InvalidArgument` where the timeout is outside 1 ms to a day.
    pub fn validate(&self) -> Result<()> {
        match self.timeout {
            Some(t) if !(Self::MIN_TIMEOUT..=Self::MAX_TIMEOUT).contains(&t) => {
                Err(Error::out_of_range("timeout", format!("{t:?}"), "1 ms", "a day (86400 s)"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_from_a_millisecond_to_a_day() {
        let checked = |timeout| CallOptions::new().timeout(timeout).validate();
        for allowed in [Duration::from_millis(1), Duration::from_secs(86_400)] {
            checked(allowed).unwrap();
        }
        for refused in [Duration::ZERO, Duration::from_micros(999), Duration::from_millis(86_400_001)] {
            let e = checked(refused).unwrap_err();
            assert!(e.message().ends_with("and must be 1 ms to a day (86400 s)"), "{e}");
        }
    }
}
