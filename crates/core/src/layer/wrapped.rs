//! A storage made of a storage and a uniform layer.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::around::{Around, Call, Part};
use super::op::Op;
use crate::capability::Capability;
use crate::error::Result;
use crate::health::Health;
use crate::index::{IndexInfo, IndexSpec};
use crate::options::CallOptions;
use crate::record::{Batch, GetRequest, Record};
use crate::scan::{CountRequest, ScanPage, ScanRequest};
use crate::search::{SearchRequest, SearchResult};
use crate::stats::{Explanation, IndexStats};
use crate::storage::VectorStorage;
use crate::write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, MetadataUpdate, UpdateRequest, UpsertRequest,
    WriteResult,
};

/// Puts a storage around a storage.
pub trait Layer {
    /// The storage with this layer around it. All storages wrapped by the same layer value share its state.
    fn layer(&self, inner: Arc<dyn VectorStorage>) -> Arc<dyn VectorStorage>;
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

/// A call without items: any closure that makes a future.
struct Forward<'f, F>(F, PhantomData<&'f ()>);

fn forward<'f, T, F: Fn() -> BoxFuture<'f, Result<T>> + Sync>(call: F) -> Forward<'f, F> {
    Forward(call, PhantomData)
}

impl<'f, T, F: Fn() -> BoxFuture<'f, Result<T>> + Sync> Call<T> for Forward<'f, F> {
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
        let next = forward(|| self.inner.create_index(spec, options));
        self.around.around(Op::CreateIndex(spec, options), &next).await
    }

    async fn describe_index(&self, index: &str, options: CallOptions) -> Result<IndexInfo> {
        let next = forward(|| self.inner.describe_index(index, options));
        self.around.around(Op::DescribeIndex(index, options), &next).await
    }

    async fn list_indexes(&self, options: CallOptions) -> Result<Vec<String>> {
        let next = forward(|| self.inner.list_indexes(options));
        self.around.around(Op::ListIndexes(options), &next).await
    }

    async fn delete_index(&self, index: &str, options: CallOptions) -> Result<()> {
        let next = forward(|| self.inner.delete_index(index, options));
        self.around.around(Op::DeleteIndex(index, options), &next).await
    }

    async fn upsert(&self, request: &UpsertRequest<'_>) -> Result<WriteResult> {
        let next = Items { inner: &*self.inner, request };
        self.around.around(Op::Upsert(request), &next).await
    }

    async fn get(&self, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>> {
        let next = forward(|| self.inner.get(request));
        self.around.around(Op::Get(request), &next).await
    }

    async fn delete(&self, request: &DeleteRequest<'_>) -> Result<WriteResult> {
        let next = Items { inner: &*self.inner, request };
        self.around.around(Op::Delete(request), &next).await
    }

    async fn delete_where(&self, request: &DeleteWhereRequest<'_>) -> Result<DeleteWhereResult> {
        let next = forward(|| self.inner.delete_where(request));
        self.around.around(Op::DeleteWhere(request), &next).await
    }

    async fn clear(&self, index: &str, options: CallOptions) -> Result<()> {
        let next = forward(|| self.inner.clear(index, options));
        self.around.around(Op::Clear(index, options), &next).await
    }

    async fn update_metadata(&self, request: &UpdateRequest<'_>) -> Result<WriteResult> {
        let next = Items { inner: &*self.inner, request };
        self.around.around(Op::UpdateMetadata(request), &next).await
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchResult> {
        let next = forward(|| self.inner.search(request));
        self.around.around(Op::Search(request), &next).await
    }

    async fn scan(&self, request: &ScanRequest<'_>) -> Result<ScanPage> {
        let next = forward(|| self.inner.scan(request));
        self.around.around(Op::Scan(request), &next).await
    }

    async fn count(&self, request: &CountRequest<'_>) -> Result<u64> {
        let next = forward(|| self.inner.count(request));
        self.around.around(Op::Count(request), &next).await
    }

    async fn stats(&self, index: &str, detail: bool, options: CallOptions) -> Result<IndexStats> {
        let next = forward(|| self.inner.stats(index, detail, options));
        self.around.around(Op::Stats(index, options), &next).await
    }

    async fn health(&self, options: CallOptions) -> Result<Health> {
        let next = forward(|| self.inner.health(options));
        self.around.around(Op::Health(options), &next).await
    }

    async fn explain(&self, request: &SearchRequest) -> Result<Explanation> {
        let next = forward(|| self.inner.explain(request));
        self.around.around(Op::Explain(request), &next).await
    }

    async fn optimize(&self, index: &str, options: CallOptions) -> Result<bool> {
        let next = forward(|| self.inner.optimize(index, options));
        self.around.around(Op::Optimize(index, options), &next).await
    }

    async fn flush(&self, options: CallOptions) -> Result<()> {
        let next = forward(|| self.inner.flush(options));
        self.around.around(Op::Flush(options), &next).await
    }

    async fn close(&self) -> Result<()> {
        let next = forward(|| self.inner.close());
        self.around.around(Op::Close, &next).await
    }
}
