//! The engine: keeps the contract over any driver.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::RwLock;
use tokio::time::{Instant, timeout, timeout_at};

use super::locks::Locks;
use super::pages::Scans;
use super::{Driver, ExactSearch, Paging, Profile, Target, Want, aside, push};
use crate::capability::{Capability, Support};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Condition, Filter, Leaf};
use crate::health::{Health, Status};
use crate::index::{IndexInfo, IndexSpec, Metric};
use crate::metadata::Metadata;
use crate::options::CallOptions;
use crate::query_clock::QueryClock;
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
/// Specs of indexes are asked for once and cached; an answer that shows one to be outdated drops it, and the call is
/// checked and tried once more.
#[derive(Debug)]
pub struct DriverStorage<D> {
    driver: D,
    capability: Capability,
    indexes: RwLock<HashMap<String, Arc<Opened>>>,
    locks: Locks,
    scans: Scans,
    nonce: String,
    closed: AtomicBool,
}

/// An index whose spec is known.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) native: String,
    info: IndexInfo,
    clock: Arc<QueryClock>,
    reused: AtomicBool,
}

impl Opened {
    pub(super) fn spec(&self) -> &IndexSpec {
        &self.info.spec
    }

    pub(super) fn target(&self) -> Target<'_> {
        Target { name: &self.native, spec: &self.info.spec }
    }

    /// Whether an error may come from this spec having been cached.
    fn may_be_outdated(&self, error: &Error) -> bool {
        let shows = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DimensionMismatch);
        shows && self.reused.load(Ordering::Relaxed)
    }
}

impl<D: Driver> DriverStorage<D> {
    /// The port over a driver.
    pub fn new(driver: D) -> Self {
        let capability = capability(&driver);
        Self {
            driver,
            capability,
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

    /// The index of a portable or native name, from the cache or the database.
    async fn opened(&self, index: &str) -> Result<Arc<Opened>> {
        if let Some(opened) = self.indexes.read().get(index) {
            opened.reused.store(true, Ordering::Relaxed);
            return Ok(Arc::clone(opened));
        }
        self.open_anew(index).await
    }

    /// The index from the database; what this handle has measured of it stays.
    async fn open_anew(&self, index: &str) -> Result<Arc<Opened>> {
        let native = self.profile().names.to_native(index)?;
        let answer = self.driver.open(&native).await.map_err(|e| missing(e, index));
        let mut indexes = self.indexes.write();
        let before = indexes.remove(index);
        let mut info = answer?;
        info.spec.name = self.profile().names.to_port(&native);
        let clock = before.map(|opened| Arc::clone(&opened.clock)).unwrap_or_default();
        let opened = Arc::new(Opened { native, info, clock, reused: AtomicBool::new(false) });
        indexes.insert(index.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }

    /// Runs a call within its time, and says where an error happened.
    async fn run<T>(
        &self,
        operation: &'static str,
        index: Option<&str>,
        limit: Option<Duration>,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let answer = if self.closed.load(Ordering::Acquire) {
            Err(Error::invalid("the storage is closed"))
        } else if let Some(limit) = limit {
            timeout(limit, call).await.unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Timeout,
                    format!("no answer within {limit:?}; allow more with timeout"),
                ))
            })
        } else {
            call.await
        };
        answer.map_err(|e| self.at_seam(operation, index, e))
    }

    fn at_seam(&self, operation: &'static str, index: Option<&str>, e: Error) -> Error {
        let e = e.with_operation(operation).with_provider(self.profile().provider);
        match index {
            Some(index) => e.with_index(index),
            None => e,
        }
    }

    async fn get_in(&self, at: &Opened, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>> {
        request.options.validate()?;
        for (n, id) in request.ids.iter().enumerate() {
            validate::id(id, &self.profile().limits).map_err(|e| e.with_position(n))?;
        }
        let plain = self.profile().ids.is_plain();
        let want = Want { vectors: request.include_vectors, metadata: request.include_metadata, own: !plain };
        let mut natives: Vec<String> =
            request.ids.iter().flat_map(|id| self.profile().ids.forms(id)).collect();
        let asked = natives.len();
        natives.sort_unstable();
        natives.dedup();
        let repeated = natives.len() < asked;
        let mut records: HashMap<String, Record> = HashMap::with_capacity(natives.len());
        for row in self.fetch_rows(at, &natives, want).await? {
            let native = row.id.clone();
            let mut record = aside::decode(row)?;
            if !request.include_metadata {
                record.metadata = Metadata::new();
            }
            let id = record.id.clone();
            if records.insert(id.clone(), record).is_some() {
                return Err(super::write::collision(
                    &id,
                    &format!("it stands for two records, one of them {native}"),
                ));
            }
        }
        let mut taken = |id: &String| if repeated { records.get(id).cloned() } else { records.remove(id) };
        Ok(request.ids.iter().map(&mut taken).collect())
    }

    async fn stats_in(&self, at: &Opened, detail: bool) -> Result<IndexStats> {
        let budget = u64::MAX;
        let spec = at.spec();
        let vectors = self.count_matching(at, &Filter::all(), false, budget).await?;
        let mut stats = IndexStats::new(spec.name.as_str(), vectors, spec.dimension, spec.metric);
        stats.created_at = at.info.created_at.clone();
        if self.profile().sizes {
            let sizes = self.driver.sizes(at.target()).await?;
            stats.disk_bytes = sizes.disk_bytes;
            stats.memory_bytes = sizes.memory_bytes;
            stats.updated_at = sizes.updated_at;
        }
        if detail {
            self.count_all_fields(at, &mut stats).await?;
        } else {
            for key in spec.fields.keys() {
                let exists = Filter::Leaf(Leaf { key: key.clone(), condition: Condition::Exists });
                stats.fields.insert(key.clone(), self.count_matching(at, &exists, false, budget).await?);
            }
        }
        at.clock.fill(&mut stats);
        Ok(stats)
    }

    async fn count_all_fields(&self, at: &Opened, stats: &mut IndexStats) -> Result<()> {
        let pushed = push::push_to_pages(&self.driver, at.spec(), &Filter::all());
        let want = Want { vectors: false, ..Want::ALL };
        let fields = &mut stats.fields;
        fields.extend(at.spec().fields.keys().map(|key| (key.clone(), 0)));
        self.each_record(at, &pushed, want, u64::MAX, |record| {
            for (key, _) in record.metadata.iter() {
                match fields.get_mut(key) {
                    Some(count) => *count += 1,
                    None => drop(fields.insert(key.to_owned(), 1)),
                }
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    async fn create_checked(&self, spec: &IndexSpec, options: CallOptions) -> Result<()> {
        options.validate()?;
        validate::spec(spec, &self.capability)?;
        validate::options(spec, self.profile().options)?;
        let native = self.profile().names.to_native(&spec.name)?;
        let create = self.driver.create(Target { name: &native, spec });
        let bound = options.timeout.unwrap_or(self.profile().create_bound);
        let created = timeout(bound, create).await.unwrap_or_else(|_| {
            let kind = if options.timeout.is_some() { ErrorKind::Timeout } else { ErrorKind::NotReady };
            Err(Error::new(kind, format!("the index is not ready after {bound:?}; ensure_index waits on")))
        });
        self.indexes.write().remove(&spec.name);
        created
    }

    async fn health_checked(&self) -> Health {
        let start = Instant::now();
        match self.driver.health().await {
            Ok(health) => health.latency(start.elapsed()),
            Err(e) => {
                let mut health =
                    Health::new(self.profile().provider, Status::Unavailable).latency(start.elapsed());
                health.message = Some(e.to_string());
                health
            }
        }
    }
}

/// Runs a call on an index, and once more where the error may come from a cached spec that is outdated.
macro_rules! with_index {
    ($self:ident, $index:expr, $deadline:expr, $at:ident => $call:expr) => {{
        let $at = &*by_deadline($deadline, $self.opened($index)).await?;
        let answer = match $call.await {
            Err(e) if $at.may_be_outdated(&e) => {
                let $at = &*by_deadline($deadline, $self.open_anew($index)).await?;
                $call.await
            }
            answer => answer,
        };
        answer.map_err(|e| missing(e, $index))
    }};
    ($self:ident, $index:expr, $at:ident => $call:expr) => {
        with_index!($self, $index, None, $at => $call)
    };
}

/// A write: its time is kept per chunk, so that what was not sent is told from what was.
macro_rules! write_call {
    ($self:ident, $operation:literal, $request:ident, $method:ident) => {{
        let start = Instant::now();
        let deadline = Some(start + $request.options.timeout.unwrap_or(CallOptions::DEFAULT_TIMEOUT));
        let call = async {
            with_index!($self, $request.index, deadline, at => $self.$method(at, $request, deadline))
        };
        let mut result = $self.run($operation, Some($request.index), None, call).await?;
        for outcome in &mut result.items {
            if let Outcome::Failed(e) | Outcome::Unknown(e) = outcome {
                *e = $self.at_seam($operation, Some($request.index), e.clone());
            }
        }
        Ok(result.elapsed(start.elapsed()))
    }};
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
        self.run("create_index", Some(&spec.name), None, self.create_checked(spec, options)).await
    }

    async fn describe_index(&self, index: &str, options: CallOptions) -> Result<IndexInfo> {
        let call = async {
            options.validate()?;
            Ok(self.open_anew(index).await?.info.clone())
        };
        self.run("describe_index", Some(index), read_limit(options), call).await
    }

    async fn list_indexes(&self, options: CallOptions) -> Result<Vec<String>> {
        let call = async {
            options.validate()?;
            let mut names: Vec<String> =
                self.driver.list().await?.iter().map(|native| self.profile().names.to_port(native)).collect();
            names.sort_unstable();
            Ok(names)
        };
        self.run("list_indexes", None, read_limit(options), call).await
    }

    async fn delete_index(&self, index: &str, options: CallOptions) -> Result<()> {
        let call = async {
            options.validate()?;
            let native = self.profile().names.to_native(index)?;
            let dropped = self.driver.drop_index(&native).await.map_err(|e| missing(e, index));
            self.indexes.write().remove(index);
            dropped
        };
        self.run("delete_index", Some(index), options.timeout, call).await
    }

    async fn upsert(&self, request: &UpsertRequest<'_>) -> Result<WriteResult> {
        write_call!(self, "upsert", request, upsert_in)
    }

    async fn get(&self, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>> {
        let call = async { with_index!(self, request.index, at => self.get_in(at, request)) };
        self.run("get", Some(request.index), read_limit(request.options), call).await
    }

    async fn delete(&self, request: &DeleteRequest<'_>) -> Result<WriteResult> {
        write_call!(self, "delete", request, delete_in)
    }

    async fn delete_where(&self, request: &DeleteWhereRequest<'_>) -> Result<DeleteWhereResult> {
        let start = Instant::now();
        let call = async { with_index!(self, request.index, at => self.delete_where_in(at, request)) };
        let result = self.run("delete_where", Some(request.index), read_limit(request.options), call).await?;
        Ok(result.elapsed(start.elapsed()))
    }

    async fn clear(&self, index: &str, options: CallOptions) -> Result<()> {
        let call = async {
            options.validate()?;
            with_index!(self, index, at => self.clear_in(at))
        };
        self.run("clear", Some(index), read_limit(options), call).await
    }

    async fn update_metadata(&self, request: &UpdateRequest<'_>) -> Result<WriteResult> {
        write_call!(self, "update_metadata", request, update_in)
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchResult> {
        let start = Instant::now();
        let call = async { with_index!(self, &request.index, at => self.timed_search(at, request, start)) };
        self.run("search", Some(&request.index), read_limit(request.options), call).await
    }

    async fn scan(&self, request: &ScanRequest<'_>) -> Result<ScanPage> {
        let call = async { with_index!(self, request.index, at => self.scan_in(at, request)) };
        self.run("scan", Some(request.index), read_limit(request.options), call).await
    }

    async fn count(&self, request: &CountRequest<'_>) -> Result<u64> {
        let call = async { with_index!(self, request.index, at => self.count_in(at, request)) };
        self.run("count", Some(request.index), read_limit(request.options), call).await
    }

    async fn stats(&self, index: &str, detail: bool, options: CallOptions) -> Result<IndexStats> {
        let call = async {
            options.validate()?;
            with_index!(self, index, at => self.stats_in(at, detail))
        };
        self.run("stats", Some(index), read_limit(options), call).await
    }

    async fn health(&self, options: CallOptions) -> Result<Health> {
        let limit = options.timeout.unwrap_or(CallOptions::DEFAULT_TIMEOUT);
        let call = async {
            options.validate()?;
            Ok(timeout(limit, self.health_checked()).await.unwrap_or_else(|_| {
                let mut health = Health::new(self.profile().provider, Status::Unavailable).latency(limit);
                health.message = Some(format!("no answer within {limit:?}"));
                health
            }))
        };
        self.run("health", None, None, call).await
    }

    async fn explain(&self, request: &SearchRequest) -> Result<Explanation> {
        let call = async { with_index!(self, &request.index, at => self.explain_in(at, request)) };
        self.run("explain", Some(&request.index), read_limit(request.options), call).await
    }

    async fn optimize(&self, index: &str, options: CallOptions) -> Result<bool> {
        let call = async {
            options.validate()?;
            if self.capability.optimize == Support::Unsupported {
                return Err(Error::unsupported(format!(
                    "{} has nothing to optimize",
                    self.profile().provider
                )));
            }
            with_index!(self, index, at => self.driver.optimize(at.target()))
        };
        self.run("optimize", Some(index), options.timeout, call).await
    }

    async fn flush(&self, options: CallOptions) -> Result<()> {
        let call = async {
            options.validate()?;
            self.driver.flush().await
        };
        self.run("flush", None, read_limit(options), call).await
    }

    async fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.driver
            .close()
            .await
            .map_err(|e| e.with_operation("close").with_provider(self.profile().provider))
    }
}

impl<D: Driver> DriverStorage<D> {
    async fn timed_search(
        &self,
        at: &Opened,
        request: &SearchRequest,
        start: Instant,
    ) -> Result<SearchResult> {
        let mut result = self.search_in(at, request).await?;
        result.elapsed = start.elapsed();
        at.clock.record(result.elapsed);
        Ok(result)
    }
}

/// Bounds what comes before anything is written.
pub(super) async fn by_deadline<T>(
    deadline: Option<Instant>,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    match deadline {
        None => call.await,
        Some(end) => timeout_at(end, call).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "the time ran out before anything was written"))
        }),
    }
}

fn read_limit(options: CallOptions) -> Option<Duration> {
    Some(options.timeout.unwrap_or(CallOptions::DEFAULT_TIMEOUT))
}

/// A database's own words for a missing index, in the port's.
fn missing(error: Error, index: &str) -> Error {
    match error.kind() {
        ErrorKind::NotFound if error.index().is_none() => Error::no_index(index).with_source(error),
        _ => error,
    }
}

/// What the engine makes of a driver's abilities.
fn capability<D: Driver>(driver: &D) -> Capability {
    let profile = driver.profile();
    let native = |yes: bool| if yes { Support::Native } else { Support::Emulated };
    let or_not = |yes: bool| if yes { Support::Native } else { Support::Unsupported };
    let mut limits = profile.limits.clone();
    if profile.scans {
        limits.window = None;
    }
    Capability {
        cosine: or_not(profile.metrics.contains(&Metric::Cosine)),
        dot_product: or_not(profile.metrics.contains(&Metric::DotProduct)),
        euclidean: or_not(profile.metrics.contains(&Metric::Euclidean)),
        manhattan: or_not(profile.metrics.contains(&Metric::Manhattan)),
        exact: match profile.exact {
            ExactSearch::Always | ExactSearch::OnRequest => Support::Native,
            ExactSearch::Never if profile.scans => Support::Emulated,
            ExactSearch::Never => Support::Unsupported,
        },
        filter: push::filter_support(driver),
        scan: native(profile.paging == Paging::Stable),
        count: native(profile.count && profile.count_where),
        delete_where: native(profile.remove_where),
        update_metadata: native(profile.update),
        offset: Support::Emulated,
        total_matches: native(profile.count && profile.count_where),
        deduplicate: Support::Emulated,
        sizes: or_not(profile.sizes),
        optimize: or_not(profile.optimize),
        vectors: profile.vectors,
        batch: profile.batch,
        update_isolated: profile.update_isolated,
        durable: profile.durable,
        limits,
    }
}
