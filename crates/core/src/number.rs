//! Numbers without rounding: which integer a float equals, and which float an integer equals.

use std::cmp::Ordering;

use serde_json::Value as Json;

use crate::metadata::Scalar;

/// 2^53: from here on a float may stand for several integers.
pub const TWO_53: f64 = 9_007_199_254_740_992.0;

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// The integer that a float equals, if any.
pub fn exact_i64(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && (-TWO_63..TWO_63).contains(&x)).then_some(x as i64)
}

/// The float that an integer equals, if any.
pub fn exact_f64(i: i64) -> Option<f64> {
    let x = i as f64;
    (exact_i64(x) == Some(i)).then_some(x)
}

/// An integer against a float, exact beyond 2^53, where a cast would round; `None` for NaN.
pub fn compare(integer: i64, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        None
    } else if float >= TWO_63 {
        Some(Ordering::Less)
    } else if float < -TWO_63 {
        Some(Ordering::Greater)
    } else {
        let whole = float.trunc();
        Some(integer.cmp(&(whole as i64)).then_with(|| whole.total_cmp(&float)))
    }
}

/// The digits of a float as JSON text and the power of ten that they are multiplied by; `None` where an `i64` does not
/// hold them. By these a driver tells which floats a server's parser rounds twice.
///
/// ```
/// use portolan_core::number::decimal_parts;
///
/// assert_eq!(decimal_parts(-2.5), Some((-25, -1)));
/// assert_eq!(decimal_parts(1e22), Some((1, 22)));
/// ```
pub fn decimal_parts(x: f64) -> Option<(i64, i32)> {
    let text = Json::from(x).to_string();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, exponent.parse::<i32>().ok()? - fraction.len() as i32))
}

impl Scalar {
    /// The integer that equals this number, if any.
    pub fn as_exact_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(i) => Some(*i),
            Self::Float(x) => exact_i64(*x),
            Self::Bool(_) | Self::String(_) => None,
        }
    }

    /// The float that equals this number, if any.
    pub fn as_exact_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(i) => exact_f64(*i),
            Self::Float(x) => Some(*x),
            Self::Bool(_) | Self::String(_) => None,
        }
    }

    /// The float nearest to this number, if it is one.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Integer(i) => Some(*i as f64),
            Self::Float(x) => Some(*x),
            Self::Bool(_) | Self::String(_) => None,
        }
    }

    /// Whether this is a number whose nearest float may stand for several integers.
    pub fn is_beyond_2_53(&self) -> bool {
        self.as_float().is_some_and(|x| x.abs() >= TWO_53)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_and_an_integer_are_equal_both_ways_or_not_at_all() {
        let odd = (1 << 53) + 1_i64;
        for (i, x) in [(0, -0.0), (2, 2.0), (1 << 53, TWO_53), (i64::MIN, -TWO_63)] {
            assert_eq!((exact_i64(x), exact_f64(i)), (Some(i), Some(x)), "{i}");
        }
        for i in [odd, -odd, i64::MAX] {
            assert_eq!(exact_f64(i), None, "{i}");
        }
        for x in [0.5, -1e300, TWO_63, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(exact_i64(x), None, "{x:?}");
        }
    }

    #[test]
    fn scalars_are_numbers_where_they_are() {
        let odd = Scalar::Integer((1 << 53) + 1);
        assert_eq!((odd.as_exact_f64(), odd.as_float(), odd.is_beyond_2_53()), (None, Some(TWO_53), true));
        let two = Scalar::Float(2.0);
        assert_eq!(
            (two.as_exact_i64(), two.as_exact_f64(), two.is_beyond_2_53()),
            (Some(2), Some(2.0), false)
        );
        for other in [Scalar::from("2"), Scalar::from(true)] {
            assert_eq!((other.as_exact_i64(), other.as_exact_f64(), other.as_float()), (None, None, None));
        }
    }

    #[test]
    fn decimal_parts_are_those_of_the_json_text() {
        for (x, parts) in [
            (0.0, Some((0, -1))),
            (2.0, Some((20, -1))),
            (-0.125, Some((-125, -3))),
            (5e-324, Some((5, -324))),
            (1.5e300, Some((15, 299))),
            (0.1 + 0.2, Some((30_000_000_000_000_004, -17))),
        ] {
            assert_eq!(decimal_parts(x), parts, "{x:?}");
        }
    }
}
