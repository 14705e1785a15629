//! The driver: each ability of the port as a thin call on the store.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use portolan_core::driver::{Driver, Nearest, Neighbours, Page, Profile, Row, Sizes, Target, Want};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    BatchAtomicity, Error, ErrorKind, Filter, Health, IndexInfo, IndexSpec, MetadataPatch, Outcome, Result,
    Status, time,
};

use crate::PROVIDER;
use crate::config::{Config, Durability};
use crate::error::{Fault, io};
use crate::filter::NativeFilter;
use crate::lock::StoreLock;
use crate::query::{self, Cost, Search};
use crate::store::{self, FORMAT, Store};
use crate::work::{blocking, inline};

const FILE: &str = "portolan.redb";

/// The embedded store, as the engine of the port drives it.
#[derive(Debug)]
pub struct EmbeddedDriver {
    store: Arc<Store>,
    profile: Profile,
    opened: Instant,
    lock: Mutex<Option<StoreLock>>,
}

impl EmbeddedDriver {
    /// Opens the store of a directory, and makes it where there is none.
    ///
    /// # Errors
    /// `NotReady` where another process holds it, naming that; `Corrupt` for a damaged file, or one that a newer
    /// version made; `PermissionDenied`, `QuotaExceeded` and `Unavailable` as the disk answers.
    pub async fn open(config: &Config) -> Result<Self> {
        let config = config.clone();
        let path = config.path.clone();
        blocking(&path, move || {
            std::fs::create_dir_all(&config.path).map_err(|e| io(&config.path, &e))?;
            let lock = StoreLock::take(&config.path)?;
            let opener = store::file(config.path.join(FILE), config.cache_mb);
            let store = Store::open(&config.path, config.durability, opener)?;
            Ok(Self::over(store, config.durability, Some(lock)))
        })
        .await
    }

    fn over(store: Store, durability: Durability, lock: Option<StoreLock>) -> Self {
        let mut profile = Profile::new(PROVIDER);
        profile.batch = BatchAtomicity::Atomic;
        profile.update_isolated = true;
        profile.durable = durability == Durability::Commit;
        Self { store: Arc::new(store), profile, opened: Instant::now(), lock: Mutex::new(lock) }
    }

    /// Runs work where its cost says.
    async fn run<T, W>(&self, at: Target<'_>, cost: Cost<'_>, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &str) -> Result<T> + Send + 'static,
    {
        let short = self.store.peek(|state| state.view(at.name).is_ok_and(|view| cost.is_short(&view)));
        if short == Some(true) {
            return inline(self.store.path(), || work(&self.store, at.name));
        }
        self.long(at, work).await
    }

    /// Runs work on the blocking pool.
    async fn long<T, W>(&self, at: Target<'_>, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &str) -> Result<T> + Send + 'static,
    {
        let (store, index) = (self.store.clone(), at.name.to_owned());
        blocking(self.store.path(), move || work(&store, &index)).await
    }

    /// The outcomes of a transaction: `Err` only where it surely had no effect.
    fn outcomes(store: &Store, count: usize, ended: Result<Vec<Outcome>, Fault>) -> Result<Vec<Outcome>> {
        match ended {
            Ok(outcomes) => Ok(outcomes),
            Err(fault @ Fault::InDoubt(_)) => Ok(vec![Outcome::Unknown(fault.at(store.path())); count]),
            Err(fault) => Err(fault.at(store.path())),
        }
    }
}

impl Driver for EmbeddedDriver {
    type Filter = NativeFilter;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, _: &IndexSpec, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(signed(Filter::Leaf(leaf.clone()), negated))
    }

    fn lower_ids(&self, _: &IndexSpec, ids: &[String], negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(signed(Filter::Id(ids.to_vec()), negated))
    }

    fn and(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter(Filter::And(parts.into_iter().map(|part| part.0).collect()).flat())
    }

    fn or(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter(Filter::Or(parts.into_iter().map(|part| part.0).collect()).flat())
    }

    async fn create(&self, at: Target<'_>) -> Result<()> {
        let spec = at.spec.clone();
        self.long(at, move |store, name| store.create(name, &spec, &time::now())).await
    }

    async fn open(&self, name: &str) -> Result<IndexInfo> {
        inline(self.store.path(), || self.store.view(name, |view| Ok(view.info().clone())))
    }

    async fn list(&self) -> Result<Vec<String>> {
        inline(self.store.path(), || self.store.read(|state| Ok(state.names().map(str::to_owned).collect())))
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        let (store, name) = (self.store.clone(), name.to_owned());
        blocking(self.store.path(), move || store.drop_index(&name)).await
    }

    async fn write(&self, at: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>> {
        let rows = rows.to_vec();
        self.long(at, move |store, index| {
            let ended = store.edit(index, |_, edit| {
                rows.iter().try_for_each(|row| edit.put(row))?;
                Ok(vec![Outcome::Stored; rows.len()])
            });
            Self::outcomes(store, rows.len(), ended)
        })
        .await
    }

    async fn fetch(&self, at: Target<'_>, ids: &[String], want: Want) -> Result<Vec<Row>> {
        let owned = ids.to_vec();
        self.run(at, Cost::records(ids.len()), move |store, index| {
            store.view(index, |view| query::fetch(view, &owned, want))
        })
        .await
    }

    async fn remove(&self, at: Target<'_>, ids: &[String]) -> Result<Vec<Outcome>> {
        let ids = ids.to_vec();
        self.long(at, move |store, index| {
            let ended = store.edit(index, |_, edit| {
                ids.iter().try_for_each(|id| edit.remove(id))?;
                Ok(vec![Outcome::Stored; ids.len()])
            });
            Self::outcomes(store, ids.len(), ended)
        })
        .await
    }

    async fn nearest(&self, at: Target<'_>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        let filter = query.filter.map(|f| f.0.clone());
        let search = Search { vector: query.vector.to_vec(), k: query.k, filter, want: query.want };
        let cost = Cost::records(query.k).filtered(query.filter).scanned();
        self.run(at, cost, move |store, index| store.view(index, |view| query::nearest(view, &search))).await
    }

    async fn page(
        &self,
        at: Target<'_>,
        filter: Option<&NativeFilter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let from = cursor.map_or(Ok(0), |c| c.parse::<u32>()).map_err(|_| {
            Error::invalid(format!("the cursor {cursor:?} is none of this store's: start without one"))
        })?;
        let cost = Cost::records(limit).filtered(filter);
        let filter = filter.map(|f| f.0.clone());
        self.run(at, cost, move |store, index| {
            store.view(index, |view| query::page(view, filter.as_ref(), from, limit, want))
        })
        .await
    }

    async fn count(&self, at: Target<'_>, filter: Option<&NativeFilter>, with_vector: bool) -> Result<u64> {
        let cost = Cost::records(0).filtered(filter);
        let filter = filter.map(|f| f.0.clone());
        self.run(at, cost, move |store, index| {
            store.view(index, |view| query::count(view, filter.as_ref(), with_vector))
        })
        .await
    }

    async fn remove_where(&self, at: Target<'_>, filter: &NativeFilter) -> Result<Option<u64>> {
        let filter = filter.0.clone();
        self.long(at, move |store, index| {
            let ended = store.edit(index, |view, edit| {
                let rows = crate::plan::select(view, &filter)?.rows;
                rows.iter().try_for_each(|row| edit.remove_row(row))?;
                Ok(Some(rows.len()))
            });
            ended.map_err(|fault| fault.at(store.path()))
        })
        .await
    }

    async fn clear(&self, at: Target<'_>) -> Result<()> {
        self.long(at, |store, index| store.clear(index)).await
    }

    async fn update(&self, at: Target<'_>, patches: &[(String, MetadataPatch)]) -> Result<Vec<Outcome>> {
        let patches = patches.to_vec();
        self.long(at, move |store, index| {
            let ended = store.edit(index, |_, edit| {
                let patch = |(id, patch): &(String, MetadataPatch)| {
                    Ok(if edit.patch(id, patch)? { Outcome::Stored } else { Outcome::Failed(no_record(id)) })
                };
                patches.iter().map(patch).collect()
            });
            Self::outcomes(store, patches.len(), ended)
        })
        .await
    }

    async fn sizes(&self, at: Target<'_>) -> Result<Sizes> {
        self.long(at, |store, index| {
            store.view(index, |view| {
                Ok(Sizes {
                    disk_bytes: Some(view.disk_bytes()?),
                    memory_bytes: Some(view.memory_bytes()),
                    updated_at: view.updated_at()?,
                })
            })
        })
        .await
    }

    async fn estimate(&self, at: Target<'_>, filter: Option<&NativeFilter>) -> Result<Option<u64>> {
        let filter = filter.map(|f| f.0.clone());
        self.long(at, move |store, index| {
            store.view(index, |view| query::estimate(view, filter.as_ref()).map(Some))
        })
        .await
    }

    async fn health(&self) -> Result<Health> {
        let begun = Instant::now();
        let store = self.store.clone();
        let (indexes, records) = blocking(self.store.path(), move || store.read(query::totals)).await?;
        let mut health = Health::new(PROVIDER, Status::Healthy).latency(begun.elapsed());
        health.version = Some(format!("format {FORMAT}"));
        health.indexes = Some(indexes);
        health.vectors = Some(records);
        health.uptime_seconds = Some(self.opened.elapsed().as_secs_f64());
        Ok(health)
    }

    async fn optimize(&self, at: Target<'_>) -> Result<bool> {
        self.long(at, |store, index| {
            store.view(index, |_| Ok(()))?;
            store.compact()
        })
        .await
    }

    async fn flush(&self) -> Result<()> {
        let store = self.store.clone();
        blocking(self.store.path(), move || store.flush()).await
    }

    async fn close(&self) -> Result<()> {
        let store = self.store.clone();
        let closed = blocking(self.store.path(), move || store.close()).await;
        drop(self.lock.lock().take());
        closed
    }
}

fn signed(filter: Filter, negated: bool) -> NativeFilter {
    NativeFilter(if negated { !filter } else { filter })
}

fn no_record(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no record {id:?}"))
}
