//! Reading: by id, by nearness, by page, by number.

use portolan_core::driver::{Hit, NativeId, Neighbours, Page, Row, Want};
use portolan_core::filter::Leaf;
use portolan_core::{Exactness, Filter};
use roaring::RoaringBitmap;

use crate::error::Fault;
use crate::filter::NativeFilter;
use crate::kernel::{Native, Scalar, Simd};
use crate::plan;
use crate::scan::{self, Near};
use crate::store::{State, View};

/// A search, owned.
#[derive(Debug)]
pub(crate) struct Search {
    /// The query vector.
    pub(crate) vector: Vec<f32>,
    /// How many rows.
    pub(crate) k: usize,
    /// Among which.
    pub(crate) filter: Option<Filter>,
    /// What of each.
    pub(crate) want: Want,
}

/// The records of these ids that there are.
pub(crate) fn fetch(view: &View<'_>, ids: &[NativeId], want: Want) -> Result<Vec<Row>, Fault> {
    let records = view.records()?;
    view.find(ids)?.into_iter().flatten().map(|row| records.get(row, want)).collect()
}

/// The nearest rows, exactly: by distance, then by id.
pub(crate) fn nearest(view: &View<'_>, search: &Search, simd: Simd) -> Result<Neighbours, Fault> {
    let vectors = view.vectors()?;
    let (among, read) = match &search.filter {
        None => (vectors.rows().clone(), RoaringBitmap::new()),
        Some(filter) => {
            let selection = plan::select(view, filter)?;
            (selection.rows & vectors.rows(), selection.read)
        }
    };
    let (metric, query, k) = (view.spec().metric, &search.vector, search.k);
    let nearest = match simd {
        Simd::Scalar => scan::nearest(&Scalar, &vectors, metric, query, &among, k),
        Simd::Auto => scan::nearest(&Native, &vectors, metric, query, &among, k),
    };
    Ok(Neighbours {
        hits: hits(view, nearest, search)?,
        exactness: Exactness::Exact,
        records_read: among.union_len(&read),
    })
}

/// The rows as hits in order, cut at k.
fn hits(view: &View<'_>, nearest: Vec<Near>, search: &Search) -> Result<Vec<Hit>, Fault> {
    let records = view.records()?;
    let mut named: Vec<(Near, String)> =
        nearest.into_iter().map(|near| Ok((near, records.id(near.row)?))).collect::<Result<_, Fault>>()?;
    named.sort_unstable_by(|(a, a_id), (b, b_id)| {
        a.distance.total_cmp(&b.distance).then_with(|| a_id.cmp(b_id))
    });
    named.truncate(search.k);
    if !search.want.vectors && !search.want.metadata {
        let bare =
            |(near, id): (Near, String)| Hit::new(Row { id: id.into(), ..Row::default() }, near.distance);
        return Ok(named.into_iter().map(bare).collect());
    }
    named
        .into_iter()
        .map(|(near, _)| Ok(Hit::new(records.get(near.row, search.want)?, near.distance)))
        .collect()
}

/// A page in the order of rows, which a replaced record keeps. The cursor is the row to go on from.
pub(crate) fn page(
    view: &View<'_>,
    filter: Option<&Filter>,
    from: u32,
    limit: usize,
    want: Want,
) -> Result<Page, Fault> {
    let records = view.records()?;
    let more = limit.saturating_add(1);
    let mut rows: Vec<u32> = match filter {
        None => records.rows_from(from)?.take(more).collect::<Result<_, Fault>>()?,
        Some(filter) => plan::select_from(view, filter, from, more)?,
    };
    let next = rows.get(limit).map(u32::to_string);
    rows.truncate(limit);
    Ok(Page { rows: rows.into_iter().map(|row| records.get(row, want)).collect::<Result<_, Fault>>()?, next })
}

/// The number of records that meet a filter, or of those among them that have a vector.
pub(crate) fn count(view: &View<'_>, filter: Option<&Filter>, with_vector: bool) -> Result<u64, Fault> {
    let bare = with_vector && view.vectors_len()? < view.len()?;
    match filter {
        None if with_vector => view.vectors_len(),
        None => view.len(),
        Some(filter) if bare => Ok(plan::select(view, filter)?.rows.intersection_len(view.vectors()?.rows())),
        Some(filter) => Ok(plan::select(view, filter)?.rows.len()),
    }
}

/// How many records a search would read.
pub(crate) fn estimate(view: &View<'_>, filter: Option<&Filter>) -> Result<u64, Fault> {
    match filter {
        None => view.vectors_len(),
        Some(filter) => Ok(plan::bounds(view, filter)?.upper.len()),
    }
}

/// The number of indexes, and of records in all of them.
pub(crate) fn totals(state: &State) -> Result<(u64, u64), Fault> {
    let mut totals = (0, 0);
    for name in state.names() {
        totals.0 += 1;
        totals.1 += state.view(name)?.len()?;
    }
    Ok(totals)
}

/// About how long work takes, in nanoseconds as measured on a small server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost<'a> {
    records: usize,
    filter: Option<&'a NativeFilter>,
    scanned: bool,
}

impl<'a> Cost<'a> {
    /// Below this, a hop to another thread and back is no gain.
    const SHORT: u64 = 1_000_000;
    const READ: u64 = 2_000;
    const SELECT: u64 = 50;
    const SCORE: u64 = 20;

    /// Of reading records.
    pub(crate) fn records(records: usize) -> Self {
        Self { records, filter: None, scanned: false }
    }

    /// And of finding what a filter meets.
    pub(crate) fn filtered(self, filter: Option<&'a NativeFilter>) -> Self {
        Self { filter, ..self }
    }

    /// And of scoring all vectors.
    pub(crate) fn scanned(self) -> Self {
        Self { scanned: true, ..self }
    }

    /// Whether it is less than a hop to another thread is worth.
    pub(crate) fn is_short(self, view: &View<'_>) -> bool {
        let Ok(len) = view.len() else { return false };
        let spec = view.spec();
        let scan = match self.scanned {
            true if !view.has_vectors() => return false,
            true => len * (Self::SCORE + spec.dimension as u64 / 4),
            false => 0,
        };
        let filter = match self.filter {
            None => 0,
            Some(NativeFilter(filter))
                if all_declared(filter, &|leaf| spec.fields.contains_key(&leaf.key)) =>
            {
                len * Self::SELECT
            }
            Some(_) => len * Self::READ,
        };
        (self.records as u64).min(len) * Self::READ + scan + filter < Self::SHORT
    }
}

fn all_declared(filter: &Filter, declared: &impl Fn(&Leaf) -> bool) -> bool {
    match filter {
        Filter::And(children) | Filter::Or(children) => children.iter().all(|f| all_declared(f, declared)),
        Filter::Not(child) => all_declared(child, declared),
        Filter::Id(_) => true,
        Filter::Leaf(leaf) => declared(leaf),
    }
}
