//! Time as the port writes it: RFC 3339 UTC strings of one width, which sort as text.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{Timestamp, Unit};

/// The present time, such as `2026-11-22T08:30:00.123Z`.
pub fn now() -> String {
    format(Timestamp::now())
}

/// A time in the same form, to the millisecond.
pub fn format(time: Timestamp) -> String {
    let time = time.round(Unit::Millisecond).unwrap_or(time);
    format!("{time:.3}")
}

/// A new query id: random per process, counted within it.
pub(crate) fn query_id() -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| uuid::Uuid::new_v4().as_u64_pair().0);
    format!("{process:016x}-{:08x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_have_one_width() {
        let second = format(Timestamp::from_second(1_700_000_000).unwrap());
        assert_eq!(second, "2023-11-14T22:13:20.000Z");
        assert_eq!(now().len(), second.len());
    }

    #[test]
    fn query_ids_differ() {
        assert_ne!(query_id(), query_id());
    }
}
