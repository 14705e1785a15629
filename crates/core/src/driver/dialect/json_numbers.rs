//! Numbers as operands of JSON operators.

use std::ops::RangeInclusive;

use serde_json::{Value as Json, json};

use super::{Comparison, Side};
use crate::metadata::Scalar;
use crate::number::exact_i64;

/// The integers up to which each is a float as well.
const SAFE: RangeInclusive<i64> = -(1 << 53)..=1 << 53;

/// How a server compares numbers.
#[derive(Debug, Clone, Copy)]
pub enum Numbers {
    /// All are floats.
    Floats,
    /// Integers and floats are kept apart, and each operand is compared with both, converted: a float is cut to an
    /// integer. `survives` tells which floats the server reads from JSON as they are.
    Apart {
        /// Whether a float is read as it is.
        survives: fn(f64) -> bool,
    },
}

impl Numbers {
    /// The operands that a number equals, one for each type under which it may be stored; none where the server cannot be
    /// told the number.
    pub(super) fn equal(self, number: &Scalar) -> Vec<Json> {
        match self {
            Self::Floats => number.as_float().map(Json::from).into_iter().collect(),
            Self::Apart { survives } => {
                let integer = number.as_exact_i64().map(Json::from);
                let float = number.as_exact_f64().filter(|x| survives(*x)).map(Json::from);
                integer.into_iter().chain(float).collect()
            }
        }
    }

    /// The operand that a number, and no other one, equals.
    pub(super) fn distinct(self, number: &Scalar) -> Option<Json> {
        match self {
            Self::Floats => number.as_float().filter(|_| !number.is_beyond_2_53()).map(Json::from),
            Self::Apart { .. } => number.as_exact_i64().filter(|i| SAFE.contains(i)).map(Json::from),
        }
    }

    /// The comparisons that together meet every number on one side of a bound, and maybe a few more.
    pub(super) fn beyond(self, comparison: Comparison, bound: &Scalar) -> Vec<(Comparison, Json)> {
        let Self::Apart { survives } = self else {
            let wide = comparison.widened_if(bound.is_beyond_2_53());
            return bound.as_float().map(|x| (wide, json!(x))).into_iter().collect();
        };
        match bound {
            Scalar::Integer(i) => {
                let wide = comparison.widened_if(!SAFE.contains(i));
                let (float, x) = rounded_away(wide, *i as f64, survives);
                vec![(wide, json!(i)), (float, json!(x))]
            }
            Scalar::Float(x) => {
                let integer = integer_bound(comparison, *x).map(|(wide, i)| (wide, json!(i)));
                let (float, x) = rounded_away(comparison, *x, survives);
                std::iter::once((float, json!(x))).chain(integer).collect()
            }
            Scalar::Bool(_) | Scalar::String(_) => Vec::new(),
        }
    }
}

/// A float bound that survives, or one a little further out.
fn rounded_away(comparison: Comparison, x: f64, survives: fn(f64) -> bool) -> (Comparison, f64) {
    if survives(x) {
        return (comparison, x);
    }
    let slack = x.abs() * 1e-13;
    let wider = match comparison.side {
        Side::Above => x - slack,
        Side::Below => x + slack,
    };
    // Fifteen digits are as many as a float can hold; what rounding does is far less than the slack.
    (comparison.widened(), format!("{wider:.14e}").parse().unwrap_or(wider))
}

/// The integers on that side of a float; none where there are none.
fn integer_bound(comparison: Comparison, x: f64) -> Option<(Comparison, i64)> {
    let (nearest, least, has_all) = match comparison.side {
        Side::Above => (x.ceil(), i64::MIN, x < 0.0),
        Side::Below => (x.floor(), i64::MAX, x > 0.0),
    };
    match exact_i64(nearest) {
        Some(i) => Some((comparison.widened_if(nearest != x), i)),
        None => has_all.then_some((comparison.widened(), least)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Condition, Filter, Leaf};
    use crate::metadata::Metadata;

    use super::super::Predicate;

    const TWO_63: f64 = 9_223_372_036_854_775_808.0;

    /// A server that reads few digits.
    const APART: Numbers = Numbers::Apart { survives: |x| format!("{x:.14e}").parse() == Ok(x) };

    #[test]
    fn equal_numbers_have_the_forms_of_both_types() {
        let odd = (1 << 53) + 1_i64;
        for (number, apart, floats) in [
            (Scalar::from(2), vec![json!(2), json!(2.0)], json!(2.0)),
            (2.0.into(), vec![json!(2), json!(2.0)], json!(2.0)),
            (2.5.into(), vec![json!(2.5)], json!(2.5)),
            (odd.into(), vec![json!(odd)], json!(9_007_199_254_740_992.0)),
            ((0.1 + 0.2).into(), vec![], json!(0.1 + 0.2)),
        ] {
            assert_eq!(APART.equal(&number), apart);
            assert_eq!(Numbers::Floats.equal(&number), [floats]);
        }
        assert_eq!((APART.distinct(&odd.into()), Numbers::Floats.distinct(&odd.into())), (None, None));
        assert_eq!(APART.distinct(&2.0.into()), Some(json!(2)));
        assert_eq!(
            (APART.distinct(&2.5.into()), Numbers::Floats.distinct(&2.5.into())),
            (None, Some(json!(2.5)))
        );
    }

    /// Whether a stored number is met, by the rules of the server.
    fn met(numbers: Numbers, parts: &[(Comparison, Json)], stored: &Scalar) -> bool {
        parts.iter().any(|(comparison, operand)| {
            let order = match (numbers, stored, operand.as_i64()) {
                (Numbers::Apart { .. }, Scalar::Integer(n), Some(i)) => Some(n.cmp(&i)),
                (Numbers::Apart { .. }, Scalar::Integer(n), None) => {
                    operand.as_f64().map(|x| n.cmp(&(x as i64)))
                }
                _ => stored.as_float().zip(operand.as_f64()).and_then(|(n, x)| n.partial_cmp(&x)),
            };
            order.is_some_and(|order| match comparison.symbol() {
                ">" => order.is_gt(),
                ">=" => order.is_ge(),
                "<" => order.is_lt(),
                _ => order.is_le(),
            })
        })
    }

    #[test]
    fn bounds_meet_all_that_is_on_their_side() {
        let near = |n: i64| [n.saturating_sub(1), n, n.saturating_add(1)].map(Scalar::Integer);
        let integers = [0, 2, -2, 3, -3, 1 << 53, -(1 << 53), (1 << 53) + 2, i64::MAX, i64::MIN];
        let mut numbers: Vec<Scalar> = integers.into_iter().flat_map(near).collect();
        let third = 1.0 / 3.0;
        for x in [0.5, 2.5, -2.5, 0.1 + 0.2, third, 1e300, -1e300, 5e-324, 2.0, -3.0, 9e15 + 1.0, TWO_63] {
            numbers.push(x.into());
        }
        for bound in &numbers {
            for condition in [Condition::Gt, Condition::Gte, Condition::Lt, Condition::Lte] {
                let condition = condition(bound.clone());
                let Predicate::Order(comparison, _) = Predicate::from(&condition) else { panic!() };
                let leaf = Filter::Leaf(Leaf { key: "n".to_owned(), condition: condition.clone() });
                for server in [APART, Numbers::Floats] {
                    let parts = server.beyond(comparison, bound);
                    for stored in &numbers {
                        let wanted = leaf.matches("", &Metadata::new().with("n", stored.clone()));
                        assert!(
                            !wanted || met(server, &parts, stored),
                            "{leaf} misses {stored:?}: {parts:?}"
                        );
                    }
                }
            }
        }
    }
}
