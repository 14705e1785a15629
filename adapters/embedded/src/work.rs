//! Where work runs: short work at once, long work on the blocking pool, where it goes on when its caller leaves.
//!
//! The database checks what it reads from its file, and some of those checks panic. A damaged file is no reason to end
//! the user's program, so both places turn a panic into an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use portolan_core::{Error, ErrorKind, Result};
use tokio::task::spawn_blocking;

use crate::error::panicked;

/// Runs work that takes less than a hop to another thread is worth.
pub(crate) fn inline<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic leaves behind is a transaction that is dropped, which ends without effect.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked(path)))
}

/// Runs work on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) if e.is_panic() => Err(panicked(path)),
        Err(_) => Err(Error::new(ErrorKind::Cancelled, "the runtime shuts down")),
    }
}
