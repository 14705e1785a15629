//! One index in memory.

use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use rpds::RedBlackTreeMapSync;

use super::config::PROVIDER;
use crate::filter::{Filter, Matcher};
use crate::index::{IndexInfo, IndexSpec};
use crate::metadata::{Metadata, Value};
use crate::query_clock::QueryClock;
use crate::record::{Record, Vector};
use crate::stats::IndexStats;
use crate::time;

/// The records of an index, by id. A clone costs nothing and stays as it is; a write copies only the way to its record,
/// however many snapshots there are.
pub(super) type Records = RedBlackTreeMapSync<Arc<str>, Entry>;

/// A record without its id.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) vector: Vector,
    pub(super) metadata: Metadata,
}

impl Entry {
    pub(super) fn to_record(&self, id: &str, include_vectors: bool, include_metadata: bool) -> Record {
        Record {
            id: id.to_owned(),
            vector: include_vectors.then(|| self.vector.clone()),
            metadata: if include_metadata { self.metadata.clone() } else { Metadata::new() },
        }
    }
}

/// What an index is as long as it lives. It holds no records, so that a write that looks at it leaves them unshared.
#[derive(Debug)]
pub(super) struct Identity {
    /// Tells this index from every other one of the store, also from an earlier one of its name.
    pub(super) serial: u64,
    pub(super) spec: IndexSpec,
    pub(super) clock: QueryClock,
    created_at: String,
}

/// An index; a clone is a snapshot that later writes do not change.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) identity: Arc<Identity>,
    pub(super) records: Records,
    updated_at: Option<Timestamp>,
}

impl Index {
    pub(super) fn new(serial: u64, spec: IndexSpec) -> Self {
        let identity = Identity { serial, spec, clock: QueryClock::default(), created_at: time::now() };
        Self { identity: Arc::new(identity), records: Records::default(), updated_at: None }
    }

    pub(super) fn spec(&self) -> &IndexSpec {
        &self.identity.spec
    }

    /// The records, to be changed.
    pub(super) fn write(&mut self) -> &mut Records {
        self.updated_at = Some(Timestamp::now());
        &mut self.records
    }

    pub(super) fn info(&self) -> IndexInfo {
        IndexInfo::new(self.spec().clone(), PROVIDER).created_at(Some(self.identity.created_at.clone()))
    }

    pub(super) fn matching(&self, filter: Option<&Filter>) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        let matcher = filter.map(Filter::matcher);
        self.records.iter().filter(move |(id, entry)| meets(matcher.as_ref(), id, entry))
    }

    /// The records after an id, in the order of ids.
    pub(super) fn matching_after<'a>(
        &'a self,
        last: Option<&'a str>,
        filter: Option<&'a Filter>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Entry)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.records.range::<str, _>((from, Bound::Unbounded));
        let matcher = filter.map(Filter::matcher);
        later.filter(move |(id, entry)| meets(matcher.as_ref(), id, entry))
    }

    /// The work of reading everything, roughly in nanoseconds.
    pub(super) fn cost(&self) -> usize {
        const FILTER_NANOS: usize = 100;
        self.records.size() * (self.spec().dimension + FILTER_NANOS)
    }

    pub(super) fn stats(&self, detail: bool) -> IndexStats {
        let spec = self.spec();
        let mut stats = IndexStats::new(&spec.name, self.records.size() as u64, spec.dimension, spec.metric);
        stats.memory_bytes = Some(self.records.iter().map(|(id, entry)| record_bytes(id, entry)).sum());
        stats.created_at = Some(self.identity.created_at.clone());
        stats.updated_at = self.updated_at.map(time::format);
        stats.fields = spec.fields.keys().map(|key| (key.clone(), 0)).collect();
        for (key, _) in self.records.values().flat_map(|entry| entry.metadata.iter()) {
            match stats.fields.get_mut(key) {
                Some(count) => *count += 1,
                None if detail => drop(stats.fields.insert(key.to_owned(), 1)),
                None => {}
            }
        }
        self.identity.clock.fill(&mut stats);
        stats
    }
}

fn meets(matcher: Option<&Matcher<'_>>, id: &str, entry: &Entry) -> bool {
    matcher.is_none_or(|matcher| matcher.matches(id, &entry.metadata))
}

fn record_bytes(id: &str, entry: &Entry) -> u64 {
    let fixed = size_of::<Arc<str>>() + size_of::<Entry>();
    let vector = size_of_val(&*entry.vector);
    let fields =
        entry.metadata.iter().map(|(key, value)| key.len() + size_of::<String>() + value_bytes(value));
    (fixed + id.len() + vector + fields.sum::<usize>()) as u64
}

fn value_bytes(value: &Value) -> usize {
    let text = |s: &crate::metadata::Scalar| s.as_str().map_or(0, str::len);
    size_of::<Value>()
        + match value {
            Value::Scalar(scalar) => text(scalar),
            Value::List(items) => items.iter().map(|item| size_of_val(item) + text(item)).sum(),
            Value::Opaque(json) => json.to_string().len(),
        }
}
