//! Filters with other meanings.

use portolan_core::filter::{Condition, Leaf};
use portolan_core::{Filter, Metadata, Scalar, Value};

/// A filter in which leaves on present fields mean something else; `None` leaves one its meaning.
pub(super) fn with_leaves(
    filter: &Filter,
    id: &str,
    metadata: &Metadata,
    meets: fn(&Condition, &Value) -> Option<bool>,
) -> bool {
    let leaf = |leaf: &Leaf| match metadata.get(&leaf.key) {
        Some(value) => meets(&leaf.condition, value).unwrap_or_else(|| leaf.condition.matches(value)),
        None => false,
    };
    evaluate(filter, id, &leaf)
}

/// A filter in which leaves on missing fields mean something.
pub(super) fn with_missing(
    filter: &Filter,
    id: &str,
    metadata: &Metadata,
    meets: fn(&Condition) -> bool,
) -> bool {
    let leaf = |leaf: &Leaf| match metadata.get(&leaf.key) {
        Some(value) => leaf.condition.matches(value),
        None => meets(&leaf.condition),
    };
    evaluate(filter, id, &leaf)
}

/// A filter over metadata that is changed first, operands too.
pub(super) fn with_scalars(
    filter: &Filter,
    id: &str,
    metadata: &Metadata,
    change: fn(&Scalar) -> Scalar,
) -> bool {
    let list = |items: &[Scalar]| items.iter().map(change).collect::<Vec<_>>();
    let value = |value: &Value| match value {
        Value::Scalar(s) => Value::Scalar(change(s)),
        Value::List(items) => Value::List(list(items)),
        opaque => opaque.clone(),
    };
    let text = |text: &String| change(&Scalar::from(text)).to_string();
    let condition = |condition: &Condition| match condition {
        Condition::Eq(s) => Condition::Eq(change(s)),
        Condition::Ne(s) => Condition::Ne(change(s)),
        Condition::Gt(s) => Condition::Gt(change(s)),
        Condition::Gte(s) => Condition::Gte(change(s)),
        Condition::Lt(s) => Condition::Lt(change(s)),
        Condition::Lte(s) => Condition::Lte(change(s)),
        Condition::Contains(s) => Condition::Contains(change(s)),
        Condition::In(items) => Condition::In(list(items)),
        Condition::NotIn(items) => Condition::NotIn(list(items)),
        Condition::StartsWith(s) => Condition::StartsWith(text(s)),
        Condition::EndsWith(s) => Condition::EndsWith(text(s)),
        Condition::Exists => Condition::Exists,
    };
    let leaf = |leaf: &Leaf| {
        metadata.get(&leaf.key).is_some_and(|found| condition(&leaf.condition).matches(&value(found)))
    };
    evaluate(filter, id, &leaf)
}

/// Whether the filter is met, where the leaves are answered so.
pub(super) fn evaluate(filter: &Filter, id: &str, leaf: &dyn Fn(&Leaf) -> bool) -> bool {
    match filter {
        Filter::And(children) => children.iter().all(|f| evaluate(f, id, leaf)),
        Filter::Or(children) => children.iter().any(|f| evaluate(f, id, leaf)),
        Filter::Not(child) => !evaluate(child, id, leaf),
        Filter::Id(ids) => ids.iter().any(|i| i == id),
        Filter::Leaf(of) => leaf(of),
    }
}

/// The three truth values of SQL: a leaf on a missing field is neither true nor false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Truth {
    False,
    Unknown,
    True,
}

impl From<bool> for Truth {
    fn from(met: bool) -> Self {
        if met { Self::True } else { Self::False }
    }
}

/// A filter under SQL's logic.
pub(super) fn three_valued(filter: &Filter, id: &str, metadata: &Metadata) -> Truth {
    let each = |children: &[Filter]| {
        children.iter().map(|f| three_valued(f, id, metadata)).collect::<Vec<_>>().into_iter()
    };
    match filter {
        Filter::And(children) => each(children).min().unwrap_or(Truth::True),
        Filter::Or(children) => each(children).max().unwrap_or(Truth::False),
        Filter::Not(child) => match three_valued(child, id, metadata) {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        },
        Filter::Id(ids) => ids.iter().any(|i| i == id).into(),
        Filter::Leaf(Leaf { condition: Condition::Exists, key }) => metadata.contains_key(key).into(),
        Filter::Leaf(leaf) => {
            metadata.get(&leaf.key).map_or(Truth::Unknown, |value| leaf.condition.matches(value).into())
        }
    }
}
