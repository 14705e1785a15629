//! Scripted faults: a driver over a driver, in which chosen calls fail, lose their answer or never end.
//!
//! ```
//! use portolan_core::{ErrorKind, driver::DriverStorage};
//! use portolan_testkit::faults::{Ability, Fault, Faults};
//! use portolan_testkit::poor::PoorDriver;
//!
//! let storage = DriverStorage::new(Faults::new(PoorDriver::new(1)));
//! storage.driver().inject(Ability::Write, 1, Fault::Refused(ErrorKind::Unavailable));
//! // The second chunk of the next upsert is refused.
//! ```

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::time::Duration;

use parking_lot::Mutex;
use portolan_core::driver::{
    Deadline, Driver, NativeId, Nearest, Neighbours, NewIndex, Opened, OverflowFilter, Page, Profile,
    Removed, Row, Sizes, Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{Error, ErrorKind, Health, MetadataPatch, Outcome, Result, Value};
use tokio::time::sleep;

/// A call of a driver that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// [`Driver::connect`].
    Connect,
    /// [`Driver::create`].
    Create,
    /// [`Driver::open`].
    Open,
    /// [`Driver::list`].
    List,
    /// [`Driver::drop_index`].
    DropIndex,
    /// [`Driver::write`].
    Write,
    /// [`Driver::fetch`].
    Fetch,
    /// [`Driver::remove`].
    Remove,
    /// [`Driver::nearest`].
    Nearest,
    /// [`Driver::page`].
    Page,
    /// [`Driver::count`].
    Count,
    /// [`Driver::remove_where`].
    RemoveWhere,
    /// [`Driver::clear`].
    Clear,
    /// [`Driver::update`].
    Update,
    /// [`Driver::await_visible`].
    AwaitVisible,
    /// [`Driver::sizes`].
    Sizes,
    /// [`Driver::estimate`].
    Estimate,
    /// [`Driver::health`].
    Health,
    /// [`Driver::optimize`].
    Optimize,
    /// [`Driver::flush`].
    Flush,
    /// [`Driver::close`].
    Close,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and an error says so.
    Refused(ErrorKind),
    /// Of a write, the items at these places surely fail; the others are done.
    RefusedItems(Vec<usize>, ErrorKind),
    /// Nothing is done, and the connection is lost before that is known.
    LostBefore,
    /// It is done, and the connection is lost before that is known.
    LostAfter,
    /// Nothing is done, and no answer comes.
    HangsBefore,
    /// It is done, and no answer comes.
    HangsAfter,
    /// It is done after a time.
    Slow(Duration),
}

/// A driver whose calls fail as scripted; see the [module](self).
#[derive(Debug)]
pub struct Faults<D> {
    inner: D,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    /// The items of each call so far.
    calls: BTreeMap<Ability, Vec<usize>>,
    faults: BTreeMap<(Ability, usize), Fault>,
}

impl<D> Faults<D> {
    /// A driver without faults as yet.
    pub fn new(inner: D) -> Self {
        Self { inner, script: Mutex::default() }
    }

    /// Lets a call fail; 0 is the next call of this ability.
    pub fn inject(&self, ability: Ability, nth: usize, fault: Fault) {
        let mut script = self.script.lock();
        let at = script.calls.get(&ability).map_or(0, Vec::len) + nth;
        script.faults.insert((ability, at), fault);
    }

    /// How many items each call of an ability has had since the last [`forget`](Self::forget); calls that are not about
    /// items have one.
    pub fn calls(&self, ability: Ability) -> Vec<usize> {
        self.script.lock().calls.get(&ability).cloned().unwrap_or_default()
    }

    /// Forgets all calls and faults.
    pub fn forget(&self) {
        *self.script.lock() = Script::default();
    }

    fn next(&self, ability: Ability, items: usize) -> Option<Fault> {
        let mut script = self.script.lock();
        let calls = script.calls.entry(ability).or_default();
        let at = calls.len();
        calls.push(items);
        script.faults.remove(&(ability, at))
    }

    async fn call<T, E: Scripted>(
        &self,
        ability: Ability,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        match self.next(ability, 1) {
            None | Some(Fault::RefusedItems(..)) => call.await,
            Some(Fault::Refused(kind)) => Err(E::refused(simulated(kind))),
            Some(Fault::LostBefore) => Err(E::lost(simulated(ErrorKind::Unavailable))),
            Some(Fault::LostAfter) => call.await.and(Err(E::lost(simulated(ErrorKind::Unavailable)))),
            Some(Fault::HangsBefore) => pending().await,
            Some(Fault::HangsAfter) => {
                let _ = call.await;
                pending().await
            }
            Some(Fault::Slow(time)) => {
                sleep(time).await;
                call.await
            }
        }
    }
}

/// An error of a read or of a change, as a fault makes it.
trait Scripted {
    fn refused(error: Error) -> Self;
    fn lost(error: Error) -> Self;
}

impl Scripted for Error {
    fn refused(error: Error) -> Self {
        error
    }

    fn lost(error: Error) -> Self {
        error
    }
}

impl Scripted for WriteError {
    fn refused(error: Error) -> Self {
        Self::NotApplied(error)
    }

    fn lost(error: Error) -> Self {
        Self::InDoubt(error)
    }
}

/// Which of the items reach the database.
fn sent<T: Clone>(fault: Option<&Fault>, items: &[T]) -> Vec<T> {
    match fault {
        None | Some(Fault::LostAfter | Fault::HangsAfter | Fault::Slow(_)) => items.to_vec(),
        Some(Fault::RefusedItems(at, _)) => {
            let kept = items.iter().enumerate().filter(|(n, _)| !at.contains(n));
            kept.map(|(_, item)| item.clone()).collect()
        }
        Some(Fault::Refused(_) | Fault::LostBefore | Fault::HangsBefore) => Vec::new(),
    }
}

/// Ends a write of some items, of which only those that reach the database are in the call.
async fn outcomes(
    fault: Option<Fault>,
    items: usize,
    call: impl Future<Output = Result<Vec<Outcome>, WriteError>> + Send,
) -> Result<Vec<Outcome>, WriteError> {
    let lost = || Err(WriteError::InDoubt(simulated(ErrorKind::Unavailable)));
    match fault {
        None => call.await,
        Some(Fault::Refused(kind)) => Err(WriteError::NotApplied(simulated(kind))),
        Some(Fault::RefusedItems(at, kind)) => {
            let mut done = if at.len() < items { call.await?.into_iter() } else { Vec::new().into_iter() };
            let refused = || Some(Outcome::Failed(simulated(kind)));
            Ok((0..items).filter_map(|n| if at.contains(&n) { refused() } else { done.next() }).collect())
        }
        Some(Fault::LostBefore) => lost(),
        Some(Fault::LostAfter) => call.await.and_then(|_| lost()),
        Some(Fault::HangsBefore) => pending().await,
        Some(Fault::HangsAfter) => {
            let _ = call.await;
            pending().await
        }
        Some(Fault::Slow(time)) => {
            sleep(time).await;
            call.await
        }
    }
}

fn simulated(kind: ErrorKind) -> Error {
    Error::new(kind, "a scripted fault")
}

impl<D: Driver> Driver for Faults<D> {
    type Index = D::Index;
    type Filter = D::Filter;

    fn profile(&self) -> &Profile {
        self.inner.profile()
    }

    fn lower(&self, target: Target<'_, D::Index>, leaf: &Leaf, negated: bool) -> Lowered<D::Filter> {
        self.inner.lower(target, leaf, negated)
    }

    fn lower_ids(&self, target: Target<'_, D::Index>, ids: &[NativeId], negated: bool) -> Lowered<D::Filter> {
        self.inner.lower_ids(target, ids, negated)
    }

    fn and(&self, parts: Vec<D::Filter>) -> D::Filter {
        self.inner.and(parts)
    }

    fn or(&self, parts: Vec<D::Filter>) -> D::Filter {
        self.inner.or(parts)
    }

    fn represents(&self, target: Target<'_, D::Index>, key: &str, value: &Value) -> bool {
        self.inner.represents(target, key, value)
    }

    fn accepts(&self, filter: &D::Filter) -> bool {
        self.inner.accepts(filter)
    }

    fn overflow(&self, target: Target<'_, D::Index>, key: &str) -> OverflowFilter {
        self.inner.overflow(target, key)
    }

    fn admits(&self, target: Target<'_, D::Index>, row: &Row) -> Result<()> {
        self.inner.admits(target, row)
    }

    fn cursor_after(&self, row: &Row) -> Option<String> {
        self.inner.cursor_after(row)
    }

    async fn connect(&self, deadline: Deadline) -> Result<()> {
        self.call(Ability::Connect, self.inner.connect(deadline)).await
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        self.call(Ability::Create, self.inner.create(new)).await
    }

    async fn open(
        &self,
        name: &str,
        before: Option<&D::Index>,
        deadline: Deadline,
    ) -> Result<Opened<D::Index>> {
        self.call(Ability::Open, self.inner.open(name, before, deadline)).await
    }

    async fn list(&self, deadline: Deadline) -> Result<Vec<String>> {
        self.call(Ability::List, self.inner.list(deadline)).await
    }

    async fn drop_index(&self, name: &str, deadline: Deadline) -> Result<(), WriteError> {
        self.call(Ability::DropIndex, self.inner.drop_index(name, deadline)).await
    }

    async fn write(&self, target: Target<'_, D::Index>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let fault = self.next(Ability::Write, rows.len());
        let sent = sent(fault.as_ref(), rows);
        outcomes(fault, rows.len(), self.inner.write(target, &sent)).await
    }

    async fn fetch(&self, target: Target<'_, D::Index>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        self.call(Ability::Fetch, self.inner.fetch(target, ids, want)).await
    }

    async fn remove(
        &self,
        target: Target<'_, D::Index>,
        ids: &[NativeId],
    ) -> Result<Vec<Outcome>, WriteError> {
        let fault = self.next(Ability::Remove, ids.len());
        let sent = sent(fault.as_ref(), ids);
        outcomes(fault, ids.len(), self.inner.remove(target, &sent)).await
    }

    async fn nearest(
        &self,
        target: Target<'_, D::Index>,
        query: &Nearest<'_, D::Filter>,
    ) -> Result<Neighbours> {
        self.call(Ability::Nearest, self.inner.nearest(target, query)).await
    }

    async fn page(
        &self,
        target: Target<'_, D::Index>,
        filter: Option<&D::Filter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        self.call(Ability::Page, self.inner.page(target, filter, cursor, limit, want)).await
    }

    async fn count(
        &self,
        target: Target<'_, D::Index>,
        filter: Option<&D::Filter>,
        with_vector: bool,
    ) -> Result<u64> {
        self.call(Ability::Count, self.inner.count(target, filter, with_vector)).await
    }

    async fn remove_where(
        &self,
        target: Target<'_, D::Index>,
        filter: &D::Filter,
    ) -> Result<Removed, WriteError> {
        self.call(Ability::RemoveWhere, self.inner.remove_where(target, filter)).await
    }

    async fn clear(&self, target: Target<'_, D::Index>) -> Result<Removed, WriteError> {
        self.call(Ability::Clear, self.inner.clear(target)).await
    }

    async fn update(
        &self,
        target: Target<'_, D::Index>,
        patches: &[(NativeId, MetadataPatch)],
    ) -> Result<Vec<Outcome>, WriteError> {
        let fault = self.next(Ability::Update, patches.len());
        let sent = sent(fault.as_ref(), patches);
        outcomes(fault, patches.len(), self.inner.update(target, &sent)).await
    }

    async fn await_visible(&self, target: Target<'_, D::Index>) -> Result<bool> {
        self.call(Ability::AwaitVisible, self.inner.await_visible(target)).await
    }

    async fn sizes(&self, target: Target<'_, D::Index>) -> Result<Sizes> {
        self.call(Ability::Sizes, self.inner.sizes(target)).await
    }

    async fn estimate(
        &self,
        target: Target<'_, D::Index>,
        filter: Option<&D::Filter>,
    ) -> Result<Option<u64>> {
        self.call(Ability::Estimate, self.inner.estimate(target, filter)).await
    }

    async fn health(&self, deadline: Deadline) -> Result<Health> {
        self.call(Ability::Health, self.inner.health(deadline)).await
    }

    async fn optimize(&self, target: Target<'_, D::Index>) -> Result<bool> {
        self.call(Ability::Optimize, self.inner.optimize(target)).await
    }

    async fn flush(&self, deadline: Deadline) -> Result<()> {
        self.call(Ability::Flush, self.inner.flush(deadline)).await
    }

    async fn close(&self) -> Result<()> {
        self.call(Ability::Close, self.inner.close()).await
    }
}
