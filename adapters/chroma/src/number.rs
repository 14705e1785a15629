//! Numbers as Chroma reads and compares them.
//!
//! Its JSON parser computes `digits * 10^exponent` in floats, so that a float may come out an ulp off; and beside an
//! operand of one type it compares the other type's column with that operand converted, a float truncated.

use std::ops::RangeInclusive;

use portolan_core::Scalar;
use serde_json::{Value as Json, json};

/// The integers that are floats as well.
const WHOLE: RangeInclusive<i64> = -(1 << 53)..=1 << 53;

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// Whether a float comes through Chroma's parser as it is: its digits and its power of ten are floats themselves, so
/// that the one operation on them is rounded right.
pub(crate) fn survives(x: f64) -> bool {
    let text = Json::from(x).to_string();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i32);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.parse::<u64>().is_ok_and(|digits| digits <= 1 << 53);
    digits && exponent.parse::<i32>().is_ok_and(|exponent| (exponent - fraction).abs() <= 22)
}

/// A scalar that Chroma may be asked to be equal to, in the types under which it may be stored.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Forms {
    pub(crate) integer: Option<i64>,
    pub(crate) float: Option<f64>,
}

impl Forms {
    /// The stored forms that are equal to a number; `None` for one that Chroma cannot be told.
    pub(crate) fn of(number: &Scalar) -> Option<Self> {
        match number {
            Scalar::Integer(i) => {
                let float = *i as f64;
                let equal = WHOLE.contains(i) || float.abs() < TWO_63 && float as i64 == *i;
                Some(Self { integer: Some(*i), float: (equal && survives(float)).then_some(float) })
            }
            Scalar::Float(x) => {
                let integer = whole(*x);
                let float = survives(*x).then_some(*x);
                (integer.is_some() || float.is_some()).then_some(Self { integer, float })
            }
            Scalar::Bool(_) | Scalar::String(_) => None,
        }
    }

    /// The integer that no other number is taken for.
    pub(crate) fn distinct(self) -> Option<i64> {
        self.integer.filter(|i| WHOLE.contains(i))
    }
}

/// The integer that a float is equal to.
fn whole(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && (-TWO_63..TWO_63).contains(&x)).then_some(x as i64)
}

/// Which end of the numbers a comparison leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Above,
    Below,
}

/// The operators and operands, one per type, that together meet every number on one side of a bound, and maybe a few
/// more.
pub(crate) fn beyond(side: Side, inclusive: bool, bound: &Scalar) -> Vec<(&'static str, Json)> {
    let operators = match side {
        Side::Above => ["$gt", "$gte"],
        Side::Below => ["$lt", "$lte"],
    };
    let operator = |inclusive| operators[usize::from(inclusive)];
    match bound {
        Scalar::Integer(i) => {
            let inclusive = inclusive || !WHOLE.contains(i);
            let (float_inclusive, float) = rounded_away(side, inclusive, *i as f64);
            vec![(operator(inclusive), json!(i)), (operator(float_inclusive), json!(float))]
        }
        Scalar::Float(x) => {
            let (float_inclusive, float) = rounded_away(side, inclusive, *x);
            let mut parts = vec![(operator(float_inclusive), json!(float))];
            parts.extend(integer_bound(side, inclusive, *x).map(|(yes, i)| (operator(yes), json!(i))));
            parts
        }
        Scalar::Bool(_) | Scalar::String(_) => Vec::new(),
    }
}

/// A float bound that survives, or one a little further out.
fn rounded_away(side: Side, inclusive: bool, x: f64) -> (bool, f64) {
    if survives(x) {
        return (inclusive, x);
    }
    let slack = x.abs() * 1e-13;
    let wider = match side {
        Side::Above => x - slack,
        Side::Below => x + slack,
    };
    // Fifteen digits are as many as a float can hold; what rounding does is far less than the slack.
    (true, format!("{wider:.14e}").parse().unwrap_or(wider))
}

/// The integers on that side of a float; none where there are none.
fn integer_bound(side: Side, inclusive: bool, x: f64) -> Option<(bool, i64)> {
    let nearest = match side {
        Side::Above => x.ceil(),
        Side::Below => x.floor(),
    };
    if (-TWO_63..TWO_63).contains(&nearest) {
        return Some((inclusive || nearest != x, nearest as i64));
    }
    match side {
        Side::Above => (x < 0.0).then_some((true, i64::MIN)),
        Side::Below => (x > 0.0).then_some((true, i64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_of_few_digits_survive() {
        for x in [0.0, 0.1, -2.5, 1e22, 1e-22, 123_456.789, 0.000_001, 9_007_199_254_740.5] {
            assert!(survives(x), "{x:?}");
        }
        for x in [0.1 + 0.2, 1.1 / 3.0 + 0.6, 1e23, 5e-324, f64::MAX, 9_007_199_254_740_991.0] {
            assert!(!survives(x), "{x:?}");
        }
    }

    #[test]
    fn equal_numbers_have_the_forms_of_both_types() {
        let forms = |n: Scalar| Forms::of(&n);
        let both = Some(Forms { integer: Some(2), float: Some(2.0) });
        assert_eq!(forms(2.into()), both);
        assert_eq!(forms(2.0.into()), both);
        assert_eq!(forms(2.5.into()), Some(Forms { integer: None, float: Some(2.5) }));
        let odd = (1 << 53) + 1_i64;
        assert_eq!(forms(odd.into()), Some(Forms { integer: Some(odd), float: None }));
        assert_eq!(forms(odd.into()).unwrap().distinct(), None);
        assert_eq!(forms((0.1 + 0.2).into()), None);
        assert_eq!(forms(1e300.into()), None);
        assert_eq!(forms(i64::MAX.into()), Some(Forms { integer: Some(i64::MAX), float: None }));
    }

    /// What a bound meets, by the rules of the server: each operand also reaches the other type's column.
    fn met(parts: &[(&str, Json)], stored: &Scalar) -> bool {
        parts.iter().any(|(operator, operand)| {
            let order = match (operand.as_i64(), operand.as_f64(), stored) {
                (Some(i), _, Scalar::Integer(n)) => n.partial_cmp(&i),
                (Some(i), _, Scalar::Float(n)) => n.partial_cmp(&(i as f64)),
                (None, Some(x), Scalar::Integer(n)) => n.partial_cmp(&(x as i64)),
                (None, Some(x), Scalar::Float(n)) => n.partial_cmp(&x),
                _ => None,
            };
            order.is_some_and(|order| match *operator {
                "$gt" => order.is_gt(),
                "$gte" => order.is_ge(),
                "$lt" => order.is_lt(),
                "$lte" => order.is_le(),
                other => panic!("{other}"),
            })
        })
    }

    #[test]
    fn bounds_meet_all_that_is_on_their_side() {
        use portolan_core::filter::{Condition, Leaf};
        use portolan_core::{Filter, Metadata};

        let near = |n: i64| [n.saturating_sub(1), n, n.saturating_add(1)].map(Scalar::Integer);
        let mut numbers: Vec<Scalar> =
            [0, 2, -2, 3, -3, 1 << 53, -(1 << 53), (1 << 53) + 2, i64::MAX, i64::MIN]
                .into_iter()
                .flat_map(near)
                .collect();
        for x in [
            0.5,
            2.5,
            -2.5,
            0.1 + 0.2,
            1.0 / 3.0,
            1e300,
            -1e300,
            5e-324,
            2.0,
            -3.0,
            9_007_199_254_740_993.0,
            TWO_63,
        ] {
            numbers.push(x.into());
        }
        for bound in &numbers {
            let cases = [
                (Side::Above, false, Condition::Gt(bound.clone())),
                (Side::Above, true, Condition::Gte(bound.clone())),
                (Side::Below, false, Condition::Lt(bound.clone())),
                (Side::Below, true, Condition::Lte(bound.clone())),
            ];
            for (side, inclusive, condition) in cases {
                let leaf = Filter::Leaf(Leaf { key: "n".to_owned(), condition });
                let parts = beyond(side, inclusive, bound);
                for stored in &numbers {
                    let wanted = leaf.matches("", &Metadata::new().with("n", stored.clone()));
                    assert!(!wanted || met(&parts, stored), "{leaf} misses {stored:?}: {parts:?}");
                }
            }
        }
    }
}
