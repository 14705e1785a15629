//! The exact search over a store.

use portolan_core::driver::{Neighbours, Want};
use portolan_core::{Exactness, Filter};
use portolan_store::{StoreError, View};
use roaring::RoaringBitmap;

use crate::kernel::{Native, Scalar, Simd};
use crate::scan;
use crate::vectors::Vectors;

/// Below this many nanoseconds, a hop to another thread and back is no gain.
const SHORT: u64 = 1_000_000;

/// About how long it takes to score one vector, in nanoseconds as measured on a small server.
const SCORE: u64 = 20;

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

/// The nearest rows, exactly: by distance, then by id.
pub(crate) fn nearest(view: &View<'_>, search: &Search, simd: Simd) -> Result<Neighbours, StoreError> {
    let vectors = view.derived::<Vectors>()?;
    let (among, read) = match &search.filter {
        None => (vectors.rows() | vectors.damaged(), RoaringBitmap::new()),
        Some(filter) => {
            let selection = view.select(filter)?;
            (selection.possible(), selection.read)
        }
    };
    if let Some(row) = (&among & vectors.damaged()).min() {
        return Err(view.unreadable(row));
    }
    let among = among & vectors.rows();
    let (metric, query, k) = (view.spec().metric, &search.vector, search.k);
    let nearest = match simd {
        Simd::Scalar => scan::nearest(&Scalar, &vectors, metric, query, &among, k),
        Simd::Auto => scan::nearest(&Native, &vectors, metric, query, &among, k),
    };
    let nearest: Vec<(u32, f64)> = nearest.into_iter().map(|near| (near.row, near.distance)).collect();
    Ok(Neighbours {
        hits: view.hits(&nearest, k, search.want)?,
        exactness: Exactness::Exact,
        records_read: among.union_len(&read),
    })
}

/// Whether a search takes less than a hop to another thread is worth.
pub(crate) fn is_short_search(view: &View<'_>, k: usize, filter: Option<&Filter>) -> bool {
    let scan = |records: u64| records * (SCORE + view.spec().dimension as u64 / 4);
    view.has_derived::<Vectors>()
        && view.record_count().is_ok_and(|records| is_short(view, k, filter, scan(records)))
}

/// Whether reading records, and finding those that meet a filter, takes less than a hop to another thread is worth.
pub(crate) fn is_short_read(view: &View<'_>, records: usize, filter: Option<&Filter>) -> bool {
    is_short(view, records, filter, 0)
}

fn is_short(view: &View<'_>, records: usize, filter: Option<&Filter>, further_nanos: u64) -> bool {
    view.read_nanos(records, filter).is_ok_and(|nanos| nanos + further_nanos < SHORT)
}
