//! Values as bytes that sort as the contract orders them.

use std::ops::RangeInclusive;

use portolan_core::filter::Condition;
use portolan_core::{FieldType, Scalar, Value};

/// How many bytes of a string are kept.
pub(super) const PREFIX: usize = 256;

/// The key of the rows that have the field.
pub(super) const EXISTS: u8 = 0;
/// The key of the rows whose value is a list.
pub(super) const LIST: u8 = 1;
const BOOL: u8 = 2;
const INTEGER: u8 = 3;
const FLOAT: u8 = 4;
const STRING: u8 = 5;
/// No byte of UTF-8, and above all of them.
const ABOVE_TEXT: u8 = 0xFF;

/// A value that was read from a key.
#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    /// The value.
    Whole(Value),
    /// The first bytes of a string that may go on.
    Prefix,
}

/// The bytes of a value; of a string, the first [`PREFIX`].
pub(super) fn encode(scalar: &Scalar) -> Vec<u8> {
    match scalar {
        Scalar::Bool(b) => vec![BOOL, u8::from(*b)],
        Scalar::Integer(i) => tagged(INTEGER, &integer_bits(*i)),
        Scalar::Float(x) => tagged(FLOAT, &float_bits(*x)),
        Scalar::String(s) => text(s),
    }
}

/// The value of these bytes; `None` where they are damaged.
pub(super) fn decode(bytes: &[u8]) -> Option<Decoded> {
    let (tag, rest) = bytes.split_first()?;
    let scalar = match *tag {
        BOOL => Scalar::Bool(*rest.first()? != 0),
        INTEGER => Scalar::Integer((u64::from_be_bytes(rest.try_into().ok()?) ^ SIGN) as i64),
        FLOAT => Scalar::Float(float(u64::from_be_bytes(rest.try_into().ok()?))),
        STRING if rest.len() >= PREFIX => return Some(Decoded::Prefix),
        STRING => Scalar::String(std::str::from_utf8(rest).ok()?.to_owned()),
        _ => return None,
    };
    Some(Decoded::Whole(Value::Scalar(scalar)))
}

/// The keys that hold all values of a type which can meet a positive condition of one operand, and maybe others; `None`
/// where no value can.
pub(super) fn range(of: FieldType, condition: &Condition) -> Option<RangeInclusive<Vec<u8>>> {
    let all = || vec![tag(of)]..=vec![tag(of) + 1];
    match condition {
        Condition::Eq(v) => Some(low(of, v)?..=high(of, v)?),
        Condition::Gt(v) | Condition::Gte(v) => Some(low(of, v)?..=vec![tag(of) + 1]),
        Condition::Lt(v) | Condition::Lte(v) => Some(vec![tag(of)]..=high(of, v)?),
        Condition::StartsWith(prefix) if of == FieldType::String => {
            let low = text(prefix);
            let mut high = low.clone();
            high.push(ABOVE_TEXT);
            Some(low..=high)
        }
        Condition::EndsWith(_) | Condition::Contains(_) if of == FieldType::String => Some(all()),
        _ => None,
    }
}

/// A lower bound of the values that are an operand or more.
fn low(of: FieldType, operand: &Scalar) -> Option<Vec<u8>> {
    match (of, operand) {
        (FieldType::Integer, Scalar::Float(x)) => Some(encode(&Scalar::Integer(x.floor() as i64))),
        _ => same_type(of, operand),
    }
}

/// An upper bound of the values that are an operand or less.
fn high(of: FieldType, operand: &Scalar) -> Option<Vec<u8>> {
    match (of, operand) {
        (FieldType::Integer, Scalar::Float(x)) => Some(encode(&Scalar::Integer(x.ceil() as i64))),
        _ => same_type(of, operand),
    }
}

/// An operand in the field's type. The float nearest to an integer bounds it from both sides: none lies between them.
fn same_type(of: FieldType, operand: &Scalar) -> Option<Vec<u8>> {
    match (of, operand) {
        (FieldType::Float, Scalar::Integer(i)) => Some(encode(&Scalar::Float(*i as f64))),
        (of, operand) => of.holds(operand).then(|| encode(operand)),
    }
}

fn tag(of: FieldType) -> u8 {
    match of {
        FieldType::Bool => BOOL,
        FieldType::Integer => INTEGER,
        FieldType::Float => FLOAT,
        FieldType::String => STRING,
    }
}

fn tagged(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + bytes.len());
    key.push(tag);
    key.extend_from_slice(bytes);
    key
}

fn text(text: &str) -> Vec<u8> {
    tagged(STRING, &text.as_bytes()[..text.len().min(PREFIX)])
}

const SIGN: u64 = 1 << 63;

fn integer_bits(i: i64) -> [u8; 8] {
    (i as u64 ^ SIGN).to_be_bytes()
}

/// A negative float's bits are turned over, a positive one's sign is set: then they sort by value.
fn float_bits(x: f64) -> [u8; 8] {
    let bits = (x + 0.0).to_bits();
    (if bits & SIGN == 0 { bits | SIGN } else { !bits }).to_be_bytes()
}

fn float(bits: u64) -> f64 {
    f64::from_bits(if bits & SIGN == 0 { !bits } else { bits & !SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(scalars: &[Scalar]) {
        let keys: Vec<_> = scalars.iter().map(encode).collect();
        assert!(keys.is_sorted(), "{scalars:?}");
        for scalar in scalars {
            assert_eq!(decode(&encode(scalar)), Some(Decoded::Whole(Value::Scalar(scalar.clone()))));
        }
    }

    #[test]
    fn keys_sort_as_values_do_and_read_back() {
        sorted(&[i64::MIN, -2, -1, 0, 1, 1 << 53, (1 << 53) + 1, i64::MAX].map(Scalar::Integer));
        sorted(&[f64::MIN, -1.5, -5e-324, 0.0, 5e-324, 0.1, 2.0, f64::MAX].map(Scalar::Float));
        sorted(&["", "\0", "a", "a\0", "a\0b", "aa", "b", "é", "💥"].map(|s| Scalar::String(s.into())));
        sorted(&[false, true].map(Scalar::Bool));
    }

    #[test]
    fn a_long_string_keeps_its_first_bytes_even_within_a_character() {
        let long = Scalar::String(format!("a{}", "é".repeat(200)));
        assert_eq!(encode(&long).len(), 1 + PREFIX);
        assert_eq!(decode(&encode(&long)), Some(Decoded::Prefix));
    }

    #[test]
    fn negative_zero_is_zero() {
        assert_eq!(encode(&Scalar::Float(-0.0)), encode(&Scalar::Float(0.0)));
    }
}
