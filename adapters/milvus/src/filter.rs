//! Leaves of the port's filters as expressions.
//!
//! Only positive expressions are pushed: over a JSON key that is missing, or holds a value of another type, servers and
//! indexes disagree about negations. A key may hold a list, of which any element may meet a leaf: equality asks for
//! that exactly, order cannot, and is widened to every list that is not empty.

use std::collections::BTreeSet;

use portolan_core::driver::dialect::{ByType, Exception, Operator, Predicate, Row, Table};
use portolan_core::filter::PushDown::{self, Exact, Nothing, Superset};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{FieldType, IndexSpec, Scalar};

use crate::columns::DYNAMIC;
use crate::expression::{Expression, like, list, literal, path, pattern, prefix_range, quoted};
use crate::foreign::filter::{dynamic_path, typed};
use crate::layout::{Layout, PARTITION, partition, partition_key};
use crate::server::Server;

/// What servers answer of a key of a JSON object.
const TABLE: Table<Key> = Table {
    rows: &[
        row(Operator::Equal, [Exact; 3]),
        row(Operator::Unequal, [Superset; 3]),
        row(Operator::Order, [Superset; 3]),
        row(Operator::Contains, [Exact, Exact, Superset]),
        row(Operator::StartsWith, [Superset; 3]),
        row(Operator::EndsWith, [Superset; 3]),
        row(Operator::Exists, [Exact; 3]),
    ],
    exceptions: &[
        Exception {
            when: "the field is not declared: it may hold a list of several types, and in Milvus a null",
            at_most: Superset,
            applies: |key, asked| {
                key.declared.is_none() && (key.server != Server::Lite || asked != Predicate::Exists)
            },
        },
        Exception {
            when: "an operand beyond 2^53: Milvus compares numbers as floats",
            at_most: Superset,
            applies: |key, asked| {
                key.server != Server::Lite && asked.operands().iter().any(Scalar::is_beyond_2_53)
            },
        },
        Exception {
            when: "a text, or a bool and a number: Milvus Lite takes the text `[1]` for a list, and `true` for 1",
            at_most: Superset,
            applies: |key, asked| {
                key.server == Server::Lite && asked.operands().iter().any(|o| key.confuses(o))
            },
        },
    ],
};

const fn row(operator: Operator, leaf: [PushDown; 3]) -> Row {
    Row { operator, leaf, complement: [Nothing; 3] }
}

impl Layout {
    /// A leaf, or its complement, which is never pushed.
    pub(crate) fn lower(&self, spec: &IndexSpec, leaf: &Leaf, negated: bool) -> Lowered<Expression> {
        if negated {
            return Lowered::Nothing;
        }
        if let Some(column) = self.columns.get(&leaf.key) {
            return typed(self.server, column, &leaf.condition);
        }
        let path = match self.columns.object {
            Some(DYNAMIC) => dynamic_path(self.server, &leaf.key),
            object => object.and_then(|field| path(self.server, field, &leaf.key)),
        };
        let Some(path) = path else { return Lowered::Nothing };
        let key = Key { server: self.server, path, declared: spec.fields.get(&leaf.key).copied() };
        let lowered = TABLE.lower(&key, &leaf.condition, false, |asked| Some(key.expression(asked)));
        match partitions(spec, leaf) {
            Some(partitions) => lowered.map(|expression| Expression::all([partitions, expression])),
            None => lowered,
        }
    }
}

/// The partitions of the records that meet an equality of the partition key: the server then looks into no other.
fn partitions(spec: &IndexSpec, leaf: &Leaf) -> Option<Expression> {
    let Predicate::AnyOf(operands) = Predicate::from(&leaf.condition) else { return None };
    // That of the empty text has the lists too.
    let texts: BTreeSet<String> = operands.iter().map(partition).chain([String::new()]).collect();
    let partitions = list(texts.iter().map(|text| quoted(text)));
    (partition_key(spec) == Some(&leaf.key)).then(|| Expression::leaf(format!("{PARTITION} in {partitions}")))
}

/// A key of a JSON object.
struct Key {
    server: Server,
    path: String,
    /// The type that binds its values; without, it may hold anything.
    declared: Option<FieldType>,
}

impl Key {
    fn expression(&self, asked: Predicate<'_>) -> Expression {
        let infixes = self.server.finds_infixes();
        match asked {
            Predicate::AnyOf(operands) => self.equality(operands, true),
            Predicate::Contains(Scalar::String(part)) if infixes => Expression::any([
                like(&self.path, &format!("%{}%", pattern(part))),
                self.has_one_of(&[quoted(part)]),
            ]),
            Predicate::Contains(Scalar::String(_)) => self.exists(),
            Predicate::Contains(operand) => self.equality(std::slice::from_ref(operand), false),
            Predicate::Order(order, bound) => {
                // Milvus compares with floats: an operand that may stand for several integers is widened.
                let order = order.widened_if(self.server != Server::Lite && bound.is_beyond_2_53());
                let bound = literal(self.server, bound);
                self.or_list(Expression::leaf(format!("{} {} {bound}", self.path, order.symbol())))
            }
            Predicate::StartsWith(prefix) => self.or_list(prefix_range(&self.path, prefix)),
            Predicate::EndsWith(suffix) if infixes => {
                self.or_list(like(&self.path, &format!("%{}", pattern(suffix))))
            }
            Predicate::EndsWith(_) | Predicate::NoneOf(_) | Predicate::Exists => self.exists(),
        }
    }

    fn exists(&self) -> Expression {
        Expression::leaf(format!("exists {}", self.path))
    }

    /// This, or a list that is not empty.
    fn or_list(&self, expression: Expression) -> Expression {
        Expression::any([expression, Expression::leaf(format!("exists {}[0]", self.path))])
    }

    /// Equal to one of the operands, or a list with an element that is; of a single value only if `scalar`.
    fn equality(&self, operands: &[Scalar], scalar: bool) -> Expression {
        let ByType { texts, numbers, bools } = ByType::of(operands);
        let literals: [Vec<String>; 3] = [
            texts.into_iter().map(quoted).collect(),
            numbers.into_iter().map(|number| literal(self.server, number)).collect(),
            bools.iter().map(bool::to_string).collect(),
        ];
        let equal = |literals: &Vec<String>| {
            [scalar.then(|| self.is_one_of(literals)), Some(self.has_one_of(literals))]
        };
        Expression::any(literals.iter().filter(|group| !group.is_empty()).flat_map(equal).flatten())
    }

    fn is_one_of(&self, literals: &[String]) -> Expression {
        let path = &self.path;
        let bools = literals.iter().any(|l| l == "true" || l == "false");
        if literals.len() > 1 && !bools && self.server != Server::Lite {
            return Expression::leaf(format!("{path} in {}", list(literals)));
        }
        Expression::any(literals.iter().map(|literal| Expression::leaf(format!("{path} == {literal}"))))
    }

    fn has_one_of(&self, literals: &[String]) -> Expression {
        let path = &self.path;
        Expression::leaf(match literals {
            // Milvus Lite takes no negative number here outside a list.
            [one] if self.server != Server::Lite => format!("json_contains({path}, {one})"),
            many => format!("json_contains_any({path}, {})", list(many)),
        })
    }

    /// Whether Milvus Lite may take an operand for something else in this field.
    fn confuses(&self, operand: &Scalar) -> bool {
        match operand {
            _ if self.declared == Some(FieldType::String) => true,
            Scalar::Bool(_) => self.declared != Some(FieldType::Bool),
            Scalar::Integer(_) | Scalar::Float(_) => self.declared == Some(FieldType::Bool),
            Scalar::String(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
