//! The time that one request of a call has.

use std::time::Duration;

use tokio::time::Instant;

/// When a request must have been answered. It alone bounds what is sent for a call; an adapter may pass it on to the
/// server, so that the work ends there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No bound.
    pub const NONE: Self = Self(None);

    /// At this moment.
    pub fn at(end: Instant) -> Self {
        Self(Some(end))
    }

    /// So long from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }

    /// The moment; absent where there is no bound.
    pub fn instant(self) -> Option<Instant> {
        self.0
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}
