//! The fickle driver: it can do much natively, and nothing quite as asked.
//!
//! Its searches are approximate: they miss records, and under a filter they give up early. It pushes some leaves
//! exactly, some as a superset, some not at all. Vectors come back rounded, ids are ASCII, objects and long integers go into
//! the overflow. One that is narrow as well has no exact search, is not scanned and sees only a window.

mod native;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use portolan_core::driver::{
    Deadline, Driver, DriverStorage, ExactSearch, Hit, IdScheme, NativeId, Nearest, Neighbours, NewIndex,
    Opened, Page, Profile, Removed, Row, Sizes, Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::name::Separators;
use portolan_core::{
    Error, ErrorKind, Exactness, Health, IndexInfo, Metric, Outcome, Result, Scalar, Status, Value, Vector,
    VectorFidelity, VectorStorage,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use native::Native;

use portolan_core::arithmetic::distance;

use crate::collection::{Collection, cut, network};

/// The port over a fickle driver with this seed.
pub fn fickle(seed: u64) -> Arc<dyn VectorStorage> {
    Arc::new(DriverStorage::new(FickleDriver::new(seed)))
}

/// The port over a fickle driver that is narrow as well.
pub fn narrow(seed: u64) -> Arc<dyn VectorStorage> {
    Arc::new(DriverStorage::new(FickleDriver::narrow(seed)))
}

/// The port over a fickle driver whose ids are UUIDs or integers, and whose exact answers come from scans.
pub fn numbered(seed: u64) -> Arc<dyn VectorStorage> {
    Arc::new(DriverStorage::new(FickleDriver::numbered(seed)))
}

/// A driver of approximate abilities; see the [module](self).
#[derive(Debug)]
pub struct FickleDriver {
    profile: Profile,
    seed: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    indexes: BTreeMap<String, Collection>,
    chance: StdRng,
}

impl FickleDriver {
    /// The most rows that `clear` removes at once.
    pub const CLEARED: usize = 4;

    /// An empty database; the seed decides what is missed, and how leaves are pushed.
    pub fn new(seed: u64) -> Self {
        Self::with_profile(seed, profile("fickle"))
    }

    /// One without exact search, which the engine may not scan, and which sees a window of 200.
    pub fn narrow(seed: u64) -> Self {
        let mut profile = profile("narrow");
        profile.exact = ExactSearch::Never;
        profile.scans = false;
        profile.limits.window = Some(200);
        profile.native_window = 200;
        Self::with_profile(seed, profile)
    }

    /// One whose ids are UUIDs, or integers that other programs wrote, and which has no exact search but may be scanned.
    pub fn numbered(seed: u64) -> Self {
        let mut profile = profile("numbered");
        profile.ids = IdScheme::UuidOrInteger;
        profile.exact = ExactSearch::Never;
        Self::with_profile(seed, profile)
    }

    fn with_profile(seed: u64, profile: Profile) -> Self {
        let state = State { indexes: BTreeMap::new(), chance: StdRng::seed_from_u64(seed) };
        Self { profile, seed, state: Mutex::new(state) }
    }

    fn with_index<T>(
        &self,
        target: Target<'_, ()>,
        call: impl FnOnce(&mut Collection, &mut StdRng) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.state.lock();
        let State { indexes, chance } = &mut *state;
        match indexes.get_mut(target.name) {
            Some(index) => call(index, chance),
            None => Err(no_collection(target.name)),
        }
    }
}

fn profile(provider: &'static str) -> Profile {
    let mut profile = Profile::new(provider);
    profile.names.separators = Separators::Hyphen;
    profile.ids = IdScheme::Ascii;
    profile.metrics = vec![Metric::Cosine, Metric::DotProduct, Metric::Euclidean];
    profile.vectors = VectorFidelity::Rounded;
    profile.all_values = false;
    profile.exact_filters = false;
    profile.update = false;
    profile.exact = ExactSearch::OnRequest;
    profile.ties_by_id = false;
    profile.native_window = 150;
    profile.page_rows = 40;
    profile.limits.dimension = 4_096;
    profile.limits.batch_count = Some(100);
    profile.limits.batch_bytes = Some(1 << 20);
    profile
}

impl Driver for FickleDriver {
    type Index = ();
    type Filter = Native;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, _: Target<'_, ()>, leaf: &Leaf, negated: bool) -> Lowered<Native> {
        native::lower(self.seed, leaf, negated)
    }

    fn lower_ids(&self, _: Target<'_, ()>, ids: &[NativeId], negated: bool) -> Lowered<Native> {
        Lowered::Exact(Native::Ids(ids.to_vec(), negated))
    }

    fn and(&self, parts: Vec<Native>) -> Native {
        Native::And(parts)
    }

    fn or(&self, parts: Vec<Native>) -> Native {
        Native::Or(parts)
    }

    fn represents(&self, _: Target<'_, ()>, _: &str, value: &Value) -> bool {
        let scalar = |s: &Scalar| !matches!(s, Scalar::Integer(i) if i.unsigned_abs() > 1 << 53);
        match value {
            Value::Scalar(s) => scalar(s),
            Value::List(items) => !items.is_empty() && items.iter().all(scalar),
            Value::Opaque(_) => false,
        }
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        network().await;
        let mut state = self.state.lock();
        if state.indexes.contains_key(new.name) {
            return Err(
                Error::new(ErrorKind::AlreadyExists, format!("collection {} exists", new.name)).into()
            );
        }
        let info = IndexInfo::new(new.spec.clone(), self.profile.provider);
        state.indexes.insert(new.name.to_owned(), Collection::new(info));
        Ok(())
    }

    async fn open(&self, name: &str, _: Option<&()>, _: Deadline) -> Result<Opened<()>> {
        network().await;
        let state = self.state.lock();
        let index = state.indexes.get(name).ok_or_else(|| no_collection(name))?;
        Ok(Opened::new(index.info.clone(), ()))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        network().await;
        Ok(self.state.lock().indexes.keys().cloned().collect())
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        network().await;
        self.state.lock().indexes.remove(name).map(drop).ok_or_else(|| no_collection(name).into())
    }

    async fn write(&self, target: Target<'_, ()>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        network().await;
        Ok(self.with_index(target, |index, _| {
            rows.iter().for_each(|row| index.put(rounded(row)));
            Ok(vec![Outcome::Stored; rows.len()])
        })?)
    }

    async fn fetch(&self, target: Target<'_, ()>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        network().await;
        self.with_index(target, |index, _| Ok(index.find(ids).map(|row| cut(row, want)).collect()))
    }

    async fn remove(&self, target: Target<'_, ()>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        network().await;
        Ok(self.with_index(target, |index, _| {
            for id in ids {
                index.take(id);
            }
            Ok(vec![Outcome::Stored; ids.len()])
        })?)
    }

    async fn nearest(&self, target: Target<'_, ()>, query: &Nearest<'_, Native>) -> Result<Neighbours> {
        network().await;
        self.with_index(target, |index, chance| {
            let rows = index.rows.values().filter(|row| query.filter.is_none_or(|f| f.meets(row)));
            let mut hits: Vec<Hit> = rows
                .filter_map(|row| {
                    let distance = distance(target.spec.metric, query.vector, row.vector.as_ref()?);
                    Some(Hit::new(cut(row, query.want), distance))
                })
                .collect();
            if !query.exact {
                // Without an exact search to fall back on, what is asked for as a whole is whole.
                if self.profile.scans || hits.len() > query.k {
                    hits.retain(|_| chance.random_bool(0.9));
                }
                if query.filter.is_some() {
                    hits.truncate(query.k.div_ceil(2));
                }
            }
            hits.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            hits.truncate(query.k);
            let exactness = if query.exact { Exactness::Exact } else { Exactness::Approximate };
            Ok(Neighbours::new(hits, exactness))
        })
    }

    async fn page(
        &self,
        target: Target<'_, ()>,
        filter: Option<&Native>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        network().await;
        let after: u64 = cursor.and_then(|c| c.parse().ok()).unwrap_or(0);
        self.with_index(target, |index, _| {
            let mut rows = index.rows.range(after + 1..).take(limit + 1);
            let mut page = Page::default();
            let mut last = after;
            for (place, row) in rows.by_ref().take(limit) {
                last = *place;
                if filter.is_none_or(|f| f.meets(row)) {
                    page.rows.push(cut(row, want));
                }
            }
            page.next = rows.next().map(|_| last.to_string());
            Ok(page)
        })
    }

    async fn count(&self, target: Target<'_, ()>, filter: Option<&Native>, with_vector: bool) -> Result<u64> {
        network().await;
        self.with_index(target, |index, _| {
            let meets =
                |row: &&Row| filter.is_none_or(|f| f.meets(row)) && !(with_vector && row.vector.is_none());
            Ok(index.rows.values().filter(meets).count() as u64)
        })
    }

    async fn remove_where(&self, target: Target<'_, ()>, filter: &Native) -> Result<Removed, WriteError> {
        network().await;
        Ok(self.with_index(target, |index, _| {
            let met = index.rows.values().filter(|row| filter.meets(row));
            for id in met.map(|row| row.id.clone()).collect::<Vec<_>>() {
                index.take(&id);
            }
            Ok(Removed::All(None))
        })?)
    }

    async fn clear(&self, target: Target<'_, ()>) -> Result<Removed, WriteError> {
        network().await;
        Ok(self.with_index(target, |index, _| {
            let first: Vec<NativeId> =
                index.rows.values().take(Self::CLEARED).map(|row| row.id.clone()).collect();
            first.iter().for_each(|id| drop(index.take(id)));
            Ok(if index.rows.is_empty() { Removed::All(None) } else { Removed::Part(first.len() as u64) })
        })?)
    }

    async fn sizes(&self, target: Target<'_, ()>) -> Result<Sizes> {
        self.with_index(target, |index, _| {
            let bytes = index.rows.len() * target.spec.dimension * 4;
            Ok(Sizes { memory_bytes: Some(bytes as u64), ..Sizes::default() })
        })
    }

    async fn health(&self, _: Deadline) -> Result<Health> {
        network().await;
        Ok(Health::new(self.profile.provider, Status::Healthy))
    }

    async fn optimize(&self, target: Target<'_, ()>) -> Result<bool> {
        self.with_index(target, |_, chance| Ok(chance.random_bool(0.5)))
    }
}

/// Without the last two bits of each component.
fn rounded(row: &Row) -> Row {
    let round = |vector: &Vector| vector.iter().map(|x| f32::from_bits(x.to_bits() & !3)).collect();
    Row::new(row.id.clone(), row.vector.as_ref().map(round), row.metadata.clone())
}

fn no_collection(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("collection {name} does not exist"))
}
