//! Query times and rates of one handle, for its statistics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::stats::IndexStats;

/// Searches through one handle: how many, and how long they took.
#[derive(Debug)]
pub(crate) struct QueryClock {
    opened: Instant,
    queries: AtomicU64,
    nanos: AtomicU64,
}

impl Default for QueryClock {
    fn default() -> Self {
        Self { opened: Instant::now(), queries: 0.into(), nanos: 0.into() }
    }
}

impl QueryClock {
    /// Counts a search.
    pub(crate) fn record(&self, elapsed: Duration) {
        self.queries.fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Writes mean time and rate into statistics.
    pub(crate) fn fill(&self, stats: &mut IndexStats) {
        let queries = self.queries.load(Ordering::Relaxed);
        if queries > 0 {
            stats.average_query_time_ms =
                Some(self.nanos.load(Ordering::Relaxed) as f64 / queries as f64 / 1e6);
            stats.queries_per_second = Some(queries as f64 / self.opened.elapsed().as_secs_f64().max(1e-9));
        }
    }
}
