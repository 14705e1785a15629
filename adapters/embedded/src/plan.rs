//! Which rows meet a filter: from the field index where it can say, and from the records where it cannot.

use std::collections::BTreeSet;

use portolan_core::Filter;
use roaring::RoaringBitmap;

use crate::error::Fault;
use crate::fields::{Bounds, Fields};
use crate::store::View;

/// The rows that meet a filter.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The rows.
    pub(crate) rows: RoaringBitmap,
    /// The rows whose metadata was read to decide.
    pub(crate) read: RoaringBitmap,
}

/// What the field index says of a filter, without reading records.
pub(crate) fn bounds(view: &View<'_>, filter: &Filter) -> Result<Bounds, Fault> {
    Planner { view, fields: view.fields()? }.bounds(filter)
}

/// The rows that meet a filter.
pub(crate) fn select(view: &View<'_>, filter: &Filter) -> Result<Selection, Fault> {
    let bounds = bounds(view, filter)?;
    let read = bounds.undecided();
    let mut rows = bounds.lower;
    let records = view.records()?;
    let keys = keys(filter);
    for row in &read {
        if records.meets(row, filter, &keys)? {
            rows.insert(row);
        }
    }
    Ok(Selection { rows, read })
}

/// The first rows from one on that meet a filter, in order.
pub(crate) fn select_from(
    view: &View<'_>,
    filter: &Filter,
    from: u32,
    limit: usize,
) -> Result<Vec<u32>, Fault> {
    let Bounds { lower, upper } = bounds(view, filter)?;
    let records = view.records()?;
    let keys = keys(filter);
    let mut rows = Vec::new();
    for row in upper.range(from..) {
        if rows.len() == limit {
            break;
        }
        if lower.contains(row) || records.meets(row, filter, &keys)? {
            rows.push(row);
        }
    }
    Ok(rows)
}

struct Planner<'a> {
    view: &'a View<'a>,
    fields: Fields<'a>,
}

impl Planner<'_> {
    fn bounds(&self, filter: &Filter) -> Result<Bounds, Fault> {
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

    fn all(&self) -> Result<RoaringBitmap, Fault> {
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
