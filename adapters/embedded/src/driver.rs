//! The driver: each ability of the port as a thin call on the store.

use std::sync::Arc;
use std::time::Instant;

use portolan_core::driver::{Driver, Nearest, Neighbours, Page, Profile, Row, Sizes, Target, Want};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    BatchAtomicity, Error, ErrorKind, Filter, Health, IndexInfo, IndexSpec, MetadataPatch, Outcome, Result,
    Status,
};
use portolan_store::{Durability, FORMAT, Store, StoreError, View};

use crate::PROVIDER;
use crate::config::Config;
use crate::filter::NativeFilter;
use crate::query::{self, Search, is_short_read, is_short_search};

/// The embedded store, as the engine of the port drives it.
#[derive(Debug)]
pub struct EmbeddedDriver {
    store: Arc<Store>,
    profile: Profile,
    opened: Instant,
}

impl EmbeddedDriver {
    /// Opens the store of a directory, and makes it where there is none.
    ///
    /// # Errors
    /// `NotReady` where another process holds it, naming that; `Corrupt` for a damaged file, or one that a newer
    /// version made; `PermissionDenied`, `QuotaExceeded` and `Unavailable` as the disk answers.
    pub async fn open(config: &Config) -> Result<Self> {
        let mut profile = Profile::new(PROVIDER);
        profile.batch = BatchAtomicity::Atomic;
        profile.update_isolated = true;
        profile.durable = config.durability == Durability::Commit;
        let store = Store::open(&config.path, config.durability, config.cache_mb).await?;
        Ok(Self { store, profile, opened: Instant::now() })
    }

    /// Runs work on an index on the blocking pool.
    async fn long<T, W>(&self, at: Target<'_>, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Store, &str) -> Result<T> + Send + 'static,
    {
        let index = at.name.to_owned();
        self.store.blocking(move |store| work(store, &index)).await
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
        self.long(at, move |store, name| store.create(name, &spec)).await
    }

    async fn open(&self, name: &str) -> Result<IndexInfo> {
        self.store.inline(|store| {
            store.view(name, |view| {
                let created_at = Some(view.created_at().to_owned());
                Ok(IndexInfo::new(view.spec().clone(), PROVIDER).created_at(created_at))
            })
        })
    }

    async fn list(&self) -> Result<Vec<String>> {
        self.store.inline(Store::names)
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.store.blocking(move |store| store.drop_index(&name)).await
    }

    async fn write(&self, at: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>> {
        let rows = rows.to_vec();
        self.long(at, move |store, index| {
            let ended = store.edit(index, |_, edit| {
                rows.iter().try_for_each(|row| edit.put(row))?;
                Ok(vec![Outcome::Stored; rows.len()])
            });
            outcomes(store, rows.len(), ended)
        })
        .await
    }

    async fn fetch(&self, at: Target<'_>, ids: &[String], want: Want) -> Result<Vec<Row>> {
        let owned = ids.to_vec();
        let is_short = |view: &View<'_>| is_short_read(view, ids.len(), None);
        let work = move |store: &Store, index: &str| store.view(index, |view| view.fetch(&owned, want));
        self.store.run(at.name, is_short, work).await
    }

    async fn remove(&self, at: Target<'_>, ids: &[String]) -> Result<Vec<Outcome>> {
        let ids = ids.to_vec();
        self.long(at, move |store, index| {
            let ended = store.edit(index, |_, edit| {
                ids.iter().try_for_each(|id| edit.remove(id))?;
                Ok(vec![Outcome::Stored; ids.len()])
            });
            outcomes(store, ids.len(), ended)
        })
        .await
    }

    async fn nearest(&self, at: Target<'_>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        let filter = query.filter.map(|f| &f.0);
        let search =
            Search { vector: query.vector.to_vec(), k: query.k, filter: filter.cloned(), want: query.want };
        let is_short = |view: &View<'_>| is_short_search(view, query.k, filter);
        let work = move |store: &Store, index: &str| store.view(index, |view| query::nearest(view, &search));
        self.store.run(at.name, is_short, work).await
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
        let filter = filter.map(|f| &f.0);
        let owned = filter.cloned();
        let is_short = |view: &View<'_>| is_short_read(view, limit, filter);
        let work = move |store: &Store, index: &str| {
            store.view(index, |view| view.page(owned.as_ref(), from, limit, want))
        };
        self.store.run(at.name, is_short, work).await
    }

    async fn count(&self, at: Target<'_>, filter: Option<&NativeFilter>, with_vector: bool) -> Result<u64> {
        let filter = filter.map(|f| &f.0);
        let owned = filter.cloned();
        let is_short = |view: &View<'_>| is_short_read(view, 0, filter);
        let work = move |store: &Store, index: &str| {
            store.view(index, |view| view.count(owned.as_ref(), with_vector))
        };
        self.store.run(at.name, is_short, work).await
    }

    async fn remove_where(&self, at: Target<'_>, filter: &NativeFilter) -> Result<Option<u64>> {
        let filter = filter.0.clone();
        self.long(at, move |store, index| {
            let ended = store.edit(index, |view, edit| {
                let rows = view.select(&filter)?.rows;
                rows.iter().try_for_each(|row| edit.remove_row(row))?;
                Ok(Some(rows.len()))
            });
            ended.map_err(|e| e.with_path(store.path()))
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
            outcomes(store, patches.len(), ended)
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
            store.view(index, |view| match &filter {
                None => view.vector_count().map(Some),
                Some(filter) => view.estimate(filter).map(Some),
            })
        })
        .await
    }

    async fn health(&self) -> Result<Health> {
        let begun = Instant::now();
        let (indexes, records) = self.store.blocking(Store::totals).await?;
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
        self.store.blocking(Store::flush).await
    }

    async fn close(&self) -> Result<()> {
        self.store.blocking(Store::close).await
    }
}

/// The outcomes of a transaction: `Err` only where it surely had no effect.
fn outcomes(store: &Store, count: usize, ended: Result<Vec<Outcome>, StoreError>) -> Result<Vec<Outcome>> {
    match ended {
        Ok(outcomes) => Ok(outcomes),
        Err(e) if e.in_doubt() => Ok(vec![Outcome::Unknown(e.with_path(store.path())); count]),
        Err(e) => Err(e.with_path(store.path())),
    }
}

fn signed(filter: Filter, negated: bool) -> NativeFilter {
    NativeFilter(if negated { !filter } else { filter })
}

fn no_record(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no record {id:?}"))
}
