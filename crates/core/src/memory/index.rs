//! One index in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::filter::Filter;
use crate::index::{IndexInfo, IndexSpec};
use crate::metadata::{Metadata, Value};
use crate::query_clock::QueryClock;
use crate::record::{Record, Vector};
use crate::stats::IndexStats;
use crate::time;

/// The records of an index, by id.
pub(super) type Records = BTreeMap<Arc<str>, Stored>;

/// A record without its id.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) vector: Vector,
    pub(super) metadata: Metadata,
}

impl Stored {
    pub(super) fn to_record(&self, id: &str, include_vectors: bool, include_metadata: bool) -> Record {
        Record {
            id: id.to_owned(),
            vector: include_vectors.then(|| self.vector.clone()),
            metadata: if include_metadata { self.metadata.clone() } else { Metadata::new() },
        }
    }
}

/// An index; a clone is a snapshot that later writes do not change.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// Tells this index from every other one of the store, also from an earlier one of its name.
    pub(super) serial: u64,
    pub(super) spec: Arc<IndexSpec>,
    pub(super) records: Arc<Records>,
    pub(super) clock: Arc<QueryClock>,
    created_at: String,
    updated_at: Option<String>,
}

impl Index {
    pub(super) fn new(serial: u64, spec: IndexSpec) -> Self {
        Self {
            serial,
            spec: Arc::new(spec),
            records: Arc::default(),
            clock: Arc::default(),
            created_at: time::now(),
            updated_at: None,
        }
    }

    /// The records, to be changed.
    pub(super) fn write(&mut self) -> &mut Records {
        self.updated_at = Some(time::now());
        Arc::make_mut(&mut self.records)
    }

    pub(super) fn info(&self) -> IndexInfo {
        IndexInfo::new(IndexSpec::clone(&self.spec), super::PROVIDER)
            .created_at(Some(self.created_at.clone()))
    }

    pub(super) fn matching(&self, filter: Option<&Filter>) -> impl Iterator<Item = (&Arc<str>, &Stored)> {
        self.records.iter().filter(move |(id, stored)| meets(filter, id, stored))
    }

    /// The records after an id, in the order of ids.
    pub(super) fn matching_after<'a>(
        &'a self,
        last: Option<&str>,
        filter: Option<&'a Filter>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Stored)> + use<'a> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.records.range::<str, _>((from, Bound::Unbounded));
        later.filter(move |(id, stored)| meets(filter, id, stored))
    }

    /// The work of reading everything, roughly in nanoseconds.
    pub(super) fn cost(&self) -> usize {
        const FILTER_NANOS: usize = 100;
        self.records.len() * (self.spec.dimension + FILTER_NANOS)
    }

    pub(super) fn stats(&self, detail: bool) -> IndexStats {
        let spec = &*self.spec;
        let mut stats = IndexStats::new(&spec.name, self.records.len() as u64, spec.dimension, spec.metric);
        stats.memory_bytes = Some(self.records.iter().map(|(id, stored)| record_bytes(id, stored)).sum());
        stats.created_at = Some(self.created_at.clone());
        stats.updated_at.clone_from(&self.updated_at);
        stats.fields = spec.fields.keys().map(|key| (key.clone(), 0)).collect();
        for (key, _) in self.records.values().flat_map(|stored| stored.metadata.iter()) {
            match stats.fields.get_mut(key) {
                Some(count) => *count += 1,
                None if detail => drop(stats.fields.insert(key.to_owned(), 1)),
                None => {}
            }
        }
        self.clock.fill(&mut stats);
        stats
    }
}

fn meets(filter: Option<&Filter>, id: &str, stored: &Stored) -> bool {
    filter.is_none_or(|filter| filter.matches(id, &stored.metadata))
}

fn record_bytes(id: &str, stored: &Stored) -> u64 {
    let fixed = size_of::<Arc<str>>() + size_of::<Stored>();
    let vector = size_of_val(&*stored.vector);
    let fields =
        stored.metadata.iter().map(|(key, value)| key.len() + size_of::<String>() + value_bytes(value));
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
