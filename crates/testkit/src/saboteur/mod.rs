//! Saboteurs: wrappers over a right storage, or over a right driver under the engine, each of which breaks one sentence of
//! the contract.
//!
//! A suite that lets one pass does not check that sentence.

mod driver;
mod drivers;
mod filters;
mod indexes;
mod reads;
mod searches;
mod tree;
mod writes;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use portolan_core::{
    CallOptions, Capability, CountRequest, DeleteRequest, DeleteWhereRequest, DeleteWhereResult, Error,
    ErrorKind, Explanation, Filter, GetRequest, Health, IndexInfo, IndexSpec, IndexStats, MemoryStorage,
    Metadata, Outcome, Record, Result, ScanPage, ScanRequest, SearchRequest, SearchResult, UpdateRequest,
    UpsertRequest, VectorStorage, WriteResult,
};

use crate::fickle::FickleDriver;
use driver::DriverSabotage;

/// Of the fickle drivers.
const SEED: u64 = 1;

/// A way to break the contract.
#[derive(Debug, Clone, Copy)]
pub struct Saboteur {
    /// What it does.
    pub name: &'static str,
    /// The number of the sentence of the contract that it breaks.
    pub breaks: &'static str,
    /// The name of the case that must catch it, by a check that fails.
    pub caught_by: &'static str,
    sabotage: Sabotage,
}

impl Saboteur {
    /// Every saboteur.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [
            searches::SABOTEURS,
            filters::SABOTEURS,
            writes::SABOTEURS,
            reads::SABOTEURS,
            indexes::SABOTEURS,
            drivers::SABOTEURS,
        ]
        .into_iter()
        .flatten()
    }

    /// A store that is right but for this one thing.
    pub fn open(&'static self) -> Arc<dyn VectorStorage> {
        match self.sabotage {
            Sabotage::Fickle(by) => by.over(FickleDriver::new(SEED)),
            Sabotage::Numbered(by) => by.over(FickleDriver::numbered(SEED)),
            Sabotage::ChangeCapability(change) => self.over_memory(change),
            _ => self.over_memory(|_| ()),
        }
    }

    fn over_memory(&'static self, change: fn(&mut Capability)) -> Arc<dyn VectorStorage> {
        let inner = Arc::new(MemoryStorage::default());
        let mut capability = inner.capability().clone();
        change(&mut capability);
        Arc::new(Sabotaged { inner, capability, by: self })
    }
}

type Of<'a, T> = BoxFuture<'a, Result<T>>;
type Inner = dyn VectorStorage;

/// What is done differently.
#[derive(Debug, Clone, Copy)]
enum Sabotage {
    /// The capability says something else.
    ChangeCapability(fn(&mut Capability)),
    /// Every filter means something else.
    ChangeFilter(fn(&Filter, &str, &Metadata) -> bool),
    /// Another search is made.
    ChangeRequest(fn(&mut SearchRequest)),
    /// Another answer is given.
    ChangeAnswer(fn(&SearchRequest, &mut SearchResult)),
    /// Other records are stored.
    ChangeRecord(fn(&mut Record)),
    /// Another index is created.
    ChangeSpec(fn(&mut IndexSpec)),
    /// An index is described otherwise.
    ChangeInfo(fn(&mut IndexInfo)),
    /// Other indexes are listed.
    ChangeNames(fn(&mut Vec<String>)),
    /// Other statistics are given.
    ChangeStats(fn(&mut IndexStats)),
    /// Another explanation is given.
    ChangeExplanation(fn(&mut Explanation)),
    Create(for<'a> fn(&'a Inner, &'a IndexSpec, CallOptions) -> Of<'a, ()>),
    Describe(for<'a> fn(&'a Inner, &'a str, CallOptions) -> Of<'a, IndexInfo>),
    DropIndex(for<'a> fn(&'a Inner, &'a str, CallOptions) -> Of<'a, ()>),
    Upsert(for<'a> fn(&'a Inner, &'a UpsertRequest<'a>) -> Of<'a, WriteResult>),
    Get(for<'a> fn(&'a Inner, &'a GetRequest<'a>) -> Of<'a, Vec<Option<Record>>>),
    Delete(for<'a> fn(&'a Inner, &'a DeleteRequest<'a>) -> Of<'a, WriteResult>),
    DeleteWhere(for<'a> fn(&'a Inner, &'a DeleteWhereRequest<'a>) -> Of<'a, DeleteWhereResult>),
    Clear(for<'a> fn(&'a Inner, &'a str, CallOptions) -> Of<'a, ()>),
    Update(for<'a> fn(&'a Inner, &'a UpdateRequest<'a>) -> Of<'a, WriteResult>),
    Search(for<'a> fn(&'a Inner, &'a SearchRequest) -> Of<'a, SearchResult>),
    Scan(for<'a> fn(&'a Inner, &'a ScanRequest<'a>) -> Of<'a, ScanPage>),
    Count(for<'a> fn(&'a Inner, &'a CountRequest<'a>) -> Of<'a, u64>),
    Stats(for<'a> fn(&'a Inner, &'a str, bool, CallOptions) -> Of<'a, IndexStats>),
    Health(for<'a> fn(&'a Inner, CallOptions) -> Of<'a, Health>),
    Explain(for<'a> fn(&'a Inner, &'a SearchRequest) -> Of<'a, Explanation>),
    Optimize(for<'a> fn(&'a Inner, &'a str, CallOptions) -> Of<'a, bool>),
    Flush(for<'a> fn(&'a Inner, CallOptions) -> Of<'a, ()>),
    Close(for<'a> fn(&'a Inner) -> Of<'a, ()>),
    /// The engine over a fickle driver that does something else.
    Fickle(DriverSabotage),
    /// The engine over a fickle driver of integer ids that does something else.
    Numbered(DriverSabotage),
}

/// The table of a file's saboteurs: the sentence that one breaks and the case that must catch it; what is done, and how.
macro_rules! saboteurs {
    ($([$sentence:ident by $case:literal] $name:literal => $kind:ident($sabotage:expr);)*) => {
        pub(super) const SABOTEURS: &[$crate::saboteur::Saboteur] = &[$($crate::saboteur::Saboteur {
            name: $name,
            breaks: stringify!($sentence),
            caught_by: $case,
            sabotage: $crate::saboteur::Sabotage::$kind($sabotage),
        }),*];
    };
}
use saboteurs;

/// A storage with a saboteur around it.
#[derive(Debug)]
struct Sabotaged {
    inner: Arc<dyn VectorStorage>,
    capability: Capability,
    by: &'static Saboteur,
}

impl Sabotaged {
    /// The filter of the records that this one is said to mean; absent where filters mean what they should.
    async fn meant(&self, index: &str, filter: Option<&Filter>) -> Result<Option<Filter>> {
        let (Sabotage::ChangeFilter(meets), Some(filter)) = (self.by.sabotage, filter) else {
            return Ok(None);
        };
        filter.validate()?;
        let mut ids = Vec::new();
        let mut cursor = None;
        loop {
            let request = ScanRequest::new(index).page_size(10_000).cursor(cursor.as_ref());
            let page = self.inner.scan(&request).await?;
            ids.extend(page.records.into_iter().filter(|r| meets(filter, &r.id, &r.metadata)).map(|r| r.id));
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(Some(Filter::Id(ids)));
            }
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl VectorStorage for Sabotaged {
    fn inner(&self) -> Option<&dyn VectorStorage> {
        None
    }

    fn provider(&self) -> &str {
        self.inner.provider()
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_index(&self, spec: &IndexSpec, options: CallOptions) -> Result<()> {
        match self.by.sabotage {
            Sabotage::Create(create) => create(&*self.inner, spec, options).await,
            Sabotage::ChangeSpec(change) => {
                let mut spec = spec.clone();
                change(&mut spec);
                self.inner.create_index(&spec, options).await
            }
            _ => self.inner.create_index(spec, options).await,
        }
    }

    async fn describe_index(&self, index: &str, options: CallOptions) -> Result<IndexInfo> {
        match self.by.sabotage {
            Sabotage::Describe(describe) => describe(&*self.inner, index, options).await,
            Sabotage::ChangeInfo(change) => changed(self.inner.describe_index(index, options).await, change),
            _ => self.inner.describe_index(index, options).await,
        }
    }

    async fn list_indexes(&self, options: CallOptions) -> Result<Vec<String>> {
        match self.by.sabotage {
            Sabotage::ChangeNames(change) => changed(self.inner.list_indexes(options).await, change),
            _ => self.inner.list_indexes(options).await,
        }
    }

    async fn delete_index(&self, index: &str, options: CallOptions) -> Result<()> {
        match self.by.sabotage {
            Sabotage::DropIndex(delete) => delete(&*self.inner, index, options).await,
            _ => self.inner.delete_index(index, options).await,
        }
    }

    async fn upsert(&self, request: &UpsertRequest<'_>) -> Result<WriteResult> {
        match self.by.sabotage {
            Sabotage::Upsert(upsert) => upsert(&*self.inner, request).await,
            Sabotage::ChangeRecord(change) => {
                let mut records: Vec<Record> = request.records.iter().cloned().collect();
                records.iter_mut().for_each(change);
                let mut changed = UpsertRequest::new(request.index, &records);
                (changed.visibility, changed.options) = (request.visibility, request.options);
                self.inner.upsert(&changed).await
            }
            _ => self.inner.upsert(request).await,
        }
    }

    async fn get(&self, request: &GetRequest<'_>) -> Result<Vec<Option<Record>>> {
        match self.by.sabotage {
            Sabotage::Get(get) => get(&*self.inner, request).await,
            _ => self.inner.get(request).await,
        }
    }

    async fn delete(&self, request: &DeleteRequest<'_>) -> Result<WriteResult> {
        match self.by.sabotage {
            Sabotage::Delete(delete) => delete(&*self.inner, request).await,
            _ => self.inner.delete(request).await,
        }
    }

    async fn delete_where(&self, request: &DeleteWhereRequest<'_>) -> Result<DeleteWhereResult> {
        if let Sabotage::DeleteWhere(delete) = self.by.sabotage {
            return delete(&*self.inner, request).await;
        }
        match self.meant(request.index, Some(request.filter)).await? {
            Some(meant) if !request.filter.clone().fold().is_all() => {
                self.inner.delete_where(&DeleteWhereRequest::new(request.index, &meant)).await
            }
            _ => self.inner.delete_where(request).await,
        }
    }

    async fn clear(&self, index: &str, options: CallOptions) -> Result<()> {
        match self.by.sabotage {
            Sabotage::Clear(clear) => clear(&*self.inner, index, options).await,
            _ => self.inner.clear(index, options).await,
        }
    }

    async fn update_metadata(&self, request: &UpdateRequest<'_>) -> Result<WriteResult> {
        match self.by.sabotage {
            Sabotage::Update(update) => update(&*self.inner, request).await,
            _ => self.inner.update_metadata(request).await,
        }
    }

    async fn search(&self, request: &SearchRequest) -> Result<SearchResult> {
        match self.by.sabotage {
            Sabotage::Search(search) => search(&*self.inner, request).await,
            Sabotage::ChangeRequest(change) => {
                let mut asked = request.clone();
                change(&mut asked);
                self.inner.search(&asked).await
            }
            Sabotage::ChangeAnswer(change) => {
                changed(self.inner.search(request).await, |found| change(request, found))
            }
            _ => match self.meant(&request.index, request.filter.as_ref()).await? {
                Some(meant) => self.inner.search(&request.clone().filter(meant)).await,
                None => self.inner.search(request).await,
            },
        }
    }

    async fn scan(&self, request: &ScanRequest<'_>) -> Result<ScanPage> {
        if let Sabotage::Scan(scan) = self.by.sabotage {
            return scan(&*self.inner, request).await;
        }
        match self.meant(request.index, request.filter).await? {
            Some(meant) => self.inner.scan(&request.clone().filter(Some(&meant))).await,
            None => self.inner.scan(request).await,
        }
    }

    async fn count(&self, request: &CountRequest<'_>) -> Result<u64> {
        if let Sabotage::Count(count) = self.by.sabotage {
            return count(&*self.inner, request).await;
        }
        match self.meant(request.index, request.filter).await? {
            Some(meant) => self.inner.count(&request.clone().filter(Some(&meant))).await,
            None => self.inner.count(request).await,
        }
    }

    async fn stats(&self, index: &str, detail: bool, options: CallOptions) -> Result<IndexStats> {
        match self.by.sabotage {
            Sabotage::Stats(stats) => stats(&*self.inner, index, detail, options).await,
            Sabotage::ChangeStats(change) => changed(self.inner.stats(index, detail, options).await, change),
            _ => self.inner.stats(index, detail, options).await,
        }
    }

    async fn health(&self, options: CallOptions) -> Result<Health> {
        match self.by.sabotage {
            Sabotage::Health(health) => health(&*self.inner, options).await,
            _ => self.inner.health(options).await,
        }
    }

    async fn explain(&self, request: &SearchRequest) -> Result<Explanation> {
        match self.by.sabotage {
            Sabotage::Explain(explain) => explain(&*self.inner, request).await,
            Sabotage::ChangeExplanation(change) => changed(self.inner.explain(request).await, change),
            _ => self.inner.explain(request).await,
        }
    }

    async fn optimize(&self, index: &str, options: CallOptions) -> Result<bool> {
        match self.by.sabotage {
            Sabotage::Optimize(optimize) => optimize(&*self.inner, index, options).await,
            _ => self.inner.optimize(index, options).await,
        }
    }

    async fn flush(&self, options: CallOptions) -> Result<()> {
        match self.by.sabotage {
            Sabotage::Flush(flush) => flush(&*self.inner, options).await,
            _ => self.inner.flush(options).await,
        }
    }

    async fn close(&self) -> Result<()> {
        match self.by.sabotage {
            Sabotage::Close(close) => close(&*self.inner).await,
            _ => self.inner.close().await,
        }
    }
}

/// An answer with something in it changed.
fn changed<T>(answer: Result<T>, change: impl FnOnce(&mut T)) -> Result<T> {
    answer.map(|mut answer| {
        change(&mut answer);
        answer
    })
}

/// An answer, or another one where the index is missing.
fn or_where_missing<T>(answer: Result<T>, other: impl FnOnce() -> T) -> Result<T> {
    or_where(answer, |e| e.kind() == ErrorKind::NotFound, other)
}

/// An answer, or another one where an item of the request is refused as invalid.
fn or_where_invalid<T>(answer: Result<T>, other: impl FnOnce() -> T) -> Result<T> {
    or_where(answer, |e| e.kind() == ErrorKind::InvalidArgument && e.position().is_some(), other)
}

fn or_where<T>(answer: Result<T>, wrong: fn(&Error) -> bool, other: impl FnOnce() -> T) -> Result<T> {
    match answer {
        Err(e) if wrong(&e) => Ok(other()),
        answer => answer,
    }
}

/// What a write answers of which every item is stored.
fn all_stored(items: usize) -> WriteResult {
    WriteResult::new(vec![Outcome::Stored; items])
}
