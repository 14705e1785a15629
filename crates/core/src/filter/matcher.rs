//! A filter made ready for many records: a list of operands costs one look-up, however long it is.

use std::collections::HashSet;

use super::{Condition, Filter, Leaf};
use crate::metadata::{Metadata, Scalar, Value};
use crate::number::exact_i64;

/// A filter that is ready to be asked of many records; it means what [`Filter::matches`] says.
///
/// ```
/// use portolan_core::{Filter, Metadata};
///
/// let filter = Filter::parse("year IN (2019, 2020.0)")?;
/// let matcher = filter.matcher();
/// assert!(matcher.matches("a", &Metadata::new().with("year", 2020)));
/// assert!(!matcher.matches("b", &Metadata::new().with("year", "2020")));
/// # Ok::<(), portolan_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Matcher<'f>(Node<'f>);

#[derive(Debug)]
enum Node<'f> {
    And(Vec<Node<'f>>),
    Or(Vec<Node<'f>>),
    Not(Box<Node<'f>>),
    Id(HashSet<&'f str>),
    In(&'f str, HashSet<Operand<'f>>),
    NotIn(&'f str, HashSet<Operand<'f>>),
    Leaf(&'f Leaf),
}

/// A scalar such that those are the same which are equal by the contract: numbers by mathematical value.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Operand<'f> {
    Bool(bool),
    Integer(i64),
    /// The bits of a float that equals no integer.
    Float(u64),
    String(&'f str),
}

impl Filter {
    /// The filter, ready for many records.
    pub fn matcher(&self) -> Matcher<'_> {
        Matcher(Node::of(self))
    }
}

impl Matcher<'_> {
    /// What every record meets.
    pub(crate) fn all() -> Self {
        Self(Node::And(Vec::new()))
    }

    /// Whether a record with this id and metadata meets the filter.
    pub fn matches(&self, id: &str, metadata: &Metadata) -> bool {
        self.0.matches(id, metadata)
    }
}

impl<'f> Node<'f> {
    fn of(filter: &'f Filter) -> Self {
        match filter {
            Filter::And(children) => Self::And(children.iter().map(Self::of).collect()),
            Filter::Or(children) => Self::Or(children.iter().map(Self::of).collect()),
            Filter::Not(child) => Self::Not(Box::new(Self::of(child))),
            Filter::Id(ids) => Self::Id(ids.iter().map(String::as_str).collect()),
            Filter::Leaf(leaf) => match &leaf.condition {
                Condition::In(operands) => Self::In(&leaf.key, set(operands)),
                Condition::NotIn(operands) => Self::NotIn(&leaf.key, set(operands)),
                _ => Self::Leaf(leaf),
            },
        }
    }

    fn matches(&self, id: &str, metadata: &Metadata) -> bool {
        match self {
            Self::And(children) => children.iter().all(|child| child.matches(id, metadata)),
            Self::Or(children) => children.iter().any(|child| child.matches(id, metadata)),
            Self::Not(child) => !child.matches(id, metadata),
            Self::Id(ids) => ids.contains(id),
            Self::In(key, operands) => metadata.get(key).is_some_and(|value| is_in(value, operands)),
            Self::NotIn(key, operands) => metadata.get(key).is_some_and(|value| !is_in(value, operands)),
            Self::Leaf(leaf) => leaf.matches(metadata),
        }
    }
}

fn set(operands: &[Scalar]) -> HashSet<Operand<'_>> {
    operands.iter().filter_map(operand).collect()
}

/// `None` for NaN, which equals nothing.
fn operand(scalar: &Scalar) -> Option<Operand<'_>> {
    match scalar {
        Scalar::Bool(b) => Some(Operand::Bool(*b)),
        Scalar::Integer(i) => Some(Operand::Integer(*i)),
        Scalar::Float(x) if x.is_nan() => None,
        Scalar::Float(x) => Some(exact_i64(*x).map_or(Operand::Float(x.to_bits()), Operand::Integer)),
        Scalar::String(s) => Some(Operand::String(s)),
    }
}

/// Whether the value, or any element of a list, is one of the operands; an opaque value has no elements.
fn is_in(value: &Value, operands: &HashSet<Operand<'_>>) -> bool {
    let holds = |scalar| operand(scalar).is_some_and(|one| operands.contains(&one));
    match value {
        Value::Scalar(scalar) => holds(scalar),
        Value::List(items) => items.iter().any(holds),
        Value::Opaque(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::proptest;

    use super::*;
    use crate::filter::arbitrary::{likely, record};
    use crate::filter::{field, id_in};

    proptest! {
        #[test]
        fn it_agrees_with_the_evaluator(filter in likely(), (id, metadata) in record()) {
            assert_eq!(filter.matcher().matches(&id, &metadata), filter.matches(&id, &metadata));
        }
    }

    #[test]
    fn equal_operands_are_one_and_others_are_not() {
        let odd = (1_i64 << 53) + 1;
        let values = [
            Value::from(0),
            Value::from(-0.0),
            Value::from(2),
            Value::from(2.0),
            Value::from(2.5),
            Value::from(odd),
            Value::from(odd as f64),
            Value::from(i64::MAX),
            Value::from(9_223_372_036_854_775_808.0),
            Value::from(f64::NAN),
            Value::from(true),
            Value::from("2"),
            Value::from("true"),
            Value::list([2, 3]),
            Value::List(Vec::new()),
        ];
        for operand in values.iter().filter_map(Value::as_scalar) {
            let f = || field("f");
            for filter in [f().is_in([operand.clone()]), f().not_in([operand.clone(), "x".into()])] {
                for value in &values {
                    let metadata = Metadata::new().with("f", value.clone());
                    let expected = filter.matches("", &metadata);
                    assert_eq!(filter.matcher().matches("", &metadata), expected, "{filter} on {value:?}");
                }
            }
        }
    }

    #[test]
    fn every_operand_of_a_long_list_is_found() {
        let filter = field("n").is_in(0..5_000) | id_in((0..5_000).map(|n| format!("id {n}")));
        let matcher = filter.matcher();
        for n in 0..10_000 {
            assert_eq!(matcher.matches("", &Metadata::new().with("n", n)), n < 5_000);
            assert_eq!(matcher.matches(&format!("id {n}"), &Metadata::new()), n < 5_000);
        }
    }
}
