//! Integers and floats that are equal.

use std::cmp::Ordering;

use crate::filter::compare_mixed;

/// The integer that a float is equal to, if any.
pub fn exact_i64(x: f64) -> Option<i64> {
    let i = x as i64;
    (compare_mixed(i, x) == Some(Ordering::Equal)).then_some(i)
}
