//! A driver that does one thing otherwise, under the right engine.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use portolan_core::driver::{
    Deadline, Driver, DriverStorage, NativeId, Nearest, Neighbours, NewIndex, Opened, OverflowFilter, Page,
    Profile, Removed, Row, Sizes, Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{Health, IndexInfo, Outcome, Result, Value, VectorStorage};

use crate::fickle::{FickleDriver, Native};

/// What a driver does otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) enum DriverSabotage {
    /// It answers leaves by other filters; `negated` as in [`Driver::lower`].
    Lower(fn(&Leaf, bool) -> Option<Lowered<Native>>),
    /// An index is opened as it was under this name at first.
    FirstOpening,
    /// Other rows are written, and all are told to be stored.
    Write(fn(&mut Vec<Row>)),
    /// Other rows are removed, and all are told to be gone.
    Remove(fn(&mut Vec<NativeId>)),
    /// Other rows are read by id.
    Fetch(fn(&mut Vec<Row>)),
    /// Another search is made.
    Query(fn(&mut Nearest<'_, Native>)),
    /// Other rows are nearest.
    Nearest(fn(&Nearest<'_, Native>, &mut Neighbours)),
    /// Other rows are on a page.
    Page(fn(&mut Page)),
    /// Another number is counted.
    Count(fn(&mut u64)),
}

impl DriverSabotage {
    /// The port over the driver, sabotaged.
    pub(super) fn over(self, inner: FickleDriver) -> Arc<dyn VectorStorage> {
        Arc::new(DriverStorage::new(SabotagedDriver { inner, by: self, opened: Mutex::default() }))
    }
}

#[derive(Debug)]
struct SabotagedDriver {
    inner: FickleDriver,
    by: DriverSabotage,
    /// What each index was at first.
    opened: Mutex<HashMap<String, IndexInfo>>,
}

impl Driver for SabotagedDriver {
    type Index = ();
    type Filter = Native;

    fn profile(&self) -> &Profile {
        self.inner.profile()
    }

    /// Where filters are sabotaged, all others are exact.
    fn lower(&self, target: Target<'_, ()>, leaf: &Leaf, negated: bool) -> Lowered<Native> {
        let exact = || Lowered::Exact(Native::Leaf(leaf.clone(), negated));
        match self.by {
            DriverSabotage::Lower(lower) => lower(leaf, negated).unwrap_or_else(exact),
            DriverSabotage::Query(_) => exact(),
            _ => self.inner.lower(target, leaf, negated),
        }
    }

    fn lower_ids(&self, target: Target<'_, ()>, ids: &[NativeId], negated: bool) -> Lowered<Native> {
        self.inner.lower_ids(target, ids, negated)
    }

    fn and(&self, parts: Vec<Native>) -> Native {
        self.inner.and(parts)
    }

    fn or(&self, parts: Vec<Native>) -> Native {
        self.inner.or(parts)
    }

    fn represents(&self, target: Target<'_, ()>, key: &str, value: &Value) -> bool {
        self.inner.represents(target, key, value)
    }

    /// Where filters are sabotaged, they are said to look into the overflow: else the engine would check every record again.
    fn overflow(&self, target: Target<'_, ()>, key: &str) -> OverflowFilter {
        match self.by {
            DriverSabotage::Lower(_) | DriverSabotage::Query(_) => OverflowFilter::ByDriver,
            _ => self.inner.overflow(target, key),
        }
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        self.inner.create(new).await
    }

    async fn open(&self, name: &str, before: Option<&()>, deadline: Deadline) -> Result<Opened<()>> {
        let mut opened = self.inner.open(name, before, deadline).await?;
        if let DriverSabotage::FirstOpening = self.by {
            opened.info = self.opened.lock().entry(name.to_owned()).or_insert(opened.info).clone();
        }
        Ok(opened)
    }

    async fn list(&self, deadline: Deadline) -> Result<Vec<String>> {
        self.inner.list(deadline).await
    }

    async fn drop_index(&self, name: &str, deadline: Deadline) -> Result<(), WriteError> {
        self.inner.drop_index(name, deadline).await
    }

    async fn write(&self, target: Target<'_, ()>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let mut written = rows.to_vec();
        if let DriverSabotage::Write(change) = self.by {
            change(&mut written);
        }
        self.inner.write(target, &written).await?;
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, target: Target<'_, ()>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let mut rows = self.inner.fetch(target, ids, want).await?;
        if let DriverSabotage::Fetch(change) = self.by {
            change(&mut rows);
        }
        Ok(rows)
    }

    async fn remove(&self, target: Target<'_, ()>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        let mut removed = ids.to_vec();
        if let DriverSabotage::Remove(change) = self.by {
            change(&mut removed);
        }
        self.inner.remove(target, &removed).await?;
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(&self, target: Target<'_, ()>, query: &Nearest<'_, Native>) -> Result<Neighbours> {
        let mut asked = query.clone();
        if let DriverSabotage::Query(change) = self.by {
            change(&mut asked);
        }
        let mut found = self.inner.nearest(target, &asked).await?;
        if let DriverSabotage::Nearest(change) = self.by {
            change(query, &mut found);
        }
        Ok(found)
    }

    async fn page(
        &self,
        target: Target<'_, ()>,
        filter: Option<&Native>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let mut page = self.inner.page(target, filter, cursor, limit, want).await?;
        if let DriverSabotage::Page(change) = self.by {
            change(&mut page);
        }
        Ok(page)
    }

    async fn count(&self, target: Target<'_, ()>, filter: Option<&Native>, with_vector: bool) -> Result<u64> {
        let mut count = self.inner.count(target, filter, with_vector).await?;
        if let DriverSabotage::Count(change) = self.by {
            change(&mut count);
        }
        Ok(count)
    }

    async fn remove_where(&self, target: Target<'_, ()>, filter: &Native) -> Result<Removed, WriteError> {
        self.inner.remove_where(target, filter).await
    }

    async fn clear(&self, target: Target<'_, ()>) -> Result<Removed, WriteError> {
        self.inner.clear(target).await
    }

    async fn sizes(&self, target: Target<'_, ()>) -> Result<Sizes> {
        self.inner.sizes(target).await
    }

    async fn health(&self, deadline: Deadline) -> Result<Health> {
        self.inner.health(deadline).await
    }

    async fn optimize(&self, target: Target<'_, ()>) -> Result<bool> {
        self.inner.optimize(target).await
    }
}
