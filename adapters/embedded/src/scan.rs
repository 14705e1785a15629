//! The exact search: every candidate is scored, the nearest k are kept.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use portolan_core::Metric;
use roaring::RoaringBitmap;

use crate::kernel;
use crate::vectors::Vectors;

/// A row and its distance, in the order of distances.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Near {
    distance: f64,
    row: u32,
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
    vectors: &Vectors,
    metric: Metric,
    query: &[f32],
    among: &RoaringBitmap,
    k: usize,
) -> Vec<(u32, f64)> {
    match metric {
        Metric::Cosine => {
            let square = kernel::dot(query, query);
            // The root of the product makes the distance of a vector to itself just zero.
            score(vectors, among, k, |v, v_square| 1.0 - kernel::dot(query, v) / (square * v_square).sqrt())
        }
        Metric::DotProduct => score(vectors, among, k, |v, _| 0.0 - kernel::dot(query, v)),
        Metric::Euclidean => score(vectors, among, k, |v, _| kernel::squared_euclidean(query, v).sqrt()),
        Metric::Manhattan => score(vectors, among, k, |v, _| kernel::manhattan(query, v)),
    }
}

fn score(
    vectors: &Vectors,
    among: &RoaringBitmap,
    k: usize,
    distance: impl Fn(&[f32], f64) -> f64,
) -> Vec<(u32, f64)> {
    let mut best = Best::new(k);
    for row in among {
        let (vector, square) = vectors.get(row);
        best.offer(Near { distance: distance(vector, square), row });
    }
    best.into_rows().into_iter().map(|near| (near.row, near.distance)).collect()
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
mod tests {
    use super::*;

    #[test]
    fn everything_at_the_last_distance_is_kept() {
        for k in 0..8 {
            let mut best = Best::new(k);
            let distances = [5.0, 2.0, 2.0, 7.0, 1.0, 2.0, 5.0, 0.5];
            for (row, distance) in (0..).zip(distances) {
                best.offer(Near { distance, row });
            }
            let mut sorted = distances;
            sorted.sort_by(f64::total_cmp);
            let mut found: Vec<f64> = best.into_rows().iter().map(|n| n.distance).collect();
            found.sort_by(f64::total_cmp);
            let expected: Vec<f64> = match k.checked_sub(1) {
                Some(last) => sorted.into_iter().filter(|d| *d <= sorted[last]).collect(),
                None => Vec::new(),
            };
            assert_eq!(found, expected, "{k}");
        }
    }
}
