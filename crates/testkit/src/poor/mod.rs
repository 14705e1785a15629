//! The poor driver: it can do nothing natively, and has the worst of every real database.
//!
//! It takes no filter, counts nothing, and deletes only by id. It takes three rows at once and finds the nearest 20. Its
//! ids are UUIDs; it has no lists, bools or objects, keeps 15 digits of a number, and folds keys. Its upserts merge,
//! equal distances come in random order, and its pages shift. What it cannot hold it refuses as a real server would,
//! so that an engine that breaks its rules is seen.

mod rules;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use parking_lot::Mutex;
use portolan_core::driver::{
    Deadline, Driver, DriverStorage, Hit, IdScheme, NativeId, Nearest, Neighbours, NewIndex, Opened, Page,
    Paging, Profile, Row, Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::name::Separators;
use portolan_core::write::Outcome;
use portolan_core::{Error, ErrorKind, Exactness, Health, IndexInfo, Result, Status, Value, VectorStorage};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use portolan_core::arithmetic::distance;

use crate::collection::{Collection, cut, network};

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
    indexes: BTreeMap<String, Collection>,
    chance: StdRng,
    closed: bool,
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
        target: Target<'_, ()>,
        call: impl FnOnce(&mut Collection, &mut StdRng) -> Result<T>,
    ) -> Result<T> {
        rules::name(target.name)?;
        self.with_state(|state| match state.indexes.get_mut(target.name) {
            Some(index) => call(index, &mut state.chance),
            None => Err(no_class(target.name)),
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
    profile.exact_filters = false;
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
    type Index = ();
    type Filter = Infallible;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, _: Target<'_, ()>, _: &Leaf, _: bool) -> Lowered<Infallible> {
        Lowered::Nothing
    }

    fn lower_ids(&self, _: Target<'_, ()>, _: &[NativeId], _: bool) -> Lowered<Infallible> {
        Lowered::Nothing
    }

    fn and(&self, mut parts: Vec<Infallible>) -> Infallible {
        parts.remove(0)
    }

    fn or(&self, mut parts: Vec<Infallible>) -> Infallible {
        parts.remove(0)
    }

    fn represents(&self, target: Target<'_, ()>, key: &str, value: &Value) -> bool {
        rules::represents(target.spec, key, value)
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        rules::name(new.name)?;
        network().await;
        Ok(self.with_state(|state| {
            if state.indexes.contains_key(new.name) {
                return Err(Error::new(ErrorKind::AlreadyExists, format!("class {} exists", new.name)));
            }
            let info = IndexInfo::new(new.spec.clone(), "poor").created_at(Some(portolan_core::time::now()));
            state.indexes.insert(new.name.to_owned(), Collection::new(info));
            Ok(())
        })?)
    }

    async fn open(&self, name: &str, _: Option<&()>, _: Deadline) -> Result<Opened<()>> {
        network().await;
        self.with_state(|state| {
            let index = state.indexes.get(name).ok_or_else(|| no_class(name))?;
            Ok(Opened::new(index.info.clone(), ()))
        })
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        network().await;
        self.with_state(|state| {
            let mut names: Vec<String> = state.indexes.keys().cloned().collect();
            names.shuffle(&mut state.chance);
            Ok(names)
        })
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        network().await;
        Ok(self.with_state(|state| state.indexes.remove(name).map(drop).ok_or_else(|| no_class(name)))?)
    }

    async fn write(&self, target: Target<'_, ()>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        rules::rows(target.spec, rows)?;
        network().await;
        Ok(self.with_index(target, |index, _| {
            rules::vectors(rows, |id| index.holds(id))?;
            rows.iter().for_each(|row| merge(index, row));
            Ok(vec![Outcome::Stored; rows.len()])
        })?)
    }

    async fn fetch(&self, target: Target<'_, ()>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        rules::ids(ids, Self::PAGE)?;
        network().await;
        self.with_index(target, |index, chance| {
            let mut rows: Vec<Row> = index.find(ids).map(|row| cut(row, want)).collect();
            rows.shuffle(chance);
            Ok(rows)
        })
    }

    async fn remove(&self, target: Target<'_, ()>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        rules::ids(ids, Self::BATCH)?;
        network().await;
        Ok(self.with_index(target, |index, _| {
            for id in ids {
                index.take(id);
            }
            Ok(vec![Outcome::Stored; ids.len()])
        })?)
    }

    async fn nearest(&self, target: Target<'_, ()>, query: &Nearest<'_, Infallible>) -> Result<Neighbours> {
        rules::query(target.spec, query)?;
        network().await;
        self.with_index(target, |index, chance| {
            let hit = |row: &Row| {
                let vector = row.vector.as_ref()?;
                let distance = distance(target.spec.metric, query.vector, vector);
                Some(Hit::new(cut(row, query.want), distance))
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
        target: Target<'_, ()>,
        filter: Option<&Infallible>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        rules::page(filter.is_some(), limit)?;
        let offset = rules::offset(cursor)?;
        network().await;
        self.with_index(target, |index, chance| {
            // A server may send less than was asked for.
            let limit = if limit > 1 && chance.random_bool(0.1) { limit - 1 } else { limit };
            let rows: Vec<Row> = index.rows.values().skip(offset).take(limit).map(|r| cut(r, want)).collect();
            let end = offset + rows.len();
            Ok(Page::new(rows, (end < index.rows.len()).then(|| end.to_string())))
        })
    }

    async fn health(&self, _: Deadline) -> Result<Health> {
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

/// What the row does not name stays as it was; the row is then the last.
fn merge(index: &mut Collection, row: &Row) {
    let mut merged = index.take(&row.id).unwrap_or_default();
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
    index.put(merged);
}

fn no_class(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("class {name} does not exist"))
}

#[cfg(test)]
mod tests;
