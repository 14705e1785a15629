//! The tree as JSON that reads back as it.

use serde_json::{Value as Json, json};

use crate::filter::{Condition, Filter, Leaf};
use crate::metadata::{Scalar, Value};

pub(super) fn filter(filter: &Filter) -> Json {
    match filter {
        Filter::And(children) if children.is_empty() => json!({}),
        Filter::And(children) => json!({ "$and": children.iter().map(self::filter).collect::<Vec<_>>() }),
        Filter::Or(children) => json!({ "$or": children.iter().map(self::filter).collect::<Vec<_>>() }),
        Filter::Not(child) => json!({ "$not": self::filter(child) }),
        Filter::Id(ids) => match ids.as_slice() {
            [id] => json!({ "$id": id }),
            ids => json!({ "$id": { "$in": ids } }),
        },
        Filter::Leaf(leaf) => self::leaf(leaf),
    }
}

fn leaf(leaf: &Leaf) -> Json {
    let (operator, operand) = match &leaf.condition {
        Condition::Eq(operand) => return json!({ &leaf.key: scalar(operand) }),
        Condition::Ne(operand) => ("$ne", scalar(operand)),
        Condition::Gt(operand) => ("$gt", scalar(operand)),
        Condition::Gte(operand) => ("$gte", scalar(operand)),
        Condition::Lt(operand) => ("$lt", scalar(operand)),
        Condition::Lte(operand) => ("$lte", scalar(operand)),
        Condition::In(operands) => ("$in", operands.iter().map(scalar).collect()),
        Condition::NotIn(operands) => ("$nin", operands.iter().map(scalar).collect()),
        Condition::Contains(operand) => ("$contains", scalar(operand)),
        Condition::StartsWith(prefix) => ("$starts_with", json!(prefix)),
        Condition::EndsWith(suffix) => ("$ends_with", json!(suffix)),
        Condition::Exists => ("$exists", json!(true)),
    };
    json!({ &leaf.key: { operator: operand } })
}

fn scalar(scalar: &Scalar) -> Json {
    Value::Scalar(scalar.clone()).to_json()
}
