//! The poor driver: it can do nothing natively, and has the worst of every real database.
//!
//! It takes no filter, counts nothing, and deletes only by id. It takes three rows at once and finds the nearest 20. Its
//! ids are UUIDs; it has no lists, bools or objects, keeps 15 digits of a number, and folds keys. Its upserts merge,
//! equal distances come in random order, and its pages shift. What it cannot hold it refuses as a real server would,
//! so that an engine that breaks its rules is seen.

mod rules;

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use parking_lot::Mutex;
use portolan_core::driver::{
    Driver, DriverStorage, Hit, IdScheme, Nearest, Neighbours, Page, Paging, Profile, Row, Target, Want,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::name::Separators;
use portolan_core::write::Outcome;
use portolan_core::{
    Error, ErrorKind, Exactness, Health, IndexInfo, IndexSpec, Metadata, Result, Status, Value, VectorStorage,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::distance::distance;

/// The port over a poor driver with this seed.
pub fn poor(seed: u64) -> Arc<dyn VectorStorage> {
    Arc::new(DriverStorage::new(PoorDriver::new(seed)))
}

/// A driver without abilities; see the [module](self).
#[derive(Debug)]
pub struct PoorDriver {
    profile: Profile,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    indexes: BTreeMap<String, Index>,
    chance: StdRng,
    closed: bool,
}

#[derive(Debug)]
struct Index {
    info: IndexInfo,
    /// The last written last.
    rows: BTreeMap<u64, Row>,
    places: HashMap<String, u64>,
    written: u64,
}

impl PoorDriver {
    /// The most rows of a write or remove.
    pub const BATCH: usize = 3;

    /// The most rows of a search.
    pub const WINDOW: usize = 20;

    /// The most rows of a page or fetch.
    pub const PAGE: usize = 7;

    /// An empty database; the seed decides the order of equal distances.
    pub fn new(seed: u64) -> Self {
        let state = State { indexes: BTreeMap::new(), chance: StdRng::seed_from_u64(seed), closed: false };
        Self { profile: profile(), state: Mutex::new(state) }
    }

    fn with_state<T>(&self, call: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.state.lock();
        rules::check(!state.closed, || "a call after close".to_owned())?;
        call(&mut state)
    }

    fn with_index<T>(
        &self,
        at: Target<'_>,
        call: impl FnOnce(&mut Index, &mut StdRng) -> Result<T>,
    ) -> Result<T> {
        rules::name(at.name)?;
        self.with_state(|state| match state.indexes.get_mut(at.name) {
            Some(index) => call(index, &mut state.chance),
            None => Err(no_class(at.name)),
        })
    }
}

fn profile() -> Profile {
    let mut profile = Profile::new("poor");
    profile.names.separators = Separators::Underscore;
    profile.names.capitalized = true;
    profile.ids = IdScheme::Uuid;
    profile.merges = true;
    profile.all_values = false;
    profile.ties_by_id = false;
    profile.native_window = PoorDriver::WINDOW;
    profile.paging = Paging::Shifting;
    profile.page_where = false;
    profile.count = false;
    profile.count_where = false;
    profile.remove_where = false;
    profile.clear = false;
    profile.update = false;
    profile.sizes = false;
    profile.optimize = false;
    profile.page_rows = PoorDriver::PAGE;
    profile.limits.dimension = 4_096;
    profile.limits.batch_count = Some(PoorDriver::BATCH);
    profile.limits.batch_bytes = Some(rules::BATCH_BYTES);
    profile.limits.metadata_bytes = Some(40_960);
    profile
}

impl Driver for PoorDriver {
    type Filter = Infallible;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, _: &IndexSpec, _: &Leaf, _: bool) -> Lowered<Infallible> {
        Lowered::Nothing
    }

    fn lower_ids(&self, _: &IndexSpec, _: &[String], _: bool) -> Lowered<Infallible> {
        Lowered::Nothing
    }

    fn and(&self, mut parts: Vec<Infallible>) -> Infallible {
        parts.remove(0)
    }

    fn or(&self, mut parts: Vec<Infallible>) -> Infallible {
        parts.remove(0)
    }

    fn represents(&self, spec: &IndexSpec, key: &str, value: &Value) -> bool {
        rules::represents(spec, key, value)
    }

    async fn create(&self, at: Target<'_>) -> Result<()> {
        rules::name(at.name)?;
        network().await;
        self.with_state(|state| {
            if state.indexes.contains_key(at.name) {
                return Err(Error::new(ErrorKind::AlreadyExists, format!("class {} exists", at.name)));
            }
            let info = IndexInfo::new(at.spec.clone(), "poor").created_at(Some(portolan_core::time::now()));
            state.indexes.insert(at.name.to_owned(), Index::new(info));
            Ok(())
        })
    }

    async fn open(&self, name: &str) -> Result<IndexInfo> {
        network().await;
        self.with_state(|state| state.indexes.get(name).map(|i| i.info.clone()).ok_or_else(|| no_class(name)))
    }

    async fn list(&self) -> Result<Vec<String>> {
        network().await;
        self.with_state(|state| {
            let mut names: Vec<String> = state.indexes.keys().cloned().collect();
            names.shuffle(&mut state.chance);
            Ok(names)
        })
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        network().await;
        self.with_state(|state| state.indexes.remove(name).map(drop).ok_or_else(|| no_class(name)))
    }

    async fn write(&self, at: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>> {
        rules::rows(at.spec, rows)?;
        network().await;
        self.with_index(at, |index, _| {
            rules::vectors(rows, |id| index.places.contains_key(id))?;
            rows.iter().for_each(|row| index.merge(row));
            Ok(vec![Outcome::Stored; rows.len()])
        })
    }

    async fn fetch(&self, at: Target<'_>, ids: &[String], want: Want) -> Result<Vec<Row>> {
        rules::ids(ids, Self::PAGE)?;
        network().await;
        self.with_index(at, |index, chance| {
            let wanted = ids.iter().filter_map(|id| index.rows.get(index.places.get(id)?));
            let mut rows: Vec<Row> = wanted.map(|row| cut(row, want)).collect();
            rows.shuffle(chance);
            Ok(rows)
        })
    }

    async fn remove(&self, at: Target<'_>, ids: &[String]) -> Result<Vec<Outcome>> {
        rules::ids(ids, Self::BATCH)?;
        network().await;
        self.with_index(at, |index, _| {
            for id in ids {
                index.take(id);
            }
            Ok(vec![Outcome::Stored; ids.len()])
        })
    }

    async fn nearest(&self, at: Target<'_>, query: &Nearest<'_, Infallible>) -> Result<Neighbours> {
        rules::query(at.spec, query)?;
        network().await;
        self.with_index(at, |index, chance| {
            let hit = |row: &Row| {
                let vector = row.vector.as_ref()?;
                let distance = distance(at.spec.metric, query.vector, vector);
                Some(Hit { row: cut(row, query.want), distance })
            };
            let mut hits: Vec<Hit> = index.rows.values().filter_map(hit).collect();
            hits.shuffle(chance);
            hits.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            hits.truncate(query.k);
            Ok(Neighbours { hits, exactness: Exactness::Exact, records_read: index.rows.len() as u64 })
        })
    }

    async fn page(
        &self,
        at: Target<'_>,
        filter: Option<&Infallible>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        rules::page(filter.is_some(), limit)?;
        let offset = rules::offset(cursor)?;
        network().await;
        self.with_index(at, |index, chance| {
            // A server may send less than was asked for.
            let limit = if limit > 1 && chance.random_bool(0.1) { limit - 1 } else { limit };
            let rows: Vec<Row> = index.rows.values().skip(offset).take(limit).map(|r| cut(r, want)).collect();
            let end = offset + rows.len();
            Ok(Page { rows, next: (end < index.rows.len()).then(|| end.to_string()) })
        })
    }

    async fn health(&self) -> Result<Health> {
        network().await;
        self.with_state(|_| Ok(Health::new("poor", Status::Healthy)))
    }

    async fn close(&self) -> Result<()> {
        self.with_state(|state| {
            state.closed = true;
            Ok(())
        })
    }
}

impl Index {
    fn new(info: IndexInfo) -> Self {
        Self { info, rows: BTreeMap::new(), places: HashMap::new(), written: 0 }
    }

    fn take(&mut self, id: &str) -> Option<Row> {
        self.rows.remove(&self.places.remove(id)?)
    }

    /// What the row does not name stays as it was; the row is then the last.
    fn merge(&mut self, row: &Row) {
        let mut merged = self.take(&row.id).unwrap_or_default();
        merged.id.clone_from(&row.id);
        if row.vector.is_some() {
            merged.vector.clone_from(&row.vector);
        }
        for (key, value) in row.metadata.iter() {
            merged.metadata.insert(key, value.clone());
        }
        for key in &row.removed {
            merged.metadata.remove(key);
        }
        self.written += 1;
        self.places.insert(row.id.clone(), self.written);
        self.rows.insert(self.written, merged);
    }
}

/// What of a row is sent.
fn cut(row: &Row, want: Want) -> Row {
    let metadata = if want.metadata {
        row.metadata.clone()
    } else if want.own {
        row.metadata.iter().filter(|(k, _)| rules::is_own(k)).map(|(k, v)| (k, v.clone())).collect()
    } else {
        Metadata::new()
    };
    let vector = if want.vectors { row.vector.clone() } else { None };
    Row { id: row.id.clone(), vector, metadata, removed: Vec::new() }
}

fn no_class(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("class {name} does not exist"))
}

/// Where a real driver waits for its server: others go on, and the call may be dropped.
async fn network() {
    tokio::task::yield_now().await;
}

#[cfg(test)]
mod tests;
