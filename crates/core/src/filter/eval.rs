//! The one evaluator: what a filter means. Adapters and the oracle use it alike.

use std::cmp::Ordering;

use super::{Condition, Filter, Leaf};
use crate::metadata::{Metadata, Scalar, Value};
use crate::number;

impl Filter {
    /// Whether a record with this id and metadata meets the filter.
    pub fn matches(&self, id: &str, metadata: &Metadata) -> bool {
        match self {
            Self::And(children) => children.iter().all(|f| f.matches(id, metadata)),
            Self::Or(children) => children.iter().any(|f| f.matches(id, metadata)),
            Self::Not(child) => !child.matches(id, metadata),
            Self::Id(ids) => ids.iter().any(|i| i == id),
            Self::Leaf(leaf) => leaf.matches(metadata),
        }
    }
}

impl Leaf {
    /// Whether a record with this metadata meets the leaf.
    pub fn matches(&self, metadata: &Metadata) -> bool {
        metadata.get(&self.key).is_some_and(|value| self.condition.matches(value))
    }
}

impl Condition {
    /// Whether a present value meets the condition.
    pub fn matches(&self, value: &Value) -> bool {
        match self {
            Self::Exists => true,
            Self::Ne(operand) => !any(value, |v| equal(v, operand)),
            Self::NotIn(operands) => !any(value, |v| operands.iter().any(|o| equal(v, o))),
            Self::Contains(operand) => contains(value, operand),
            positive => any(value, |v| positive.meets(v)),
        }
    }

    /// Whether one element meets a positive condition.
    fn meets(&self, element: &Scalar) -> bool {
        match self {
            Self::Eq(operand) => equal(element, operand),
            Self::In(operands) => operands.iter().any(|o| equal(element, o)),
            Self::Gt(operand) => compare(element, operand) == Some(Ordering::Greater),
            Self::Gte(operand) => compare(element, operand).is_some_and(Ordering::is_ge),
            Self::Lt(operand) => compare(element, operand) == Some(Ordering::Less),
            Self::Lte(operand) => compare(element, operand).is_some_and(Ordering::is_le),
            Self::StartsWith(prefix) => element.as_str().is_some_and(|s| s.starts_with(prefix.as_str())),
            Self::EndsWith(suffix) => element.as_str().is_some_and(|s| s.ends_with(suffix.as_str())),
            Self::Ne(_) | Self::NotIn(_) | Self::Contains(_) | Self::Exists => false,
        }
    }
}

/// Whether any element of a list, or the single value, meets the test; an opaque value has no elements.
fn any(value: &Value, test: impl Fn(&Scalar) -> bool) -> bool {
    match value {
        Value::Scalar(scalar) => test(scalar),
        Value::List(items) => items.iter().any(test),
        Value::Opaque(_) => false,
    }
}

fn contains(value: &Value, operand: &Scalar) -> bool {
    match value {
        Value::Scalar(Scalar::String(text)) => operand.as_str().is_some_and(|part| text.contains(part)),
        Value::List(items) => items.iter().any(|item| equal(item, operand)),
        Value::Scalar(_) | Value::Opaque(_) => false,
    }
}

/// Equality of the contract: numbers by mathematical value, values of different types never.
pub(crate) fn equal(a: &Scalar, b: &Scalar) -> bool {
    match (a, b) {
        (Scalar::Bool(a), Scalar::Bool(b)) => a == b,
        _ => compare(a, b) == Some(Ordering::Equal),
    }
}

/// Order of the contract: numbers among themselves, strings by their bytes, nothing else.
fn compare(a: &Scalar, b: &Scalar) -> Option<Ordering> {
    match (a, b) {
        (Scalar::String(a), Scalar::String(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Scalar::Integer(a), Scalar::Integer(b)) => Some(a.cmp(b)),
        (Scalar::Float(a), Scalar::Float(b)) => a.partial_cmp(b),
        (Scalar::Integer(a), Scalar::Float(b)) => number::compare(*a, *b),
        (Scalar::Float(a), Scalar::Integer(b)) => number::compare(*b, *a).map(Ordering::reverse),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
