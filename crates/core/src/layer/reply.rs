//! What a uniform layer knows of an answer.

use std::time::Duration;

use crate::error::Error;
use crate::health::{Health, Status};
use crate::index::IndexInfo;
use crate::record::Record;
use crate::scan::ScanPage;
use crate::search::SearchResult;
use crate::stats::{Explanation, IndexStats};
use crate::write::{DeleteWhereResult, Outcome, WriteResult};

/// What a uniform layer knows of an answer. The default is one without items.
pub trait Reply: Send + Sized + 'static {
    /// Positions that failed retryably or are unknown.
    fn to_repeat(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Puts the answer to the items at these positions into this one.
    fn merge(&mut self, positions: &[usize], part: Self) {
        let _ = (positions, part);
    }

    /// The first error of an item in an answer that is `Ok`.
    fn error(&self) -> Option<&Error> {
        None
    }

    /// An answer in which every item ended like this, or `None` where there are no items.
    fn all_items(items: usize, outcome: Outcome) -> Option<Self> {
        let _ = (items, outcome);
        None
    }

    /// Records an error inside a successful answer, as a health check does; false where this kind of answer can fail
    /// with `Err` only.
    fn record_error(&mut self, error: &Error) -> bool {
        let _ = error;
        false
    }

    /// Adds time that a layer spent, where the answer says how long it took.
    fn add_elapsed(&mut self, time: Duration) {
        let _ = time;
    }
}

impl Reply for () {}
impl Reply for bool {}
impl Reply for u64 {}
impl Reply for Vec<String> {}
impl Reply for Vec<Option<Record>> {}
impl Reply for IndexInfo {}
impl Reply for IndexStats {}
impl Reply for Explanation {}
impl Reply for ScanPage {}

impl Reply for Health {
    fn record_error(&mut self, error: &Error) -> bool {
        self.status = Status::Unavailable;
        self.message = Some(error.to_string());
        true
    }

    fn add_elapsed(&mut self, time: Duration) {
        self.latency_ms += time.as_secs_f64() * 1e3;
    }
}

impl Reply for SearchResult {
    fn add_elapsed(&mut self, time: Duration) {
        self.elapsed += time;
    }
}

impl Reply for DeleteWhereResult {
    fn add_elapsed(&mut self, time: Duration) {
        self.elapsed += time;
    }
}

impl Reply for WriteResult {
    fn to_repeat(&self) -> Vec<usize> {
        let to_repeat = |o: &Outcome| match o {
            Outcome::Stored => false,
            Outcome::Failed(e) => e.is_retryable(),
            Outcome::Unknown(_) => true,
        };
        self.items.iter().enumerate().filter(|(_, o)| to_repeat(o)).map(|(at, _)| at).collect()
    }

    fn merge(&mut self, positions: &[usize], part: Self) {
        for (&position, outcome) in positions.iter().zip(part.items) {
            if let Some(item) = self.items.get_mut(position) {
                *item = outcome;
            }
        }
        self.visible &= part.visible;
        self.elapsed += part.elapsed;
    }

    fn error(&self) -> Option<&Error> {
        self.items.iter().find_map(Outcome::error)
    }

    fn all_items(items: usize, outcome: Outcome) -> Option<Self> {
        Some(Self::new(vec![outcome; items]))
    }

    fn add_elapsed(&mut self, time: Duration) {
        self.elapsed += time;
    }
}
