//! Random filters.

use portolan_core::filter::{Condition, Leaf, id_in};
use portolan_core::{Filter, Scalar};
use rand::RngExt;
use rand::rngs::StdRng;

use super::{FLOATS, INTEGERS, KEYS, STRINGS, one_of, record, scalar};

/// A tree of at most `depth` levels, over records of `ids` ids.
pub(crate) fn filter(rng: &mut StdRng, depth: usize, ids: usize) -> Filter {
    if depth <= 1 || rng.random_bool(0.3) {
        return leaf(rng, ids);
    }
    match rng.random_range(0..5) {
        0 => !filter(rng, depth - 1, ids),
        1 | 2 => Filter::And(children(rng, depth, ids)),
        _ => Filter::Or(children(rng, depth, ids)),
    }
    .flat()
}

fn children(rng: &mut StdRng, depth: usize, ids: usize) -> Vec<Filter> {
    (0..rng.random_range(1..=3)).map(|_| filter(rng, depth - 1, ids)).collect()
}

fn leaf(rng: &mut StdRng, ids: usize) -> Filter {
    if rng.random_bool(0.06) {
        return id_in((0..rng.random_range(0..4)).map(|_| record::id(rng, ids)).collect::<Vec<_>>());
    }
    let key = one_of(rng, &KEYS).to_owned();
    Filter::Leaf(Leaf { condition: condition(rng, &key), key })
}

fn condition(rng: &mut StdRng, key: &str) -> Condition {
    let string = |rng: &mut StdRng| one_of(rng, &STRINGS).to_owned();
    match rng.random_range(0..12) {
        0 => Condition::Eq(operand(rng, key)),
        1 => Condition::Ne(operand(rng, key)),
        2 => Condition::Gt(ordered(rng)),
        3 => Condition::Gte(ordered(rng)),
        4 => Condition::Lt(ordered(rng)),
        5 => Condition::Lte(ordered(rng)),
        6 => Condition::In((0..rng.random_range(0..4)).map(|_| operand(rng, key)).collect()),
        7 => Condition::NotIn((0..rng.random_range(0..4)).map(|_| operand(rng, key)).collect()),
        8 => Condition::Contains(operand(rng, key)),
        9 => Condition::StartsWith(string(rng)),
        10 => Condition::EndsWith(string(rng)),
        _ => Condition::Exists,
    }
}

/// Mostly a value that the key may hold.
fn operand(rng: &mut StdRng, key: &str) -> Scalar {
    match record::value(rng, key) {
        portolan_core::Value::Scalar(s) if rng.random_bool(0.8) => s,
        _ => scalar(rng),
    }
}

fn ordered(rng: &mut StdRng) -> Scalar {
    match rng.random_range(0..3) {
        0 => Scalar::Integer(one_of(rng, &INTEGERS)),
        1 => Scalar::Float(one_of(rng, &FLOATS)),
        _ => Scalar::String(one_of(rng, &STRINGS).to_owned()),
    }
}
