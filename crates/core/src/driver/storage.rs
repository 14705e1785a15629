//! The engine: keeps the contract over any driver.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::RwLock;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::call::{Call, Limit, OpenedIndex};
use super::locks::Locks;
use super::offset_paging::Scans;
use super::{Deadline, Driver, NewIndex, Profile, WriteError};
use crate::capability::{Capability, Support};
use crate::error::{Error, ErrorKind, Result};
use crate::health::{Health, Status};
use crate::index::{IndexInfo, IndexSpec};
use crate::options::CallOptions;
use crate::record::{GetRequest, Record};
use crate::scan::{CountRequest, ScanPage, ScanRequest};
use crate::search::{SearchRequest, SearchResult};
use crate::stats::{Explanation, IndexStats};
use crate::storage::VectorStorage;
use crate::validate;
use crate::write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, Outcome, UpdateRequest, UpsertRequest, WriteResult,
};

/// A [`VectorStorage`] over any [`Driver`].
///
/// Nothing is sent before the first call. What a driver learns by opening an index is kept; an answer that shows it to be
/// outdated drops it, and the call is checked and tried once more.
#[derive(Debug)]
pub struct DriverStorage<D: Driver> {
    driver: D,
    capability: Capability,
    connected: OnceCell<()>,
    indexes: RwLock<HashMap<String, Arc<OpenedIndex<D::Index>>>>,
    locks: Locks,
    scans: Scans,
    nonce: String,
    closed: AtomicBool,
}

impl<D: Driver> DriverStorage<D> {
    /// The port over a driver.
    pub fn new(driver: D) -> Self {
        let capability = driver.profile().capability();
        Self {
            driver,
            capability,
            connected: OnceCell::new(),
            indexes: RwLock::default(),
            locks: Locks::default(),
            scans: Scans::default(),
            nonce: uuid::Uuid::new_v4().simple().to_string(),
            closed: AtomicBool::new(false),
        }
    }

    /// The driver.
    pub fn driver(&self) -> &D {
        &self.driver
    }

    pub(super) fn profile(&self) -> &Profile {
        self.driver.profile()
    }

    pub(super) fn capability_of(&self) -> &Capability {
        &self.capability
    }

    pub(super) fn locks(&self) -> &Locks {
        &self.locks
    }

    pub(super) fn scans(&self) -> &Scans {
        &self.scans
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Reaches the server, where no call has yet.
    async fn connect(&self, deadline: Deadline) -> Result<()> {
        self.connected.get_or_try_init(|| self.driver.connect(deadline)).await.copied()
    }

    /// The index of a portable or native name, from the cache or the database.
    async fn opened(&self, index: &str, limit: Limit) -> Result<Arc<OpenedIndex<D::Index>>> {
        match self.cached(index) {
            Some(opened) => Ok(opened),
            None => self.open(index, limit, false).await,
        }
    }

    fn cached(&self, index: &str) -> Option<Arc<OpenedIndex<D::Index>>> {
        let opened = self.indexes.read().get(index).map(Arc::clone)?;
        opened.reuse();
        Some(opened)
    }

    /// The index from the database, where it is not in the cache or is wanted `anew`. What this handle has measured of it
    /// stays. An index is opened by one call at a time, so that what one opening hands on is not lost to the next.
    async fn open(&self, index: &str, limit: Limit, anew: bool) -> Result<Arc<OpenedIndex<D::Index>>> {
        let native = self.profile().names.to_native(index)?;
        let read = async {
            self.connect(limit.deadline()).await?;
            let _opening = self.locks.opening(&native).await;
            if let Some(opened) = self.cached(index).filter(|_| !anew) {
                return Ok(opened);
            }
            let before = self.indexes.read().get(index).map(Arc::clone);
            let kept = before.as_ref().map(|before| before.of_driver());
            let answer = self.driver.open(&native, kept, limit.deadline()).await;
            if answer.is_err() {
                self.indexes.write().remove(index);
            }
            let mut opened = answer.map_err(|e| missing(e, index))?;
            opened.info.spec.name = self.profile().names.to_port(&native);
            let clock = before.map(|before| Arc::clone(&before.clock)).unwrap_or_default();
            let opened = Arc::new(OpenedIndex::new(native.clone(), opened, clock));
            self.indexes.write().insert(index.to_owned(), Arc::clone(&opened));
            Ok(opened)
        };
        limit.read(read).await
    }

    /// Runs a call on an index, and once more where the error may come from an index that is known and outdated.
    async fn on_index<'r, T: Send>(
        &self,
        index: &str,
        limit: Limit,
        run: impl Fn(Call<D::Index>) -> BoxFuture<'r, Result<T>> + Send + Sync,
    ) -> Result<T> {
        let opened = self.opened(index, limit).await?;
        let answer = match run(Call { index: Arc::clone(&opened), limit }).await {
            Err(e) if opened.may_be_outdated(&e) => {
                run(Call { index: self.open(index, limit, true).await?, limit }).await
            }
            answer => answer,
        };
        answer.map_err(|e| missing(e, index))
    }

    /// Runs a call, and says where an error happened.
    async fn run<T>(
        &self,
        operation: &'static str,
        index: Option<&str>,
        options: CallOptions,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let answer = async {
            if self.closed.load(Ordering::Acquire) {
                return Err(Error::closed());
            }
            options.validate()?;
            call.await
        };
        answer.await.map_err(|e| self.located(operation, index, e))
    }

    /// A read of an index.
    async fn read<'r, T: Send>(
        &self,
        operation: &'static str,
        index: &str,
        options: CallOptions,
        limit: Limit,
        run: impl Fn(Call<D::Index>) -> BoxFuture<'r, Result<T>> + Send + Sync,
    ) -> Result<T> {
        let call = async {
            match limit {
                Limit::Total { .. } => limit.read(self.on_index(index, limit, run)).await,
                Limit::PerRequest(_) | Limit::Unlimited => self.on_index(index, limit, run).await,
            }
        };
        self.run(operation, Some(index), options, call).await
    }

    /// A write with an outcome per item. Its time is kept per request, so that what was not sent is told from what was.
    async fn write<'r>(
        &self,
        operation: &'static str,
        index: &str,
        options: CallOptions,
        run: impl Fn(Call<D::Index>) -> BoxFuture<'r, Result<WriteResult>> + Send + Sync,
    ) -> Result<WriteResult> {
        let start = Instant::now();
        let call = self.on_index(index, self.total(options), run);
        let mut result = self.run(operation, Some(index), options, call).await?;
        for outcome in &mut result.items {
            if let Outcome::Failed(e) | Outcome::Unknown(e) = outcome {
                *e = self.located(operation, Some(index), e.clone());
            }
        }
        Ok(result.elapsed(start.elapsed()))
    }

    /// The time of a call that is one request, or few.
    fn total(&self, options: CallOptions) -> Limit {
        Limit::total(options.timeout.unwrap_or(self.profile().timeout))
    }

    /// The time of a call that may read or change everything: without a bound of the caller's, each request has its own.
    fn long(&self, options: CallOptions) -> Limit {
        options.timeout.map_or(Limit::PerRequest(self.profile().timeout), Limit::total)
    }

    /// The time of a call that only its caller bounds.
    fn unbounded(options: CallOptions) -> Limit {
        options.timeout.map_or(Limit::Unlimited, Limit::total)
    }

    /// Where an error happened: the one place that says so.
    fn located(&self, operation: &'static str, index: Option<&str>, e: Error) -> Error {
        let e = e.with_operation(operation).with_provider(self.profile().provider);
        match index {
            Some(index) => e.with_index(index),
            None => e,
        }
    }

    async fn create_checked(&self, spec: &IndexSpec, options: CallOptions) -> Result<()> {
        validate::spec(spec, &self.capability)?;
        validate::options(spec, self.profile().options)?;
        let native = self.profile().names.to_native(&spec.name)?;
        let bound = options.timeout.unwrap_or(self.profile().create_bound);
        let limit = Limit::total(bound);
        let create = async {
            self.connect(limit.deadline()).await?;
            self.driver.create(NewIndex { name: &native, spec, deadline: limit.deadline() }).await
        };
        let created = match tokio::time::timeout(bound, create).await {
            Ok(created) => created.map_err(unknown_if_in_doubt),
            Err(_) => {
                let kind = if options.timeout.is_some() { ErrorKind::Timeout } else { ErrorKind::NotReady };
                let what = format!("the index is not ready after {bound:?}; ensure_index waits on");
                Err(Error::new(kind, what))
            }
        };
        self.indexes.write().remove(&spec.name);
        created
    }

    async fn drop_checked(&self, index: &str, limit: Limit) -> Result<()> {
        let native = self.profile().names.to_native(index)?;
        let drop = async {
            self.connect(limit.deadline()).await?;
            self.driver.drop_index(&native, limit.deadline()).await
        };
        let dropped = limit.change(drop).await;
        self.indexes.write().remove(index);
        dropped.map_err(|e| missing(unknown_if_in_doubt(e), index))
    }

    async fn health_within(&self, time: Duration) -> Health {
        let start = Instant::now();
        let limit = Limit::total(time);
        let asked = async {
            self.connect(limit.deadline()).await?;
            self.driver.health(limit.deadline()).await
        };
        match limit.read(asked).await {
            Ok(health) => health.latency(start.elapsed()),
            Err(e) => {
                let health = Health::new(self.profile().provider, Status::Unavailable);
                let mut health = health.latency(start.elapsed());
                health.message = Some(e.to_string());
                health
            }
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<D: Driver> VectorStorage for DriverStorage<D> {
    fn inner(&self) -> Option<&dyn VectorStorage> {
        None
    }

    fn provider(&self) -> &str {
        self.profile().provider
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_index(&self, spec: &IndexSpec, options: CallOptions) -> Result<()> {
        self.run("create_index", Some(&spec.name), options, self.create_checked(spec, options)).await
    }

    async fn describe_index(&self, index: &str, options: CallOptions) -> Result<IndexInfo> {
        let limit = self.total(options);
        let call = async { Ok(self.open(index, limit, true).await?.info().clone()) };
        self.run("describe_index", Some(index), options, call).await
    }

    async fn list_indexes(&self, options: CallOptions) -> Result<Vec<String>> {
        let limit = self.total(options);
        let list = async {
            self.connect(limit.deadline()).await?;
            let native = self.driver.list(limit.deadline()).await?;
            let mut names: Vec<String> =
                native.iter().map(|native| self.profile().names.to_port(native)).collect();
            names.sort_unstable();
            Ok(names)
        };
        self.run("list_indexes", None, options, limit.read(list)).await
    }

    async fn delete_index(&self, index: &str, options: CallOptions) -> Result<()> {
        let drop = self.drop_checked(index, Self::unbounded(options));
        self.run("delete_index", Some(index), options, drop).await
    }

    async fn upsert(&self, request: &UpsertRequest<'_>) -> Result<WriteResult> {
        let run = |call| async move { self.upsert_in(&call, request).await }.boxed();
        self.write("upsert", request.index, request.options, run).await
    }

    async fn get(&self, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>> {
        let run = |call| async move { self.get_in(&call, request).await }.boxed();
        self.read("get", request.index, request.options, self.total(request.options), run).await
    }

    async fn delete(&self, request: &DeleteRequest<'_>) -> Result<WriteResult> {
        let run = |call| async move { self.delete_in(&call, request).await }.boxed();
        self.write("delete", request.index, request.options, run).await
    }

    async fn delete_where(&self, request: &DeleteWhereRequest<'_>) -> Result<DeleteWhereResult> {
        let start = Instant::now();
        let run = |call| async move { self.delete_where_in(&call, request).await }.boxed();
        let call = self.on_index(request.index, self.long(request.options), run);
        let result: DeleteWhereResult =
            self.run("delete_where", Some(request.index), request.options, call).await?;
        Ok(result.elapsed(start.elapsed()))
    }

    async fn clear(&self, index: &str, options: CallOptions) -> Result<()> {
        let run = |call| async move { self.clear_in(&call).await }.boxed();
        self.run("clear", Some(index), options, self.on_index(index, self.long(options), run)).await
    }

    async fn update_metadata(&self, request: &UpdateRequest<'_>) -> Result<WriteResult> {
        let run = |call| async move { self.update_in(&call, request).await }.boxed();
        self.write("update_metadata", request.index, request.options, run).await
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchResult> {
        let start = Instant::now();
        let run = |call: Call<D::Index>| {
            async move {
                let mut result = self.search_in(&call, request).await?;
                result.elapsed = start.elapsed();
                call.index.clock.record(result.elapsed);
                Ok(result)
            }
            .boxed()
        };
        self.read("search", &request.index, request.options, self.long(request.options), run).await
    }

    async fn scan(&self, request: &ScanRequest<'_>) -> Result<ScanPage> {
        let run = |call| async move { self.scan_in(&call, request).await }.boxed();
        self.read("scan", request.index, request.options, self.long(request.options), run).await
    }

    async fn count(&self, request: &CountRequest<'_>) -> Result<u64> {
        let run = |call| async move { self.count_in(&call, request).await }.boxed();
        self.read("count", request.index, request.options, self.long(request.options), run).await
    }

    async fn stats(&self, index: &str, detail: bool, options: CallOptions) -> Result<IndexStats> {
        let run = |call| async move { self.stats_in(&call, detail).await }.boxed();
        self.read("stats", index, options, self.long(options), run).await
    }

    async fn health(&self, options: CallOptions) -> Result<Health> {
        let time = options.timeout.unwrap_or(self.profile().timeout);
        self.run("health", None, options, async { Ok(self.health_within(time).await) }).await
    }

    async fn explain(&self, request: &SearchRequest) -> Result<Explanation> {
        let run = |call| async move { self.explain_in(&call, request).await }.boxed();
        self.read("explain", &request.index, request.options, self.total(request.options), run).await
    }

    async fn optimize(&self, index: &str, options: CallOptions) -> Result<bool> {
        let limit = Self::unbounded(options);
        let run = |call: Call<D::Index>| {
            async move { call.limit.read(self.driver.optimize(call.target())).await }.boxed()
        };
        let call = async {
            if self.capability.optimize == Support::Unsupported {
                let what = format!("{} has nothing to optimize", self.profile().provider);
                return Err(Error::unsupported(what));
            }
            self.on_index(index, limit, run).await
        };
        self.run("optimize", Some(index), options, call).await
    }

    async fn flush(&self, options: CallOptions) -> Result<()> {
        let limit = self.total(options);
        let flush = async {
            self.connect(limit.deadline()).await?;
            self.driver.flush(limit.deadline()).await
        };
        self.run("flush", None, options, limit.read(flush)).await
    }

    async fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.driver.close().await.map_err(|e| self.located("close", None, e))
    }
}

/// A database's own words for a missing index, in the port's.
fn missing(error: Error, index: &str) -> Error {
    match error.kind() {
        ErrorKind::NotFound if error.index().is_none() => Error::no_index(index).with_source(error),
        _ => error,
    }
}

/// The error of a change without positions; it says where the change may have been applied.
fn unknown_if_in_doubt(error: WriteError) -> Error {
    let in_doubt = error.is_in_doubt();
    let error = error.into_error();
    if in_doubt { error.with_context("outcome", "unknown, it may have been done") } else { error }
}
