//! A collection in memory, as the drivers of the testkit keep it, and what they send of its rows.

use std::collections::{BTreeMap, HashMap};

use portolan_core::driver::{NativeId, Row, Want};
use portolan_core::validate::RESERVED_PREFIX;
use portolan_core::{IndexInfo, Metadata};

/// The rows of an index, in an order that writes decide.
#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) info: IndexInfo,
    pub(crate) rows: BTreeMap<u64, Row>,
    numbers: HashMap<NativeId, u64>,
    written: u64,
}

impl Collection {
    pub(crate) fn new(info: IndexInfo) -> Self {
        Self { info, rows: BTreeMap::new(), numbers: HashMap::new(), written: 0 }
    }

    pub(crate) fn holds(&self, id: &NativeId) -> bool {
        self.numbers.contains_key(id)
    }

    /// The rows of those ids that it holds.
    pub(crate) fn find<'a>(&'a self, ids: &'a [NativeId]) -> impl Iterator<Item = &'a Row> {
        ids.iter().filter_map(|id| self.rows.get(self.numbers.get(id)?))
    }

    /// Replaces the row of this id where it stands; a new one is the last.
    pub(crate) fn put(&mut self, row: Row) {
        let number = *self.numbers.entry(row.id.clone()).or_insert_with(|| {
            self.written += 1;
            self.written
        });
        self.rows.insert(number, row);
    }

    pub(crate) fn take(&mut self, id: &NativeId) -> Option<Row> {
        self.rows.remove(&self.numbers.remove(id)?)
    }
}

/// What of a row is sent.
pub(crate) fn cut(row: &Row, want: Want) -> Row {
    let metadata = if want.metadata {
        row.metadata.clone()
    } else if want.overflow {
        row.metadata.iter().filter(|(k, _)| is_overflow(k)).map(|(k, v)| (k, v.clone())).collect()
    } else {
        Metadata::new()
    };
    let vector = if want.vectors { row.vector.clone() } else { None };
    Row::new(row.id.clone(), vector, metadata)
}

/// Whether a key is one of the overflow's.
pub(crate) fn is_overflow(key: &str) -> bool {
    key.starts_with(RESERVED_PREFIX)
}

/// Where a real driver waits for its server: others go on, and the call may be dropped.
pub(crate) async fn network() {
    tokio::task::yield_now().await;
}
