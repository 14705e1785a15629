//! Random records, filters and operations, all from a seed.
//!
//! Values come from small pools, so that filters meet some records; the pools hold what stores get wrong: numbers near
//! each other and of two types, lists, empty ones, strings of other scripts, values of mixed types under one key.

mod filter;
mod record;
mod sequence;

pub(crate) use filter::filter;
pub(crate) use record::{declared, record, vector};
pub(crate) use sequence::Sequence;

use portolan_core::Scalar;
use rand::RngExt;
use rand::rngs::StdRng;

/// The keys of random metadata; the first four may be declared.
const KEYS: [&str; 8] = ["flag", "whole", "real", "text", "mixed", "a key", "naïve.ключ", "quo\"te'`s"];

const INTEGERS: [i64; 10] =
    [0, 1, 2, 3, -1, -2, 42, 9_007_199_254_740_993, 1_746_714_878_034_235_396, i64::MIN];

const FLOATS: [f64; 12] = [
    0.0,
    1.0,
    1.000_000_000_000_000_2,
    0.999_999_999_999_999_9,
    2.0,
    2.5,
    -0.5,
    -2.0,
    42.0,
    9_007_199_254_740_992.0,
    1e300,
    0.1,
];

const STRINGS: [&str; 14] =
    ["", "a", "ab", "abc", "B", "b", "é", "e\u{301}", "Ωmega", "2", "true", "100%_\\", "x\"y'z", "a b"];

fn one_of<T: Copy>(rng: &mut StdRng, pool: &[T]) -> T {
    pool[rng.random_range(0..pool.len())]
}

fn scalar(rng: &mut StdRng) -> Scalar {
    match rng.random_range(0..10) {
        0 => Scalar::Bool(rng.random()),
        1..=3 => Scalar::Integer(one_of(rng, &INTEGERS)),
        4..=6 => Scalar::Float(one_of(rng, &FLOATS)),
        _ => Scalar::String(one_of(rng, &STRINGS).to_owned()),
    }
}
