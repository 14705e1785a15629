//! Which rows meet a filter: from the field index where it can say, and from the records where it cannot.

use std::collections::BTreeSet;

use portolan_core::Filter;
use roaring::RoaringBitmap;

use crate::error::{StoreError, guarded};
use crate::fields::{Bounds, Fields};
use crate::view::View;

/// The rows that meet a filter.
#[derive(Debug)]
#[non_exhaustive]
pub struct Selection {
    /// The rows.
    pub rows: RoaringBitmap,
    /// The rows whose metadata was read to decide.
    pub read: RoaringBitmap,
    /// The rows among these that cannot be read, so that nobody can tell whether they meet it.
    pub unreadable: RoaringBitmap,
}

impl Selection {
    /// The rows that meet the filter, and those that may.
    pub fn possible(&self) -> RoaringBitmap {
        &self.rows | &self.unreadable
    }
}

impl View<'_> {
    /// The rows that meet a filter.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn select(&self, filter: &Filter) -> Result<Selection, StoreError> {
        let bounds = self.bounds(filter)?;
        let read = bounds.undecided();
        let (mut rows, mut unreadable) = (bounds.lower, RoaringBitmap::new());
        let records = self.records()?;
        let (keys, matcher) = (keys(filter), filter.matcher());
        for row in &read {
            match guarded(|| records.meets(row, &matcher, &keys)) {
                Ok(true) => drop(rows.insert(row)),
                Ok(false) => {}
                Err(e) if e.is_damage() => drop(unreadable.insert(row)),
                Err(e) => return Err(e),
            }
        }
        Ok(Selection { rows, read, unreadable })
    }

    /// The rows that meet a filter, where that can be told of every record.
    ///
    /// # Errors
    /// `Corrupt` with the id of a record that cannot be read; those of reading the file.
    pub fn select_all(&self, filter: &Filter) -> Result<RoaringBitmap, StoreError> {
        let selection = self.select(filter)?;
        match selection.unreadable.min() {
            Some(row) => Err(self.unreadable(row)),
            None => Ok(selection.rows),
        }
    }

    /// The most records that [`select`](Self::select) gives or reads, without reading any.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn estimate(&self, filter: &Filter) -> Result<u64, StoreError> {
        Ok(self.bounds(filter)?.upper.len())
    }

    /// The first rows from one on that meet a filter, in order.
    pub(crate) fn select_from(
        &self,
        filter: &Filter,
        from: u32,
        limit: usize,
    ) -> Result<Vec<u32>, StoreError> {
        let Bounds { lower, upper } = self.bounds(filter)?;
        let records = self.records()?;
        let (keys, matcher) = (keys(filter), filter.matcher());
        let mut rows = Vec::new();
        for row in upper.range(from..) {
            if rows.len() == limit {
                break;
            }
            if lower.contains(row) || records.meets(row, &matcher, &keys)? {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// What the field index says of a filter.
    pub(crate) fn bounds(&self, filter: &Filter) -> Result<Bounds, StoreError> {
        Planner { view: self, fields: self.fields()? }.bounds(filter)
    }
}

struct Planner<'a> {
    view: &'a View<'a>,
    fields: Fields<'a>,
}

impl Planner<'_> {
    fn bounds(&self, filter: &Filter) -> Result<Bounds, StoreError> {
        match filter {
            Filter::And(children) => {
                let mut met: Option<Bounds> = None;
                for child in children {
                    let child = self.bounds(child)?;
                    met = Some(match met {
                        None => child,
                        Some(met) => met.and(&child),
                    });
                    if met.as_ref().is_some_and(|met| met.upper.is_empty()) {
                        break;
                    }
                }
                met.map_or_else(|| Ok(Bounds::exact(self.all()?)), Ok)
            }
            Filter::Or(children) => {
                children.iter().try_fold(Bounds::default(), |met, child| Ok(met.or(&self.bounds(child)?)))
            }
            Filter::Not(child) => Ok(self.bounds(child)?.complement(&self.all()?)),
            Filter::Id(ids) => Ok(Bounds::exact(self.view.find(ids)?.into_iter().flatten().collect())),
            Filter::Leaf(leaf) => match self.fields.select(leaf)? {
                Some(bounds) => Ok(bounds),
                None => Ok(Bounds::unknown(self.all()?)),
            },
        }
    }

    fn all(&self) -> Result<RoaringBitmap, StoreError> {
        Ok(self.view.rows()?.0.clone())
    }
}

/// The metadata keys that a filter asks for.
fn keys(filter: &Filter) -> BTreeSet<&str> {
    match filter {
        Filter::And(children) | Filter::Or(children) => children.iter().flat_map(keys).collect(),
        Filter::Not(child) => keys(child),
        Filter::Id(_) => BTreeSet::new(),
        Filter::Leaf(leaf) => BTreeSet::from([leaf.key.as_str()]),
    }
}
