//! The exact search: kernels choose, the one arithmetic scores.
//!
//! Every candidate gets an interval in which its distance surely is. Whose interval begins behind the end of k others
//! cannot be among the nearest k; whatever that leaves is scored, so that the same rows at the same distances come out
//! whichever kernel chose.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use portolan_core::{Metric, arithmetic};
use roaring::RoaringBitmap;

use crate::kernel::{Bounds, Kernel};
use crate::vectors::Vectors;

/// A row and its distance, in the order of distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near {
    /// The metric's distance.
    pub(crate) distance: f64,
    /// The row.
    pub(crate) row: u32,
}

impl Eq for Near {}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The nearest k rows among those given, in no order, and every further row at the distance of the last of them: which
/// of those belong to the k is a matter of their ids.
pub(crate) fn nearest(
    kernel: &impl Kernel,
    vectors: &Vectors,
    metric: Metric,
    query: &[f32],
    among: &RoaringBitmap,
    k: usize,
) -> Vec<Near> {
    nearest_within(kernel, Bounds::of(query.len()), vectors, metric, query, among, k)
}

/// The same, with a kernel that errs at most by these bounds.
fn nearest_within(
    kernel: &impl Kernel,
    bounds: Bounds,
    vectors: &Vectors,
    metric: Metric,
    query: &[f32],
    among: &RoaringBitmap,
    k: usize,
) -> Vec<Near> {
    let square = arithmetic::squared_norm(query);
    let chosen = match metric {
        Metric::Cosine => choose(vectors, among, k, |v, v_square| {
            let norms = (square * v_square).sqrt();
            (-kernel.dot(query, v) / norms, bounds.of_dot(norms) / norms)
        }),
        Metric::DotProduct => choose(vectors, among, k, |v, v_square| {
            (-kernel.dot(query, v), bounds.of_dot((square * v_square).sqrt()))
        }),
        Metric::Euclidean => choose(vectors, among, k, |v, _| {
            let sum = kernel.squared_euclidean(query, v);
            (sum, bounds.of_positive(sum))
        }),
        Metric::Manhattan => choose(vectors, among, k, |v, _| {
            let sum = kernel.manhattan(query, v);
            (sum, bounds.of_positive(sum))
        }),
    };
    let mut best = Best::new(k);
    for row in chosen {
        let (v, v_square) = vectors.get(row);
        let distance = arithmetic::distance_with_norms(metric, query, v, square, v_square);
        // A zero vector has no angle, and is not found.
        if !distance.is_nan() {
            best.offer(Near { distance, row });
        }
    }
    best.into_rows()
}

/// The rows that may be among the nearest k, given for each what orders it and by how much that may be off.
fn choose(
    vectors: &Vectors,
    among: &RoaringBitmap,
    k: usize,
    order: impl Fn(&[f32], f64) -> (f64, f64),
) -> Vec<u32> {
    let mut choice = Choice::new(k);
    for row in among {
        let (vector, square) = vectors.get(row);
        let (estimate, error) = order(vector, square);
        choice.offer(row, estimate, error);
    }
    choice.into_rows()
}

/// The rows that may be among the nearest k so far.
#[derive(Debug)]
struct Choice {
    k: usize,
    /// The least k upper ends of intervals.
    upper: BinaryHeap<End>,
    /// Rows, and the lower ends of their intervals.
    rows: Vec<(f64, u32)>,
    /// How many rows are kept before those are dropped that are out meanwhile.
    room: usize,
}

/// The end of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
struct End(f64);

impl Eq for End {}

impl Ord for End {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for End {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Choice {
    fn new(k: usize) -> Self {
        Self { k, upper: BinaryHeap::new(), rows: Vec::new(), room: k.saturating_mul(2).max(1_024) }
    }

    fn offer(&mut self, row: u32, estimate: f64, error: f64) {
        // An estimate that left the range of `f32` says nothing.
        let (lower, upper) = match estimate.is_finite() {
            true => (estimate - error, estimate + error),
            false => (f64::NEG_INFINITY, f64::INFINITY),
        };
        if self.limit().is_some_and(|limit| lower > limit) {
            return;
        }
        self.rows.push((lower, row));
        self.upper.push(End(upper));
        if self.upper.len() > self.k {
            self.upper.pop();
        }
        if self.rows.len() > self.room {
            self.drop_rows();
            self.room = self.room.max(self.rows.len().saturating_mul(2));
        }
    }

    /// Behind which no row can begin that is among the nearest k.
    fn limit(&self) -> Option<f64> {
        if self.upper.len() < self.k { None } else { self.upper.peek().map(|end| end.0) }
    }

    fn drop_rows(&mut self) {
        if let Some(limit) = self.limit() {
            self.rows.retain(|(lower, _)| *lower <= limit);
        }
    }

    fn into_rows(mut self) -> Vec<u32> {
        self.drop_rows();
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// The best k so far, and what ties with the last of them.
#[derive(Debug)]
struct Best {
    k: usize,
    heap: BinaryHeap<Near>,
    tied: Vec<Near>,
}

impl Best {
    fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new(), tied: Vec::new() }
    }

    fn offer(&mut self, near: Near) {
        if self.heap.len() < self.k {
            self.heap.push(near);
            return;
        }
        let Some(last) = self.heap.peek().map(|last| last.distance) else { return };
        match near.distance.total_cmp(&last) {
            Ordering::Greater => {}
            Ordering::Equal => self.tied.push(near),
            Ordering::Less => self.replace_last(near, last),
        }
    }

    fn replace_last(&mut self, near: Near, last: f64) {
        let Some(out) = self.heap.pop() else { return };
        self.heap.push(near);
        if self.heap.peek().is_some_and(|now| now.distance.total_cmp(&last).is_eq()) {
            self.tied.push(out);
        } else {
            self.tied.clear();
        }
    }

    fn into_rows(self) -> Vec<Near> {
        let mut rows = self.heap.into_vec();
        rows.extend(self.tied);
        rows
    }
}

#[cfg(test)]
mod tests;
