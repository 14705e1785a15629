//! Where work runs: short work at once, long work on the blocking pool, where it goes on when its caller leaves.
//!
//! The database checks what it reads from its file, and some of those checks panic. A damaged file is no reason to end
//! the user's program, so both turn a panic into an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, Result};
use tokio::task::spawn_blocking;

use crate::error::{StoreError, panicked};
use crate::store::{Store, StoreOptions};
use crate::view::View;

impl Store {
    /// Opens the store of a directory to read, if there is one. The first write makes this its writer, and the first index
    /// that is created makes a store where there is none.
    ///
    /// # Errors
    /// `NotReady` where another process holds it and lets none read, naming that; `Corrupt` for a damaged file, or one
    /// that a newer version made; `PermissionDenied`, `QuotaExceeded` and `Unavailable` as the disk answers.
    pub async fn open(directory: &Path, options: StoreOptions) -> Result<Arc<Self>> {
        let owned = directory.to_owned();
        blocking(directory, move || Self::open_directory(&owned, options).map(Arc::new)).await
    }

    /// Does short work at once, or where that may have to wait for a writer, on the blocking pool.
    ///
    /// # Errors
    /// Those of the work; `Corrupt` where it panics.
    pub async fn short<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if self.is_writer() { self.inline(work) } else { self.blocking(work).await }
    }

    /// Reads an index, at once where it `is_short`: where it takes less than a hop to another thread is worth.
    ///
    /// # Errors
    /// `NotFound`; those of the work; `Corrupt` where it panics.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        index: &str,
        is_short: impl FnOnce(&View<'_>) -> bool,
        work: impl FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T> {
        if self.peek(index, is_short) == Some(true) {
            return self.inline(|store| store.view(index, work));
        }
        let index = index.to_owned();
        self.blocking(move |store| store.view(&index, work)).await
    }

    /// Runs a write on the blocking pool. Writes run in the order in which they were called, and one whose caller has left
    /// ends before the next begins: what is written later is not undone by it.
    ///
    /// # Errors
    /// Those of the work; `Corrupt`, and in doubt, where it panics, as that may have come after the commit.
    pub async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let write = move |store: &Self| {
            let written = work(store);
            drop(turn);
            Ok(written)
        };
        self.blocking(write).await.map_err(WriteError::InDoubt)?
    }

    /// Runs work at once.
    ///
    /// # Errors
    /// Those of the work; `Corrupt` where it panics.
    pub fn inline<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        // What a panic leaves behind is a transaction that is dropped, which ends without effect.
        catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|_| Err(panicked(self.path())))
    }

    /// Runs work on the blocking pool.
    ///
    /// # Errors
    /// Those of the work; `Corrupt` where it panics.
    pub async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        blocking(self.path(), move || work(&store)).await
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) if e.is_panic() => Err(panicked(path)),
        Err(_) => Err(Error::new(ErrorKind::Cancelled, "the runtime shuts down")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn a_write_that_was_given_up_ends_before_the_next_begins() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), StoreOptions::default()).await.unwrap();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (go_on, wait) = channel::<()>();
        let first = {
            let written = Arc::clone(&written);
            store.write(move |_| {
                wait.recv().unwrap();
                written.lock().unwrap().push("first");
                Ok(())
            })
        };
        let mut first = Box::pin(first);
        assert!(is_pending(&mut first).await, "the first write is under way");
        drop(first);
        assert!(store.turn.try_lock().is_err(), "and keeps its turn");
        let second = {
            let written = Arc::clone(&written);
            store.write(move |_| {
                written.lock().unwrap().push("second");
                Ok(())
            })
        };
        go_on.send(()).unwrap();
        second.await.unwrap();
        assert_eq!(*written.lock().unwrap(), ["first", "second"]);
    }

    /// Polls a future once; whether it goes on.
    async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
        })
        .await
    }
}
