use blake3::Hasher;

use super::*;
use crate::kernel::{Native, Scalar};

/// What the tests below find, whatever the processor: ids, order and distances to the last bit.
const FOUND: &str = "bc780cd90c3308149dbde88384aba28318bc91280f210fcf33e300ec2a59c4c9";

const DIMENSIONS: [usize; 5] = [1, 7, 384, 513, 4_096];
const ROWS: usize = 160;
const K: usize = 10;

/// Numbers from -1 to 1 that are the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn vector(&mut self, dimension: usize, scale: f32) -> Vec<f32> {
        (0..dimension).map(|_| self.next() * scale).collect()
    }
}

/// A query, and vectors of which half are copies of it but for a part in ten million, of small, usual and large norms.
fn data(dimension: usize, scale: f32) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut numbers = Numbers(dimension as u64);
    // Norms stay within 1e-15 and 1e15.
    let scale = scale / (dimension as f32).sqrt();
    let mut query = numbers.vector(dimension, scale);
    query[0] = scale;
    let vectors = (0..ROWS)
        .map(|n| match n % 2 {
            0 => query.iter().map(|x| x + x * numbers.next() * 1e-7).collect(),
            _ => numbers.vector(dimension, scale),
        })
        .collect();
    (query, vectors)
}

/// Everything that a kernel finds, as a hash.
fn found(kernel: &impl Kernel) -> String {
    found_within(kernel, Bounds::of)
}

/// The same where a search takes the kernel to be within these bounds.
fn found_within(kernel: &impl Kernel, bounds: impl Fn(usize) -> Bounds) -> String {
    let mut hasher = Hasher::new();
    for dimension in DIMENSIONS {
        for scale in [1e-14, 1.0, 1e15] {
            let (query, vectors) = data(dimension, scale);
            let vectors = Vectors::of(dimension, &vectors);
            for metric in Metric::ALL {
                let within = bounds(dimension);
                let mut rows = nearest_within(kernel, within, &vectors, metric, &query, vectors.rows(), K);
                rows.sort_unstable();
                for near in rows {
                    hasher.update(&near.row.to_le_bytes());
                    hasher.update(&near.distance.to_bits().to_le_bytes());
                }
            }
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Errs by its full bound: up or down, as the bits of the second vector have it.
struct Erring {
    up: fn(u64) -> bool,
}

impl Erring {
    fn sign(&self, b: &[f32]) -> f64 {
        let bits = b.iter().fold(0_u64, |bits, x| bits.wrapping_mul(31).wrapping_add(x.to_bits().into()));
        if (self.up)(bits >> 3) { 1.0 } else { -1.0 }
    }

    /// A computed sum whose bound just reaches the exact one.
    fn positive(&self, sum: f64, a: &[f32], b: &[f32]) -> f64 {
        sum + self.sign(b) * Bounds::of(a.len()).of_positive(sum) * 0.999
    }
}

impl Kernel for Erring {
    fn dot(&self, a: &[f32], b: &[f32]) -> f64 {
        let norms = (arithmetic::squared_norm(a) * arithmetic::squared_norm(b)).sqrt();
        arithmetic::dot(a, b) + self.sign(b) * Bounds::of(a.len()).of_dot(norms) * 0.999
    }

    fn squared_euclidean(&self, a: &[f32], b: &[f32]) -> f64 {
        self.positive(arithmetic::squared_euclidean(a, b), a, b)
    }

    fn manhattan(&self, a: &[f32], b: &[f32]) -> f64 {
        self.positive(arithmetic::manhattan(a, b), a, b)
    }
}

#[test]
fn every_kernel_finds_the_same_bits() {
    assert_eq!(found(&Scalar), FOUND, "plain loops");
    assert_eq!(found(&Native), FOUND, "the processor's own");
    for (name, up) in [
        ("up", (|_| true) as fn(u64) -> bool),
        ("down", |_| false),
        ("either way", |bits| bits % 2 == 0),
        ("mostly up", |bits| bits % 7 != 0),
    ] {
        assert_eq!(found(&Erring { up }), FOUND, "erring {name} by the full bound");
    }
}

/// The saboteur of this test: a search that takes kernels at their word.
#[test]
fn a_search_without_margin_finds_other_bits() {
    let erring = Erring { up: |bits| bits % 2 == 0 };
    assert_ne!(found_within(&erring, |_| Bounds::NONE), FOUND);
}

/// Longer vectors than the contract has.
#[test]
fn rows_whose_sums_leave_the_range_of_f32_are_scored_all_the_same() {
    let vectors = [[1e30, 1e30], [2e30, -1e30], [-3e30, 0.0], [0.0, 0.0], [1.0, 1.0]].map(Vec::from);
    let vectors = Vectors::of(2, &vectors);
    for (metric, expected) in [
        (Metric::Cosine, vec![0, 4]),
        (Metric::DotProduct, vec![0, 1]),
        (Metric::Euclidean, vec![0, 3, 4]),
        (Metric::Manhattan, vec![0, 3, 4]),
    ] {
        let near = nearest(&Native, &vectors, metric, &[1e30, 1e30], vectors.rows(), 2);
        let mut rows: Vec<u32> = near.iter().map(|near| near.row).collect();
        rows.sort_unstable();
        assert_eq!(rows, expected, "{metric}");
    }
}

#[test]
fn only_rows_within_the_bounds_are_scored() {
    let (query, vectors) = data(384, 1.0);
    let vectors = Vectors::of(384, &vectors);
    let bounds = Bounds::of(384);
    let chosen = choose(&vectors, vectors.rows(), K, |v, _| {
        let sum = Native.squared_euclidean(&query, v);
        (sum, bounds.of_positive(sum))
    });
    assert!(chosen.len() < ROWS / 2, "{} of {ROWS}", chosen.len());
}

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
