//! The driver: each ability of the port as a thin call on the store.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use portolan_core::driver::{
    Deadline, Driver, NativeId, Nearest, Neighbours, NewIndex, Opened, Page, Profile, Row, ScoreError, Sizes,
    Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    BatchAtomicity, Cursor, Error, ErrorKind, Filter, Health, MetadataPatch, Outcome, Result, Status, time,
};

use crate::PROVIDER;
use crate::config::{Config, Durability};
use crate::error::{Fault, io};
use crate::filter::NativeFilter;
use crate::kernel::Simd;
use crate::lock::StoreLock;
use crate::query::{self, Cost, Search};
use crate::store::{self, FORMAT, Store};
use crate::work::{blocking, inline};

const FILE: &str = "portolan.redb";

/// The embedded store, as the engine of the port drives it.
#[derive(Debug)]
pub struct EmbeddedDriver {
    store: Arc<Store>,
    simd: Simd,
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
        let simd = Simd::from_env()?;
        let config = config.clone();
        let path = config.path.clone();
        blocking(&path, move || {
            std::fs::create_dir_all(&config.path).map_err(|e| io(&config.path, &e))?;
            let lock = StoreLock::take(&config.path)?;
            let opener = store::file(config.path.join(FILE), config.cache_mb);
            let store = Store::open(&config.path, config.durability, opener)?;
            Ok(Self::over(store, config.durability, simd, Some(lock)))
        })
        .await
    }

    fn over(store: Store, durability: Durability, simd: Simd, lock: Option<StoreLock>) -> Self {
        let mut profile = Profile::new(PROVIDER);
        profile.batch = BatchAtomicity::Atomic;
        profile.update_isolated = true;
        profile.durable = durability == Durability::Commit;
        Self { store: Arc::new(store), simd, profile, opened: Instant::now(), lock: Mutex::new(lock) }
    }

    /// Runs work where its cost says.
    async fn run<T, W>(&self, target: Target<'_, ()>, cost: Cost<'_>, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &str) -> Result<T> + Send + 'static,
    {
        let short = self.store.peek(|state| state.view(target.name).is_ok_and(|view| cost.is_short(&view)));
        if short == Some(true) {
            return inline(self.store.path(), || work(&self.store, target.name));
        }
        self.long(target, work).await
    }

    /// Runs work on the blocking pool.
    async fn long<T, W>(&self, target: Target<'_, ()>, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &str) -> Result<T> + Send + 'static,
    {
        let (store, index) = (self.store.clone(), target.name.to_owned());
        blocking(self.store.path(), move || work(&store, &index)).await
    }

    /// Runs a transaction on the blocking pool, and tells whether one that failed may have had an effect.
    async fn change<T, W>(&self, target: Target<'_, ()>, work: W) -> Result<T, WriteError>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &str) -> Result<T, Fault> + Send + 'static,
    {
        let ended = self
            .long(target, move |store, index| {
                Ok(work(store, index).map_err(|fault| {
                    let in_doubt = matches!(fault, Fault::InDoubt(_));
                    WriteError::new(fault.at(store.path()), in_doubt)
                }))
            })
            .await;
        // A panic may have come after the commit.
        ended.map_err(WriteError::InDoubt)?
    }
}

impl Driver for EmbeddedDriver {
    type Index = ();
    type Filter = NativeFilter;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, _: Target<'_, ()>, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(signed(Filter::Leaf(leaf.clone()), negated))
    }

    fn lower_ids(&self, _: Target<'_, ()>, ids: &[NativeId], negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(signed(Filter::Id(ids.iter().map(NativeId::to_string).collect()), negated))
    }

    fn and(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter(Filter::And(parts.into_iter().map(|part| part.0).collect()).flat())
    }

    fn or(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter(Filter::Or(parts.into_iter().map(|part| part.0).collect()).flat())
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        let (store, name, spec) = (self.store.clone(), new.name.to_owned(), new.spec.clone());
        Ok(blocking(self.store.path(), move || store.create(&name, &spec, &time::now())).await?)
    }

    async fn open(&self, name: &str, _: Option<&()>, _: Deadline) -> Result<Opened<()>> {
        let info = inline(self.store.path(), || self.store.view(name, |view| Ok(view.info().clone())))?;
        // Distances are those of the one arithmetic, whatever the dimension.
        Ok(Opened::new(info, ()).score_error(ScoreError::Negligible))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        inline(self.store.path(), || self.store.read(|state| Ok(state.names().map(str::to_owned).collect())))
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        let (store, name) = (self.store.clone(), name.to_owned());
        Ok(blocking(self.store.path(), move || store.drop_index(&name)).await?)
    }

    async fn write(&self, target: Target<'_, ()>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let rows = rows.to_vec();
        self.change(target, move |store, index| {
            store.edit(index, |_, edit| {
                rows.iter().try_for_each(|row| edit.put(row))?;
                Ok(vec![Outcome::Stored; rows.len()])
            })
        })
        .await
    }

    async fn fetch(&self, target: Target<'_, ()>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let owned = ids.to_vec();
        self.run(target, Cost::records(ids.len()), move |store, index| {
            store.view(index, |view| query::fetch(view, &owned, want))
        })
        .await
    }

    async fn remove(&self, target: Target<'_, ()>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        let ids = ids.to_vec();
        self.change(target, move |store, index| {
            store.edit(index, |_, edit| {
                ids.iter().try_for_each(|id| edit.remove(id))?;
                Ok(vec![Outcome::Stored; ids.len()])
            })
        })
        .await
    }

    async fn nearest(&self, target: Target<'_, ()>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        let filter = query.filter.map(|f| f.0.clone());
        let search = Search { vector: query.vector.to_vec(), k: query.k, filter, want: query.want };
        let cost = Cost::records(query.k).filtered(query.filter).scanned();
        let simd = self.simd;
        self.run(target, cost, move |store, index| {
            store.view(index, |view| query::nearest(view, &search, simd))
        })
        .await
    }

    async fn page(
        &self,
        target: Target<'_, ()>,
        filter: Option<&NativeFilter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let from = cursor.map_or(Ok(0), str::parse::<u32>).map_err(|_| Cursor::dead())?;
        let cost = Cost::records(limit).filtered(filter);
        let filter = filter.map(|f| f.0.clone());
        self.run(target, cost, move |store, index| {
            store.view(index, |view| query::page(view, filter.as_ref(), from, limit, want))
        })
        .await
    }

    async fn count(
        &self,
        target: Target<'_, ()>,
        filter: Option<&NativeFilter>,
        with_vector: bool,
    ) -> Result<u64> {
        let cost = Cost::records(0).filtered(filter);
        let filter = filter.map(|f| f.0.clone());
        self.run(target, cost, move |store, index| {
            store.view(index, |view| query::count(view, filter.as_ref(), with_vector))
        })
        .await
    }

    async fn remove_where(
        &self,
        target: Target<'_, ()>,
        filter: &NativeFilter,
    ) -> Result<Option<u64>, WriteError> {
        let filter = filter.0.clone();
        self.change(target, move |store, index| {
            store.edit(index, |view, edit| {
                let rows = crate::plan::select(view, &filter)?.rows;
                rows.iter().try_for_each(|row| edit.remove_row(row))?;
                Ok(Some(rows.len()))
            })
        })
        .await
    }

    async fn clear(&self, target: Target<'_, ()>) -> Result<(), WriteError> {
        Ok(self.long(target, |store, index| store.clear(index)).await?)
    }

    async fn update(
        &self,
        target: Target<'_, ()>,
        patches: &[(NativeId, MetadataPatch)],
    ) -> Result<Vec<Outcome>, WriteError> {
        let patches = patches.to_vec();
        self.change(target, move |store, index| {
            store.edit(index, |_, edit| {
                let patch = |(id, patch): &(NativeId, MetadataPatch)| {
                    Ok(if edit.patch(id, patch)? { Outcome::Stored } else { Outcome::Failed(no_record(id)) })
                };
                patches.iter().map(patch).collect()
            })
        })
        .await
    }

    async fn sizes(&self, target: Target<'_, ()>) -> Result<Sizes> {
        self.long(target, |store, index| {
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

    async fn estimate(&self, target: Target<'_, ()>, filter: Option<&NativeFilter>) -> Result<Option<u64>> {
        let filter = filter.map(|f| f.0.clone());
        self.long(target, move |store, index| {
            store.view(index, |view| query::estimate(view, filter.as_ref()).map(Some))
        })
        .await
    }

    async fn health(&self, _: Deadline) -> Result<Health> {
        let begun = Instant::now();
        let store = self.store.clone();
        let (indexes, records) = blocking(self.store.path(), move || store.read(query::totals)).await?;
        let mut health = Health::new(PROVIDER, Status::Healthy).latency(begun.elapsed());
        health.version = Some(format!("format {FORMAT}, {} kernels", self.simd.name()));
        health.indexes = Some(indexes);
        health.vectors = Some(records);
        health.uptime_seconds = Some(self.opened.elapsed().as_secs_f64());
        Ok(health)
    }

    async fn optimize(&self, target: Target<'_, ()>) -> Result<bool> {
        self.long(target, |store, index| {
            store.view(index, |_| Ok(()))?;
            store.compact()
        })
        .await
    }

    async fn flush(&self, _: Deadline) -> Result<()> {
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
