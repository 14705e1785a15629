//! Layers: storages around a storage.
//!
//! A layer that treats every operation alike implements [`Around`] and nothing else; [`Wrapped`] makes a storage of it.
//! One that looks inside implements [`VectorStorage`] itself.

use std::fmt::Debug;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::capability::Capability;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::health::{Health, Status};
use crate::index::{IndexInfo, IndexSpec};
use crate::options::CallOptions;
use crate::record::{Batch, GetRequest, Record};
use crate::scan::{CountRequest, ScanPage, ScanRequest};
use crate::search::{SearchRequest, SearchResult};
use crate::stats::{Explanation, IndexStats};
use crate::storage::VectorStorage;
use crate::write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, MetadataUpdate, Outcome, UpdateRequest,
    UpsertRequest, WriteResult,
};

/// Puts a storage around a storage.
pub trait Layer {
    /// The storage with this layer around it. One layer is one state, shared by all storages it is put around.
    fn layer(&self, inner: Arc<dyn VectorStorage>) -> Arc<dyn VectorStorage>;
}

/// A call with its borrowed request: all that a uniform layer may look at.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Op<'a> {
    /// [`VectorStorage::create_index`].
    CreateIndex(&'a IndexSpec, CallOptions),
    /// [`VectorStorage::describe_index`].
    DescribeIndex(&'a str, CallOptions),
    /// [`VectorStorage::list_indexes`].
    ListIndexes(CallOptions),
    /// [`VectorStorage::delete_index`].
    DeleteIndex(&'a str, CallOptions),
    /// [`VectorStorage::upsert`].
    Upsert(&'a UpsertRequest<'a>),
    /// [`VectorStorage::get`].
    Get(&'a GetRequest<'a>),
    /// [`VectorStorage::delete`].
    Delete(&'a DeleteRequest<'a>),
    /// [`VectorStorage::delete_where`].
    DeleteWhere(&'a DeleteWhereRequest<'a>),
    /// [`VectorStorage::clear`].
    Clear(&'a str, CallOptions),
    /// [`VectorStorage::update_metadata`].
    UpdateMetadata(&'a UpdateRequest<'a>),
    /// [`VectorStorage::search`].
    Search(&'a SearchRequest),
    /// [`VectorStorage::scan`].
    Scan(&'a ScanRequest<'a>),
    /// [`VectorStorage::count`].
    Count(&'a CountRequest<'a>),
    /// [`VectorStorage::stats`].
    Stats(&'a str, CallOptions),
    /// [`VectorStorage::health`].
    Health(CallOptions),
    /// [`VectorStorage::explain`].
    Explain(&'a SearchRequest),
    /// [`VectorStorage::optimize`].
    Optimize(&'a str, CallOptions),
    /// [`VectorStorage::flush`].
    Flush(CallOptions),
    /// [`VectorStorage::close`].
    Close,
}

impl<'a> Op<'a> {
    /// The names of all operations.
    pub const NAMES: [&'static str; 19] = [
        "create_index",
        "describe_index",
        "list_indexes",
        "delete_index",
        "upsert",
        "get",
        "delete",
        "delete_where",
        "clear",
        "update_metadata",
        "search",
        "scan",
        "count",
        "stats",
        "health",
        "explain",
        "optimize",
        "flush",
        "close",
    ];

    /// The operation's name, as the trait spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateIndex(..) => "create_index",
            Self::DescribeIndex(..) => "describe_index",
            Self::ListIndexes(_) => "list_indexes",
            Self::DeleteIndex(..) => "delete_index",
            Self::Upsert(_) => "upsert",
            Self::Get(_) => "get",
            Self::Delete(_) => "delete",
            Self::DeleteWhere(_) => "delete_where",
            Self::Clear(..) => "clear",
            Self::UpdateMetadata(_) => "update_metadata",
            Self::Search(_) => "search",
            Self::Scan(_) => "scan",
            Self::Count(_) => "count",
            Self::Stats(..) => "stats",
            Self::Health(_) => "health",
            Self::Explain(_) => "explain",
            Self::Optimize(..) => "optimize",
            Self::Flush(_) => "flush",
            Self::Close => "close",
        }
    }

    /// The index it is about.
    pub fn index(&self) -> Option<&'a str> {
        match *self {
            Self::CreateIndex(spec, _) => Some(&spec.name),
            Self::DescribeIndex(index, _)
            | Self::DeleteIndex(index, _)
            | Self::Clear(index, _)
            | Self::Stats(index, _)
            | Self::Optimize(index, _) => Some(index),
            Self::Upsert(r) => Some(r.index),
            Self::Get(r) => Some(r.index),
            Self::Delete(r) => Some(r.index),
            Self::DeleteWhere(r) => Some(r.index),
            Self::UpdateMetadata(r) => Some(r.index),
            Self::Search(r) | Self::Explain(r) => Some(&r.index),
            Self::Scan(r) => Some(r.index),
            Self::Count(r) => Some(r.index),
            Self::ListIndexes(_) | Self::Health(_) | Self::Flush(_) | Self::Close => None,
        }
    }

    /// The number of items of a write with an outcome per item; 0 for every other operation.
    pub fn items(&self) -> usize {
        match self {
            Self::Upsert(r) => r.records.len(),
            Self::Delete(r) => r.ids.len(),
            Self::UpdateMetadata(r) => r.updates.len(),
            _ => 0,
        }
    }

    /// The options of the call.
    pub fn options(&self) -> CallOptions {
        match *self {
            Self::CreateIndex(_, options)
            | Self::DescribeIndex(_, options)
            | Self::ListIndexes(options)
            | Self::DeleteIndex(_, options)
            | Self::Clear(_, options)
            | Self::Stats(_, options)
            | Self::Health(options)
            | Self::Optimize(_, options)
            | Self::Flush(options) => options,
            Self::Upsert(r) => r.options,
            Self::Get(r) => r.options,
            Self::Delete(r) => r.options,
            Self::DeleteWhere(r) => r.options,
            Self::UpdateMetadata(r) => r.options,
            Self::Search(r) | Self::Explain(r) => r.options,
            Self::Scan(r) => r.options,
            Self::Count(r) => r.options,
            Self::Close => CallOptions::new(),
        }
    }

    /// The total time of the call: its own, or the default of its operation; `None` is no limit.
    pub fn timeout(&self) -> Option<Duration> {
        self.options().timeout.or(match self {
            Self::CreateIndex(..) | Self::DeleteIndex(..) | Self::Optimize(..) | Self::Close => None,
            _ => Some(CallOptions::DEFAULT_TIMEOUT),
        })
    }

    /// The filter of the call, where it has one.
    pub fn filter(&self) -> Option<&'a Filter> {
        match *self {
            Self::DeleteWhere(r) => Some(r.filter),
            Self::Search(r) | Self::Explain(r) => r.filter.as_ref(),
            Self::Scan(r) => r.filter,
            Self::Count(r) => r.filter,
            _ => None,
        }
    }

    /// Whether the same call may be sent again after an unknown outcome.
    pub fn is_idempotent(&self) -> bool {
        !matches!(self, Self::CreateIndex(..) | Self::DeleteIndex(..))
    }
}

/// What a uniform layer knows of an answer. The default is one without items.
pub trait Reply: Send + Sized + 'static {
    /// Positions that failed retryably or are unknown.
    fn unsettled(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Puts the answer to the items at these positions into this one.
    fn settle(&mut self, at: &[usize], part: Self) {
        let _ = (at, part);
    }

    /// The first error inside an answer that is `Ok` as a whole.
    fn error(&self) -> Option<&Error> {
        None
    }

    /// An answer in which every item ended like this, or `None` where there are no items.
    fn all_items(items: usize, outcome: Outcome) -> Option<Self> {
        let _ = (items, outcome);
        None
    }

    /// Takes an error into an answer that is `Ok` all the same, as a health check's is; false where only `Err` tells
    /// of it.
    fn tell(&mut self, error: &Error) -> bool {
        let _ = error;
        false
    }

    /// Adds time that a layer spent, where the answer says how long it took.
    fn add_elapsed(&mut self, time: Duration) {
        let _ = time;
    }
}

impl Reply for () {}
impl Reply for bool {}
impl Reply for u64 {}
impl Reply for Vec<String> {}
impl Reply for Vec<Option<Record>> {}
impl Reply for IndexInfo {}
impl Reply for IndexStats {}
impl Reply for Explanation {}
impl Reply for ScanPage {}

impl Reply for Health {
    fn tell(&mut self, error: &Error) -> bool {
        self.status = Status::Unavailable;
        self.message = Some(error.to_string());
        true
    }

    fn add_elapsed(&mut self, time: Duration) {
        self.latency_ms += time.as_secs_f64() * 1e3;
    }
}

impl Reply for SearchResult {
    fn add_elapsed(&mut self, time: Duration) {
        self.elapsed += time;
    }
}

impl Reply for DeleteWhereResult {
    fn add_elapsed(&mut self, time: Duration) {
        self.elapsed += time;
    }
}

impl Reply for WriteResult {
    fn unsettled(&self) -> Vec<usize> {
        let unsettled = |o: &Outcome| match o {
            Outcome::Stored => false,
            Outcome::Failed(e) => e.is_retryable(),
            Outcome::Unknown(_) => true,
        };
        self.items.iter().enumerate().filter(|(_, o)| unsettled(o)).map(|(at, _)| at).collect()
    }

    fn settle(&mut self, at: &[usize], part: Self) {
        for (&position, outcome) in at.iter().zip(part.items) {
            if let Some(item) = self.items.get_mut(position) {
                *item = outcome;
            }
        }
        self.visible &= part.visible;
        self.elapsed += part.elapsed;
    }

    fn error(&self) -> Option<&Error> {
        self.items.iter().find_map(Outcome::error)
    }

    fn all_items(items: usize, outcome: Outcome) -> Option<Self> {
        Some(Self::new(vec![outcome; items]))
    }

    fn add_elapsed(&mut self, time: Duration) {
        self.elapsed += time;
    }
}

/// Which items of the request to send.
#[derive(Debug, Clone, Copy)]
pub enum Part<'p> {
    /// All.
    All,
    /// Those at these positions; a request without items is sent whole.
    Items(&'p [usize]),
}

/// The rest of the stack, which may be called any number of times.
pub trait Call<T>: Sync {
    /// Sends the request, or a part of it.
    fn call<'c>(&'c self, part: Part<'c>) -> BoxFuture<'c, Result<T>>;
}

/// A layer that treats every operation alike.
pub trait Around: Debug + Send + Sync + 'static {
    /// Answers an operation, usually by calling the rest of the stack.
    fn around<T: Reply>(&self, op: Op<'_>, next: &dyn Call<T>) -> impl Future<Output = Result<T>> + Send;
}

impl<A: Around + Clone> Layer for A {
    fn layer(&self, inner: Arc<dyn VectorStorage>) -> Arc<dyn VectorStorage> {
        Arc::new(Wrapped { around: self.clone(), inner })
    }
}

/// A storage with a uniform layer around it: forwards every operation through it, once.
#[derive(Debug)]
pub struct Wrapped<A> {
    around: A,
    inner: Arc<dyn VectorStorage>,
}

impl<A> Wrapped<A> {
    /// A layer around a storage.
    pub fn new(around: A, inner: Arc<dyn VectorStorage>) -> Self {
        Self { around, inner }
    }

    /// The layer.
    pub fn around(&self) -> &A {
        &self.around
    }
}

/// A call that knows no items: any closure that makes a future.
struct Whole<'f, F>(F, PhantomData<&'f ()>);

fn whole<'f, T, F: Fn() -> BoxFuture<'f, Result<T>> + Sync>(call: F) -> Whole<'f, F> {
    Whole(call, PhantomData)
}

impl<'f, T, F: Fn() -> BoxFuture<'f, Result<T>> + Sync> Call<T> for Whole<'f, F> {
    fn call<'c>(&'c self, _: Part<'c>) -> BoxFuture<'c, Result<T>> {
        (self.0)()
    }
}

/// A write whose items can be picked.
struct Items<'a, R> {
    inner: &'a dyn VectorStorage,
    request: &'a R,
}

macro_rules! items_call {
    ($request:ident, $field:ident: $item:ty, $method:ident) => {
        impl Call<WriteResult> for Items<'_, $request<'_>> {
            fn call<'c>(&'c self, part: Part<'c>) -> BoxFuture<'c, Result<WriteResult>> {
                match part {
                    Part::All => self.inner.$method(self.request),
                    Part::Items(at) => Box::pin(async move {
                        let positions = self.request.$field.positions(at);
                        let items: Batch<'_, $item> = self.request.$field.at(&positions);
                        let part = $request { $field: items, ..self.request.clone() };
                        self.inner.$method(&part).await
                    }),
                }
            }
        }
    };
}
items_call!(UpsertRequest, records: Record, upsert);
items_call!(DeleteRequest, ids: String, delete);
items_call!(UpdateRequest, updates: MetadataUpdate, update_metadata);

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: Around> VectorStorage for Wrapped<A> {
    fn inner(&self) -> Option<&dyn VectorStorage> {
        Some(&*self.inner)
    }

    fn provider(&self) -> &str {
        self.inner.provider()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    async fn create_index(&self, spec: &IndexSpec, options: CallOptions) -> Result<()> {
        let next = whole(|| self.inner.create_index(spec, options));
        self.around.around(Op::CreateIndex(spec, options), &next).await
    }

    async fn describe_index(&self, index: &str, options: CallOptions) -> Result<IndexInfo> {
        let next = whole(|| self.inner.describe_index(index, options));
        self.around.around(Op::DescribeIndex(index, options), &next).await
    }

    async fn list_indexes(&self, options: CallOptions) -> Result<Vec<String>> {
        let next = whole(|| self.inner.list_indexes(options));
        self.around.around(Op::ListIndexes(options), &next).await
    }

    async fn delete_index(&self, index: &str, options: CallOptions) -> Result<()> {
        let next = whole(|| self.inner.delete_index(index, options));
        self.around.around(Op::DeleteIndex(index, options), &next).await
    }

    async fn upsert(&self, request: &UpsertRequest<'_>) -> Result<WriteResult> {
        let next = Items { inner: &*self.inner, request };
        self.around.around(Op::Upsert(request), &next).await
    }

    async fn get(&self, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>> {
        let next = whole(|| self.inner.get(request));
        self.around.around(Op::Get(request), &next).await
    }

    async fn delete(&self, request: &DeleteRequest<'_>) -> Result<WriteResult> {
        let next = Items { inner: &*self.inner, request };
        self.around.around(Op::Delete(request), &next).await
    }

    async fn delete_where(&self, request: &DeleteWhereRequest<'_>) -> Result<DeleteWhereResult> {
        let next = whole(|| self.inner.delete_where(request));
        self.around.around(Op::DeleteWhere(request), &next).await
    }

    async fn clear(&self, index: &str, options: CallOptions) -> Result<()> {
        let next = whole(|| self.inner.clear(index, options));
        self.around.around(Op::Clear(index, options), &next).await
    }

    async fn update_metadata(&self, request: &UpdateRequest<'_>) -> Result<WriteResult> {
        let next = Items { inner: &*self.inner, request };
        self.around.around(Op::UpdateMetadata(request), &next).await
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchResult> {
        let next = whole(|| self.inner.search(request));
        self.around.around(Op::Search(request), &next).await
    }

    async fn scan(&self, request: &ScanRequest<'_>) -> Result<ScanPage> {
        let next = whole(|| self.inner.scan(request));
        self.around.around(Op::Scan(request), &next).await
    }

    async fn count(&self, request: &CountRequest<'_>) -> Result<u64> {
        let next = whole(|| self.inner.count(request));
        self.around.around(Op::Count(request), &next).await
    }

    async fn stats(&self, index: &str, detail: bool, options: CallOptions) -> Result<IndexStats> {
        let next = whole(|| self.inner.stats(index, detail, options));
        self.around.around(Op::Stats(index, options), &next).await
    }

    async fn health(&self, options: CallOptions) -> Result<Health> {
        let next = whole(|| self.inner.health(options));
        self.around.around(Op::Health(options), &next).await
    }

    async fn explain(&self, request: &SearchRequest) -> Result<Explanation> {
        let next = whole(|| self.inner.explain(request));
        self.around.around(Op::Explain(request), &next).await
    }

    async fn optimize(&self, index: &str, options: CallOptions) -> Result<bool> {
        let next = whole(|| self.inner.optimize(index, options));
        self.around.around(Op::Optimize(index, options), &next).await
    }

    async fn flush(&self, options: CallOptions) -> Result<()> {
        let next = whole(|| self.inner.flush(options));
        self.around.around(Op::Flush(options), &next).await
    }

    async fn close(&self) -> Result<()> {
        let next = whole(|| self.inner.close());
        self.around.around(Op::Close, &next).await
    }
}
