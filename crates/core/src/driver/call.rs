//! An index that the engine has opened, and one call on it with the time that it has.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Deadline, ExactSearch, Opened, ScoreError, Target, WriteError};
use crate::error::{Error, ErrorKind, Result};
use crate::index::{IndexInfo, IndexSpec};
use crate::query_clock::QueryClock;

/// An index that a driver has opened, as the engine keeps it.
#[derive(Debug)]
pub(super) struct OpenedIndex<I> {
    native: String,
    opened: Opened<I>,
    pub(super) clock: Arc<QueryClock>,
    reused: AtomicBool,
}

impl<I> OpenedIndex<I> {
    pub(super) fn new(native: String, opened: Opened<I>, clock: Arc<QueryClock>) -> Self {
        Self { native, opened, clock, reused: AtomicBool::new(false) }
    }

    pub(super) fn info(&self) -> &IndexInfo {
        &self.opened.info
    }

    /// What the driver keeps of it.
    pub(super) fn of_driver(&self) -> &I {
        &self.opened.index
    }

    /// Notes that it answers a call from the cache.
    pub(super) fn reuse(&self) {
        self.reused.store(true, Ordering::Relaxed);
    }

    /// Whether an error may come from what is known of the index being outdated.
    pub(super) fn may_be_outdated(&self, error: &Error) -> bool {
        let shows = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DimensionMismatch);
        shows && self.reused.load(Ordering::Relaxed)
    }
}

/// How long what is sent for a call may take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// As long as it takes.
    Unlimited,
    /// All of it together.
    Total { end: Instant, time: Duration },
    /// Each request: a call that reads or changes everything may be long.
    PerRequest(Duration),
}

impl Limit {
    pub(super) fn total(time: Duration) -> Self {
        Instant::now().checked_add(time).map_or(Self::Unlimited, |end| Self::Total { end, time })
    }

    /// When a request that is sent now must have been answered.
    pub(super) fn deadline(self) -> Deadline {
        match self {
            Self::Unlimited => Deadline::NONE,
            Self::Total { end, .. } => Deadline::at(end),
            Self::PerRequest(time) => Deadline::after(time),
        }
    }

    /// Ends a read when its time is over.
    pub(super) async fn read<T>(self, read: impl Future<Output = Result<T>>) -> Result<T> {
        match self.deadline().instant() {
            None => read.await,
            Some(end) => timeout_at(end, read).await.unwrap_or_else(|_| Err(self.no_answer())),
        }
    }

    /// Ends a change when its time is over; it may have been applied then.
    pub(super) async fn change<T>(
        self,
        change: impl Future<Output = Result<T, WriteError>>,
    ) -> Result<T, WriteError> {
        match self.deadline().instant() {
            None => change.await,
            Some(end) => {
                timeout_at(end, change).await.unwrap_or_else(|_| Err(WriteError::InDoubt(self.no_answer())))
            }
        }
    }

    fn no_answer(self) -> Error {
        let within = match self {
            Self::Unlimited => String::new(),
            Self::Total { time, .. } | Self::PerRequest(time) => format!(" within {time:?}"),
        };
        Error::new(ErrorKind::Timeout, format!("no answer{within}; allow more with timeout"))
    }
}

/// A call on an index.
#[derive(Debug)]
pub(super) struct Call<I> {
    pub(super) index: Arc<OpenedIndex<I>>,
    pub(super) limit: Limit,
}

impl<I> Call<I> {
    pub(super) fn spec(&self) -> &IndexSpec {
        &self.index.info().spec
    }

    /// The database's name of the index.
    pub(super) fn native_name(&self) -> &str {
        &self.index.native
    }

    /// The index for a request that is sent now.
    pub(super) fn target(&self) -> Target<'_, I> {
        Target { deadline: self.limit.deadline(), ..self.unsent() }
    }

    /// The index where nothing is sent: no clock is asked.
    pub(super) fn unsent(&self) -> Target<'_, I> {
        Target {
            name: self.native_name(),
            spec: self.spec(),
            index: self.index.of_driver(),
            deadline: Deadline::NONE,
        }
    }

    /// # Errors
    /// `Unsupported` where the index takes no records.
    pub(super) fn check_writable(&self) -> Result<()> {
        match self.index.opened.unwritable {
            None => Ok(()),
            Some(why) => Err(Error::unsupported(format!(
                "no record can be written to the index {:?}: {why}; reading and deleting work",
                self.spec().name
            ))),
        }
    }

    pub(super) fn score_error(&self) -> ScoreError {
        self.index.opened.score_error
    }

    /// Whether the index answers exactly, where the profile says `otherwise`.
    pub(super) fn exact(&self, otherwise: ExactSearch) -> ExactSearch {
        self.index.opened.exact.unwrap_or(otherwise)
    }
}
