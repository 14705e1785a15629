//! Progress of long operations.

use std::time::{Duration, Instant};

/// How far a long operation is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProgressUpdate<'a> {
    /// The operation, such as `import`.
    pub operation: &'a str,
    /// How many items are done.
    pub done: u64,
    /// How many there are, where known.
    pub total: Option<u64>,
    /// What is happening, where there is something to say.
    pub message: Option<&'a str>,
    /// The time since the start.
    pub elapsed: Duration,
}

impl ProgressUpdate<'_> {
    /// Items a second since the start.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Listens to a long operation, and may end it.
pub trait Progress: Send + Sync {
    /// Called now and then, and at the end.
    fn update(&self, update: &ProgressUpdate<'_>);

    /// Whether the operation should stop after what it is doing; it then ends with `Cancelled`.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Listens to nothing.
impl Progress for () {
    fn update(&self, _: &ProgressUpdate<'_>) {}
}

/// A closure that gets every update.
impl<F: Fn(&ProgressUpdate<'_>) + Send + Sync> Progress for F {
    fn update(&self, update: &ProgressUpdate<'_>) {
        self(update);
    }
}

/// What the operation counts with: it calls the listener now and then.
pub struct Meter<'a> {
    to: &'a dyn Progress,
    operation: &'a str,
    total: Option<u64>,
    done: u64,
    start: Instant,
}

impl<'a> Meter<'a> {
    /// Starts an operation of `total` items.
    pub fn new(to: &'a dyn Progress, operation: &'a str, total: Option<u64>) -> Self {
        Self { to, operation, total, done: 0, start: Instant::now() }
    }

    /// Counts items and calls the listener.
    pub fn advance(&mut self, items: u64) {
        self.done += items;
        self.tell(None);
    }

    /// Tells where the operation is, with a word.
    pub fn tell(&self, message: Option<&str>) {
        self.to.update(&ProgressUpdate {
            operation: self.operation,
            done: self.done,
            total: self.total,
            message,
            elapsed: self.start.elapsed(),
        });
    }

    /// Whether the operation should stop.
    pub fn is_cancelled(&self) -> bool {
        self.to.is_cancelled()
    }
}

impl std::fmt::Debug for Meter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter")
            .field("operation", &self.operation)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
