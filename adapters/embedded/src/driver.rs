//! The driver: each ability of the port as a thin call on the store.

use std::sync::Arc;
use std::time::Instant;

use portolan_core::driver::{
    Deadline, Driver, NativeId, Nearest, Neighbours, NewIndex, Opened, Page, Profile, Removed, Row,
    ScoreError, Sizes, Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    BatchAtomicity, Cursor, Error, ErrorKind, Filter, Health, IndexInfo, MetadataPatch, Outcome, Result,
    Status,
};
use portolan_store::{Durability, Edit, FORMAT, Store, StoreError, View};

use crate::config::{Config, PROVIDER};
use crate::filter::NativeFilter;
use crate::kernel::Simd;
use crate::query::{self, Search, is_short_read, is_short_search};

/// The embedded store, as the engine of the port drives it.
#[derive(Debug)]
pub struct EmbeddedDriver {
    store: Arc<Store>,
    simd: Simd,
    profile: Profile,
    opened: Instant,
}

impl EmbeddedDriver {
    /// Opens the store of a directory to read, if there is one. The first write makes this its writer, and the first index
    /// that is created makes a store where there is none.
    ///
    /// # Errors
    /// `NotReady` where another process holds it and lets none read, naming that; `Corrupt` for a damaged file, or one
    /// that a newer version made; `PermissionDenied`, `QuotaExceeded` and `Unavailable` as the disk answers.
    pub async fn open(config: &Config) -> Result<Self> {
        let simd = Simd::from_env()?;
        let mut profile = Profile::new(PROVIDER);
        profile.batch = BatchAtomicity::Atomic;
        profile.update_isolated = true;
        profile.durable = config.durability == Durability::Commit;
        let store = Store::open(&config.path, config.store_options()).await?;
        Ok(Self { store, simd, profile, opened: Instant::now() })
    }

    /// Reads an index on the blocking pool.
    async fn read<T, W>(&self, target: Target<'_, ()>, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_soon(target, |_| false, work).await
    }

    /// Reads an index, at once where it `is_short`.
    async fn read_soon<T, W>(
        &self,
        target: Target<'_, ()>,
        is_short: impl FnOnce(&View<'_>) -> bool,
        work: W,
    ) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let check = self.is_opened(target);
        let checked = move |view: &View<'_>| check(view).and_then(|()| work(view));
        self.store.read(target.name, is_short, checked).await
    }

    /// Edits an index on the blocking pool.
    async fn edit<T, W>(&self, target: Target<'_, ()>, work: W) -> Result<T, WriteError>
    where
        T: Send + 'static,
        W: FnOnce(&View<'_>, &mut Edit<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let check = self.is_opened(target);
        let index = target.name.to_owned();
        let checked = move |view: &View<'_>, edit: &mut Edit<'_>| check(view).and_then(|()| work(view, edit));
        self.store.write(move |store| store.edit(&index, checked)).await
    }

    /// Checks that an index is the one that was opened: another process may have made another of its name meanwhile, which
    /// the engine then opens.
    fn is_opened(
        &self,
        target: Target<'_, ()>,
    ) -> impl FnOnce(&View<'_>) -> Result<(), StoreError> + Send + use<> {
        let spec = (!self.store.is_writer()).then(|| target.spec.clone());
        move |view| match spec {
            Some(spec) if spec != *view.spec() => Err(Error::no_index(&spec.name).into()),
            _ => Ok(()),
        }
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
        let (name, spec) = (new.name.to_owned(), new.spec.clone());
        self.store.write(move |store| store.create(&name, &spec)).await
    }

    async fn open(&self, name: &str, _: Option<&()>, _: Deadline) -> Result<Opened<()>> {
        let name = name.to_owned();
        let describe = |view: &View<'_>| {
            let created_at = Some(view.created_at().to_owned());
            Ok(IndexInfo::new(view.spec().clone(), PROVIDER).created_at(created_at))
        };
        let info = self.store.short(move |store| store.view(&name, describe)).await?;
        // Distances are those of the one arithmetic, whatever the dimension.
        Ok(Opened::new(info, ()).score_error(ScoreError::Negligible))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        self.store.short(Store::names).await
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        let name = name.to_owned();
        self.store.write(move |store| store.drop_index(&name)).await
    }

    async fn write(&self, target: Target<'_, ()>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let rows = rows.to_vec();
        self.edit(target, move |_, edit| {
            rows.iter().try_for_each(|row| edit.put(row))?;
            Ok(vec![Outcome::Stored; rows.len()])
        })
        .await
    }

    async fn fetch(&self, target: Target<'_, ()>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let owned = ids.to_vec();
        let is_short = |view: &View<'_>| is_short_read(view, ids.len(), None);
        self.read_soon(target, is_short, move |view| view.fetch(&owned, want)).await
    }

    async fn remove(&self, target: Target<'_, ()>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        let ids = ids.to_vec();
        self.edit(target, move |_, edit| {
            ids.iter().try_for_each(|id| edit.remove(id))?;
            Ok(vec![Outcome::Stored; ids.len()])
        })
        .await
    }

    async fn nearest(&self, target: Target<'_, ()>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        let filter = query.filter.map(|f| &f.0);
        let (vector, simd) = (query.vector.to_vec(), self.simd);
        let search = Search { vector, k: query.k, filter: filter.cloned(), want: query.want };
        let is_short = |view: &View<'_>| is_short_search(view, query.k, filter);
        self.read_soon(target, is_short, move |view| query::nearest(view, &search, simd)).await
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
        let filter = filter.map(|f| &f.0);
        let owned = filter.cloned();
        let is_short = |view: &View<'_>| is_short_read(view, limit, filter);
        self.read_soon(target, is_short, move |view| view.page(owned.as_ref(), from, limit, want)).await
    }

    async fn count(
        &self,
        target: Target<'_, ()>,
        filter: Option<&NativeFilter>,
        with_vector: bool,
    ) -> Result<u64> {
        let filter = filter.map(|f| &f.0);
        let owned = filter.cloned();
        let is_short = |view: &View<'_>| is_short_read(view, 0, filter);
        self.read_soon(target, is_short, move |view| view.count(owned.as_ref(), with_vector)).await
    }

    async fn remove_where(
        &self,
        target: Target<'_, ()>,
        filter: &NativeFilter,
    ) -> Result<Removed, WriteError> {
        let filter = filter.0.clone();
        self.edit(target, move |view, edit| {
            let rows = view.select_all(&filter)?;
            rows.iter().try_for_each(|row| edit.remove_row(row))?;
            Ok(Removed::All(Some(rows.len())))
        })
        .await
    }

    async fn clear(&self, target: Target<'_, ()>) -> Result<Removed, WriteError> {
        let index = target.name.to_owned();
        self.store.write(move |store| store.clear(&index)).await.map(|()| Removed::All(None))
    }

    async fn update(
        &self,
        target: Target<'_, ()>,
        patches: &[(NativeId, MetadataPatch)],
    ) -> Result<Vec<Outcome>, WriteError> {
        let patches = patches.to_vec();
        self.edit(target, move |_, edit| {
            let patch = |(id, patch): &(NativeId, MetadataPatch)| {
                Ok(if edit.patch(id, patch)? { Outcome::Stored } else { Outcome::Failed(no_record(id)) })
            };
            patches.iter().map(patch).collect()
        })
        .await
    }

    async fn sizes(&self, target: Target<'_, ()>) -> Result<Sizes> {
        self.read(target, |view| {
            Ok(Sizes {
                disk_bytes: Some(view.disk_bytes()?),
                memory_bytes: Some(view.memory_bytes()),
                updated_at: view.updated_at()?,
            })
        })
        .await
    }

    async fn estimate(&self, target: Target<'_, ()>, filter: Option<&NativeFilter>) -> Result<Option<u64>> {
        let filter = filter.map(|f| f.0.clone());
        self.read(target, move |view| match &filter {
            None => view.vector_count().map(Some),
            Some(filter) => view.estimate(filter).map(Some),
        })
        .await
    }

    async fn health(&self, _: Deadline) -> Result<Health> {
        let begun = Instant::now();
        let (indexes, records) = self.store.blocking(Store::totals).await?;
        let mut health = Health::new(PROVIDER, Status::Healthy).latency(begun.elapsed());
        health.version = Some(format!("format {FORMAT}, {} kernels", self.simd.name()));
        health.indexes = Some(indexes);
        health.vectors = Some(records);
        health.uptime_seconds = Some(self.opened.elapsed().as_secs_f64());
        Ok(health)
    }

    async fn optimize(&self, target: Target<'_, ()>) -> Result<bool> {
        self.read(target, |_| Ok(())).await?;
        self.store.blocking(Store::compact).await
    }

    async fn flush(&self, _: Deadline) -> Result<()> {
        self.store.blocking(Store::flush).await
    }

    async fn close(&self) -> Result<()> {
        self.store.blocking(Store::close).await
    }
}

fn signed(filter: Filter, negated: bool) -> NativeFilter {
    NativeFilter(if negated { !filter } else { filter })
}

fn no_record(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no record {id:?}"))
}
