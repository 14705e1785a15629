//! A small driver, over a map in this process: CONTRIBUTING.md walks through it, and the suite runs over it whole.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;
use std::sync::Arc;

use parking_lot::Mutex;
use portolan_core::arithmetic::distance;
use portolan_core::driver::{
    Deadline, Driver, DriverStorage, Hit, NativeId, Nearest, Neighbours, NewIndex, Opened, Page, Profile,
    Row, Target, Want, WriteError,
};
use portolan_core::filter::{Condition, Leaf, Lowered};
use portolan_core::{
    Error, ErrorKind, Exactness, Filter, Health, IndexInfo, Metadata, Outcome, Result, Status, VectorStorage,
};
use portolan_testkit::Harness;

#[derive(Debug)]
struct MapDriver {
    profile: Profile,
    collections: Mutex<BTreeMap<String, Arc<Collection>>>,
}

/// Step 2: what is known of an opened index. The engine keeps it, and hands it back in every call.
#[derive(Debug)]
struct Collection {
    info: IndexInfo,
    /// Absent once it was dropped: to its users it is then `NotFound`, and the engine opens the index again.
    rows: Mutex<Option<BTreeMap<NativeId, Row>>>,
}

type Index<'a> = Target<'a, Arc<Collection>>;

impl Collection {
    fn with_rows<T>(&self, work: impl FnOnce(&mut BTreeMap<NativeId, Row>) -> T) -> Result<T> {
        self.rows.lock().as_mut().map(work).ok_or_else(|| missing(&self.info.spec.name))
    }
}

/// Step 3: the database's own filter. This one answers whether a field exists or equals something.
#[derive(Debug, Clone)]
struct Native(Filter);

impl Display for Native {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Step 1: what is declared of the database, without asking it. What is not native the engine emulates.
fn profile() -> Profile {
    let mut profile = Profile::new("map");
    (profile.exact_filters, profile.page_where, profile.remove_where) = (false, false, false);
    (profile.count, profile.count_where, profile.clear, profile.update) = (false, false, false, false);
    (profile.sizes, profile.optimize) = (false, false);
    profile
}

impl Driver for MapDriver {
    type Index = Arc<Collection>;
    type Filter = Native;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, _: Index<'_>, leaf: &Leaf, negated: bool) -> Lowered<Native> {
        match leaf.condition {
            Condition::Eq(_) | Condition::Exists if !negated => {
                Lowered::Exact(Native(Filter::Leaf(leaf.clone())))
            }
            _ => Lowered::Nothing,
        }
    }

    fn lower_ids(&self, _: Index<'_>, _: &[NativeId], _: bool) -> Lowered<Native> {
        Lowered::Nothing
    }

    fn and(&self, parts: Vec<Native>) -> Native {
        Native(Filter::And(parts.into_iter().map(|part| part.0).collect()))
    }

    fn or(&self, parts: Vec<Native>) -> Native {
        Native(Filter::Or(parts.into_iter().map(|part| part.0).collect()))
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        let mut collections = self.collections.lock();
        if collections.contains_key(new.name) {
            return Err(Error::new(ErrorKind::AlreadyExists, "it exists").into());
        }
        let info = IndexInfo::new(new.spec.clone(), "map");
        let rows = Mutex::new(Some(BTreeMap::new()));
        collections.insert(new.name.to_owned(), Arc::new(Collection { info, rows }));
        Ok(())
    }

    async fn open(
        &self,
        name: &str,
        _: Option<&Arc<Collection>>,
        _: Deadline,
    ) -> Result<Opened<Arc<Collection>>> {
        let collection = self.collections.lock().get(name).cloned().ok_or_else(|| missing(name))?;
        Ok(Opened::new(collection.info.clone(), collection))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        Ok(self.collections.lock().keys().cloned().collect())
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        let dropped = self.collections.lock().remove(name).ok_or_else(|| missing(name))?;
        dropped.rows.lock().take();
        Ok(())
    }

    // Step 4: writes. An error says by its type whether anything may have been written.
    async fn write(&self, target: Index<'_>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        target
            .index
            .with_rows(|stored| stored.extend(rows.iter().map(|row| (row.id.clone(), row.clone()))))?;
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn remove(&self, target: Index<'_>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        target.index.with_rows(|stored| stored.retain(|id, _| !ids.contains(id)))?;
        Ok(vec![Outcome::Stored; ids.len()])
    }

    // Step 5: reads.
    async fn fetch(&self, target: Index<'_>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        target.index.with_rows(|rows| ids.iter().filter_map(|id| Some(cut(rows.get(id)?, want))).collect())
    }

    async fn nearest(&self, target: Index<'_>, query: &Nearest<'_, Native>) -> Result<Neighbours> {
        let hit = |row: &Row| {
            let distance = distance(target.spec.metric, query.vector, row.vector.as_ref()?);
            Some(Hit::new(cut(row, query.want), distance))
        };
        let meets = |row: &&Row| query.filter.is_none_or(|f| f.0.matches(&row.id, &row.metadata));
        let mut hits: Vec<Hit> =
            target.index.with_rows(|rows| rows.values().filter(meets).filter_map(hit).collect())?;
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        hits.truncate(query.k);
        Ok(Neighbours::new(hits, Exactness::Exact))
    }

    async fn page(
        &self,
        target: Index<'_>,
        _: Option<&Native>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let mut rows: Vec<Row> = target.index.with_rows(|rows| {
            let behind = rows.values().filter(|row| cursor.is_none_or(|last| row.id.as_str() > last));
            behind.take(limit + 1).map(|row| cut(row, want)).collect()
        })?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
        Ok(Page::new(rows, next))
    }

    async fn health(&self, _: Deadline) -> Result<Health> {
        Ok(Health::new("map", Status::Healthy))
    }
}

/// What of a row is wanted.
fn cut(row: &Row, want: Want) -> Row {
    let metadata = if want.metadata { row.metadata.clone() } else { Metadata::new() };
    Row::new(row.id.clone(), row.vector.clone().filter(|_| want.vectors), metadata)
}

fn missing(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no collection {name}"))
}

/// Step 6: the suite.
struct Map;

#[async_trait::async_trait]
impl Harness for Map {
    fn name(&self) -> &str {
        "map"
    }

    async fn open(&self, _: &str) -> Result<Arc<dyn VectorStorage>> {
        Ok(Arc::new(DriverStorage::new(MapDriver { profile: profile(), collections: Mutex::default() })))
    }
}

fn main() -> ExitCode {
    portolan_testkit::main(Map)
}
