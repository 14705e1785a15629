//! The exact in-memory store.
//!
//! It implements [`VectorStorage`] directly and in the plainest way: every search reads every record. The conformance
//! suite takes it for the oracle that every other store is compared with. Reads work on a snapshot of their index, and no
//! write waits for them.

mod config;
mod distance;
mod index;
mod search;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::RwLock;

pub use config::MemoryConfig;
use config::PROVIDER;
use index::{Entry, Identity, Index};

use crate::capability::Capability;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Filter, PushDown};
use crate::health::{Health, Status};
use crate::index::{EngineKind, IndexInfo, IndexSpec};
use crate::location::Location;
use crate::metadata::MetadataPatch;
use crate::options::CallOptions;
use crate::record::{GetRequest, Record};
use crate::scan::{CountRequest, Cursor, ScanPage, ScanRequest};
use crate::search::{Exactness, SearchRequest, SearchResult};
use crate::stats::{Explanation, IndexStats};
use crate::storage::VectorStorage;
use crate::validate;
use crate::write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, Outcome, UpdateRequest, UpsertRequest, WriteResult,
};

/// Records in memory, gone with the process. Exact, and safe to share between tasks.
///
/// ```
/// use portolan_core::{CallOptions, IndexSpec, MemoryStorage, Record, SearchRequest, UpsertRequest, VectorStorage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> portolan_core::Result<()> {
/// let storage = MemoryStorage::default();
/// storage.create_index(&IndexSpec::new("companies", 2), CallOptions::new()).await?;
/// let records = vec![Record::new("a", [1.0, 0.0]), Record::new("b", [0.0, 1.0])];
/// storage.upsert(&UpsertRequest::new("companies", &records)).await?.into_result()?;
/// let found = storage.search(&SearchRequest::new("companies", [0.9, 0.1]).top_k(1)).await?;
/// assert_eq!(found.matches[0].id, "a");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryStorage {
    config: MemoryConfig,
    capability: Capability,
    opened: Instant,
    /// Tells the cursors of this storage from those of every other one.
    nonce: String,
    next_serial: AtomicU64,
    /// Absent once closed.
    indexes: RwLock<Option<BTreeMap<String, Index>>>,
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::with(MemoryConfig::default())
    }
}

impl MemoryStorage {
    /// An empty store.
    ///
    /// # Errors
    /// `InvalidArgument` naming a limit that is out of range.
    pub fn new(config: MemoryConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self::with(config))
    }

    /// An empty store with the limits of a location, such as `memory:?max_indexes=10`.
    ///
    /// # Errors
    /// `InvalidArgument` for a location that is not understood.
    pub async fn open(location: Location) -> Result<Arc<dyn VectorStorage>> {
        let config = MemoryConfig::from_location(location).map_err(|e| e.with_provider(PROVIDER))?;
        Ok(Arc::new(Self::with(config)))
    }

    fn with(config: MemoryConfig) -> Self {
        let mut capability = Capability::native();
        capability.limits.indexes = Some(config.max_indexes);
        capability.limits.records = Some(config.max_vectors_per_index);
        Self {
            config,
            capability,
            opened: Instant::now(),
            nonce: uuid::Uuid::new_v4().simple().to_string(),
            next_serial: AtomicU64::new(0),
            indexes: RwLock::new(Some(BTreeMap::new())),
        }
    }

    fn all<T>(&self, read: impl FnOnce(&BTreeMap<String, Index>) -> T) -> Result<T> {
        self.indexes.read().as_ref().map(read).ok_or_else(Error::closed)
    }

    fn change<T>(&self, write: impl FnOnce(&mut BTreeMap<String, Index>) -> Result<T>) -> Result<T> {
        write(self.indexes.write().as_mut().ok_or_else(Error::closed)?)
    }

    /// An index as it is now.
    fn snapshot(&self, name: &str) -> Result<Index> {
        self.all(|indexes| indexes.get(name).cloned())?.ok_or_else(|| Error::no_index(name))
    }

    /// What a write is validated against.
    fn identity(&self, name: &str) -> Result<Arc<Identity>> {
        self.all(|indexes| indexes.get(name).map(|index| index.identity.clone()))?
            .ok_or_else(|| Error::no_index(name))
    }

    /// Changes the index that a call was validated against; it may have been deleted meanwhile.
    fn change_index<T>(&self, seen: &Identity, write: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        let name = &seen.spec.name;
        self.change(|indexes| match indexes.get_mut(name) {
            Some(index) if index.identity.serial == seen.serial => write(index),
            _ => Err(Error::no_index(name)),
        })
    }

    fn create(&self, spec: &IndexSpec, options: CallOptions) -> Result<()> {
        options.validate()?;
        validate::spec(spec, &self.capability)?;
        validate::options(spec, &[])?;
        let most = self.config.max_indexes;
        self.change(|indexes| {
            if indexes.contains_key(&spec.name) {
                let why = format!(
                    "there is an index {:?} already; use it, delete it, or choose another name",
                    spec.name
                );
                return Err(Error::new(ErrorKind::AlreadyExists, why));
            }
            if indexes.len() >= most {
                let why = format!(
                    "there are {most} indexes, as many as max_indexes allows: delete one, or raise it"
                );
                return Err(Error::new(ErrorKind::QuotaExceeded, why));
            }
            let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
            indexes.insert(spec.name.clone(), Index::new(serial, spec.clone()));
            Ok(())
        })
    }

    fn write_records(&self, request: &UpsertRequest<'_>) -> Result<WriteResult> {
        request.options.validate()?;
        let seen = self.identity(request.index)?;
        let entries: Vec<Entry> = each(request.records.iter(), |record| {
            let metadata = validate::record(record, &seen.spec, &self.capability.limits)?.metadata;
            let vector = record.vector.clone().ok_or_else(|| Error::invalid("the record has no vector"))?;
            Ok(Entry { vector, metadata })
        })?;
        let last_wins: BTreeMap<&str, Entry> =
            request.records.iter().map(|r| r.id.as_str()).zip(entries).collect();
        let most = self.config.max_vectors_per_index;
        self.change_index(&seen, |index| {
            let new = last_wins.keys().filter(|id| !index.records.contains_key(**id)).count();
            if index.records.size() + new > most {
                let why = format!(
                    "{new} new records would make {} in the index, and max_vectors_per_index is {most}",
                    index.records.size() + new
                );
                return Err(Error::new(ErrorKind::QuotaExceeded, why));
            }
            if !last_wins.is_empty() {
                let records = index.write();
                last_wins.into_iter().for_each(|(id, entry)| records.insert_mut(id.into(), entry));
            }
            Ok(())
        })?;
        Ok(WriteResult::new(vec![Outcome::Stored; request.records.len()]))
    }

    fn read_records(&self, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>> {
        request.options.validate()?;
        let index = self.snapshot(request.index)?;
        each(request.ids.iter(), |id| {
            validate::id(id, &self.capability.limits)?;
            let entry = index.records.get(id.as_str());
            Ok(entry.map(|e| e.to_record(id, request.include_vectors, request.include_metadata)))
        })
    }

    fn delete_records(&self, request: &DeleteRequest<'_>) -> Result<WriteResult> {
        request.options.validate()?;
        let seen = self.identity(request.index)?;
        each(request.ids.iter(), |id| validate::id(id, &self.capability.limits))?;
        self.change_index(&seen, |index| {
            if request.ids.iter().any(|id| index.records.contains_key(id.as_str())) {
                let records = index.write();
                for id in request.ids.iter() {
                    records.remove_mut(id.as_str());
                }
            }
            Ok(())
        })?;
        Ok(WriteResult::new(vec![Outcome::Stored; request.ids.len()]))
    }

    async fn delete_matching(&self, request: &DeleteWhereRequest<'_>) -> Result<DeleteWhereResult> {
        request.options.validate()?;
        request.filter.validate()?;
        if request.filter.clone().fold().is_all() {
            return Err(Error::invalid("the filter meets every record; to delete all of them, use clear"));
        }
        let index = self.snapshot(request.index)?;
        let (seen, filter) = (index.identity.clone(), request.filter.clone());
        let found: Vec<Arc<str>> = run(index.cost(), request.options, move || {
            index.matching(Some(&filter)).map(|(id, _)| id.clone()).collect()
        })
        .await?;
        let deleted = self.change_index(&seen, |index| {
            let still = |id: &&Arc<str>| {
                index.records.get(*id).is_some_and(|entry| request.filter.matches(id, &entry.metadata))
            };
            let gone: Vec<_> = found.iter().filter(still).collect();
            if !gone.is_empty() {
                let records = index.write();
                for id in &gone {
                    records.remove_mut(*id);
                }
            }
            Ok(gone.len() as u64)
        })?;
        Ok(DeleteWhereResult::new(Some(deleted)))
    }

    fn clear_index(&self, name: &str, options: CallOptions) -> Result<()> {
        options.validate()?;
        let seen = self.identity(name)?;
        let cleared = self.change_index(&seen, |index| Ok(std::mem::take(index.write())));
        cleared.map(drop)
    }

    fn patch_records(&self, request: &UpdateRequest<'_>) -> Result<WriteResult> {
        request.options.validate()?;
        let seen = self.identity(request.index)?;
        let patches: Vec<MetadataPatch> = each(request.updates.iter(), |update| {
            validate::id(&update.id, &self.capability.limits)?;
            validate::patch(&update.patch, &seen.spec)
        })?;
        let items = self.change_index(&seen, |index| {
            if patches.is_empty() {
                return Ok(Vec::new());
            }
            let records = index.write();
            let patched = request.updates.iter().zip(&patches);
            Ok(patched
                .map(|(update, patch)| match records.get_mut(update.id.as_str()) {
                    Some(entry) => {
                        entry.metadata.apply(patch);
                        Outcome::Stored
                    }
                    None => Outcome::Failed(missing(&update.id, request.index)),
                })
                .collect())
        })?;
        Ok(WriteResult::new(items))
    }

    async fn nearest(&self, request: &SearchRequest) -> Result<SearchResult> {
        let started = Instant::now();
        request.validate()?;
        let index = self.snapshot(&request.index)?;
        validate::search(request, index.spec(), &self.capability)?;
        let Some(query) = request.vector.clone() else {
            return Err(Error::invalid("the search has no vector; only explain goes without"));
        };
        let identity = index.identity.clone();
        let (cost, owned) = (index.cost(), request.clone());
        let mut result = run(cost, request.options, move || search::search(&index, &owned, &query)).await?;
        result.elapsed = started.elapsed();
        identity.clock.record(result.elapsed);
        Ok(result)
    }

    async fn page(&self, request: &ScanRequest<'_>) -> Result<ScanPage> {
        request.validate()?;
        let index = self.snapshot(request.index)?;
        let prefix = format!("{}-{}-", self.nonce, index.identity.serial);
        let last =
            request.cursor.map(|c| c.as_str().strip_prefix(&prefix).ok_or_else(Cursor::dead)).transpose()?;
        let last = last.map(str::to_owned);
        let filter = request.filter.cloned();
        let (limit, vectors, metadata) =
            (request.page_size, request.include_vectors, request.include_metadata);
        let cost = if filter.is_some() { index.cost() } else { 0 };
        run(cost, request.options, move || {
            let mut later = index.matching_after(last.as_deref(), filter.as_ref()).peekable();
            let page = later.by_ref().take(limit).map(|(id, entry)| entry.to_record(id, vectors, metadata));
            let page: Vec<Record> = page.collect();
            let cursor = page.last().filter(|_| later.peek().is_some());
            let cursor = cursor.map(|record| Cursor::new(format!("{prefix}{}", record.id)));
            ScanPage::new(page, cursor)
        })
        .await
    }

    async fn count_records(&self, request: &CountRequest<'_>) -> Result<u64> {
        request.options.validate()?;
        request.filter.map_or(Ok(()), Filter::validate)?;
        let index = self.snapshot(request.index)?;
        let Some(filter) = request.filter.cloned() else { return Ok(index.records.size() as u64) };
        run(index.cost(), request.options, move || index.matching(Some(&filter)).count() as u64).await
    }

    async fn statistics(&self, name: &str, detail: bool, options: CallOptions) -> Result<IndexStats> {
        options.validate()?;
        let index = self.snapshot(name)?;
        run(index.cost(), options, move || index.stats(detail)).await
    }

    fn explanation(&self, request: &SearchRequest) -> Result<Explanation> {
        request.validate()?;
        let index = self.snapshot(&request.index)?;
        validate::search(request, index.spec(), &self.capability)?;
        let mut explanation = Explanation::new(&request.index, PROVIDER, PushDown::Exact, "exact scan");
        explanation.exactness = Some(Exactness::Exact);
        explanation.engine = Some(EngineKind::Flat);
        explanation.native = request.filter.as_ref().map(Filter::to_string);
        explanation.estimated_records = Some(index.records.size() as u64);
        Ok(explanation)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl VectorStorage for MemoryStorage {
    fn inner(&self) -> Option<&dyn VectorStorage> {
        None
    }

    fn provider(&self) -> &str {
        PROVIDER
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_index(&self, spec: &IndexSpec, options: CallOptions) -> Result<()> {
        self.create(spec, options).map_err(index_context("create_index", &spec.name))
    }

    async fn describe_index(&self, index: &str, options: CallOptions) -> Result<IndexInfo> {
        let found = options.validate().and_then(|()| self.snapshot(index));
        found.map(|found| found.info()).map_err(index_context("describe_index", index))
    }

    async fn list_indexes(&self, options: CallOptions) -> Result<Vec<String>> {
        let names = options.validate().and_then(|()| self.all(|indexes| indexes.keys().cloned().collect()));
        names.map_err(context("list_indexes"))
    }

    async fn delete_index(&self, index: &str, options: CallOptions) -> Result<()> {
        let removed = options.validate().and_then(|()| {
            self.change(|indexes| indexes.remove(index).ok_or_else(|| Error::no_index(index)))
        });
        removed.map(drop).map_err(index_context("delete_index", index))
    }

    async fn upsert(&self, request: &UpsertRequest<'_>) -> Result<WriteResult> {
        written(Instant::now(), "upsert", request.index, self.write_records(request))
    }

    async fn get(&self, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>> {
        self.read_records(request).map_err(index_context("get", request.index))
    }

    async fn delete(&self, request: &DeleteRequest<'_>) -> Result<WriteResult> {
        written(Instant::now(), "delete", request.index, self.delete_records(request))
    }

    async fn delete_where(&self, request: &DeleteWhereRequest<'_>) -> Result<DeleteWhereResult> {
        let started = Instant::now();
        let deleted = self.delete_matching(request).await;
        deleted.map(|d| d.elapsed(started.elapsed())).map_err(index_context("delete_where", request.index))
    }

    async fn clear(&self, index: &str, options: CallOptions) -> Result<()> {
        self.clear_index(index, options).map_err(index_context("clear", index))
    }

    async fn update_metadata(&self, request: &UpdateRequest<'_>) -> Result<WriteResult> {
        written(Instant::now(), "update_metadata", request.index, self.patch_records(request))
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchResult> {
        self.nearest(request).await.map_err(index_context("search", &request.index))
    }

    async fn scan(&self, request: &ScanRequest<'_>) -> Result<ScanPage> {
        self.page(request).await.map_err(index_context("scan", request.index))
    }

    async fn count(&self, request: &CountRequest<'_>) -> Result<u64> {
        self.count_records(request).await.map_err(index_context("count", request.index))
    }

    async fn stats(&self, index: &str, detail: bool, options: CallOptions) -> Result<IndexStats> {
        self.statistics(index, detail, options).await.map_err(index_context("stats", index))
    }

    async fn health(&self, options: CallOptions) -> Result<Health> {
        let started = Instant::now();
        options.validate().map_err(context("health"))?;
        let (indexes, vectors) = self
            .all(|indexes| (indexes.len(), indexes.values().map(|index| index.records.size()).sum::<usize>()))
            .map_err(context("health"))?;
        let mut health = Health::new(PROVIDER, Status::Healthy);
        health.version = Some(env!("CARGO_PKG_VERSION").to_owned());
        health.indexes = Some(indexes as u64);
        health.vectors = Some(vectors as u64);
        health.uptime_seconds = Some(self.opened.elapsed().as_secs_f64());
        Ok(health.latency(started.elapsed()))
    }

    async fn explain(&self, request: &SearchRequest) -> Result<Explanation> {
        self.explanation(request).map_err(index_context("explain", &request.index))
    }

    /// There is never anything to do.
    async fn optimize(&self, index: &str, options: CallOptions) -> Result<bool> {
        let found = options.validate().and_then(|()| self.snapshot(index));
        found.map(|_| false).map_err(index_context("optimize", index))
    }

    /// There is never anything to do: nothing is durable.
    async fn flush(&self, options: CallOptions) -> Result<()> {
        options.validate().and_then(|()| self.all(|_| ())).map_err(context("flush"))
    }

    async fn close(&self) -> Result<()> {
        *self.indexes.write() = None;
        Ok(())
    }
}

fn missing(id: &str, index: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no record {id:?}")).with_index(index)
}

/// Checks or converts every item; an error names the position.
fn each<I, T>(items: impl Iterator<Item = I>, check: impl Fn(I) -> Result<T>) -> Result<Vec<T>> {
    items.enumerate().map(|(position, item)| check(item).map_err(|e| e.with_position(position))).collect()
}

fn context(operation: &'static str) -> impl Fn(Error) -> Error {
    move |e| e.with_operation(operation).with_provider(PROVIDER)
}

fn index_context(operation: &'static str, index: &str) -> impl Fn(Error) -> Error {
    move |e| context(operation)(e).with_index(index)
}

fn written(
    started: Instant,
    operation: &'static str,
    index: &str,
    result: Result<WriteResult>,
) -> Result<WriteResult> {
    let context = index_context(operation, index);
    let mut result = result.map_err(&context)?.elapsed(started.elapsed());
    for outcome in &mut result.items {
        if let Outcome::Failed(e) = outcome {
            *e = context(e.clone());
        }
    }
    Ok(result)
}

/// Runs work of an estimated number of nanoseconds: here if it is short, else on a blocking thread.
async fn run<T: Send + 'static>(
    nanos: usize,
    options: CallOptions,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    const SHORT: Duration = Duration::from_millis(1);
    if (nanos as u128) < SHORT.as_nanos() {
        return Ok(work());
    }
    let limit = options.timeout.unwrap_or(CallOptions::DEFAULT_TIMEOUT);
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(e)) => Err(Error::new(ErrorKind::Unexpected, "the work was broken off").with_source(e)),
        Err(_) => Err(Error::new(ErrorKind::Timeout, format!("the time of {limit:?} ran out"))),
    }
}
