//! Leaves of the port's filters as expressions.
//!
//! Only positive expressions are pushed: over a JSON key that is missing, or holds a value of another type, servers and
//! indexes disagree about negations. A key may hold a list, of which any element may meet a leaf: equality asks for
//! that exactly, order cannot, and is widened to every list that is not empty.

use std::collections::BTreeSet;

use portolan_core::driver::NativeId;
use portolan_core::driver::dialect::{ByType, Exception, Operator, Predicate, Row, Table};
use portolan_core::driver::kit::integer_id;
use portolan_core::filter::PushDown::{self, Exact, Nothing, Superset};
use portolan_core::filter::{Condition, Leaf, Lowered};
use portolan_core::{FieldType, IndexSpec, Scalar};

use crate::expression::{
    Expression, literal, of_ids, pattern, prefix_range, quoted, quoted_list, reads, text,
};
use crate::foreign::filter::{dynamic_path, typed};
use crate::layout::{Layout, METADATA, PARTITION, Parted, partition};
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

/// What lowering needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) server: Server,
    pub(crate) layout: &'a Layout,
    pub(crate) spec: &'a IndexSpec,
}

impl Scope<'_> {
    /// A leaf, or its complement, which is never pushed.
    pub(crate) fn leaf(&self, leaf: &Leaf, negated: bool) -> Lowered<Expression> {
        if negated {
            return Lowered::Nothing;
        }
        let Some(columns) = &self.layout.columns else {
            if !reads(self.server, &leaf.key) {
                return Lowered::Nothing;
            }
            let path = format!("{METADATA}[{}]", quoted(&leaf.key));
            let declared = self.spec.fields.get(&leaf.key).copied();
            let lowered = Key { server: self.server, path, declared }.lower(&leaf.condition);
            return self.parted(leaf, lowered);
        };
        if let Some(column) = columns.get(&leaf.key) {
            return typed(self.server, column, &leaf.condition);
        }
        match dynamic_path(self.server, &leaf.key).filter(|_| columns.dynamic) {
            Some(path) => Key { server: self.server, path, declared: None }.lower(&leaf.condition),
            None => Lowered::Nothing,
        }
    }

    /// An equality of the partition key, with the partitions that its records are in: the server then looks into no other.
    fn parted(&self, leaf: &Leaf, lowered: Lowered<Expression>) -> Lowered<Expression> {
        if !matches!(&self.layout.parted, Parted::ByKey(key) if *key == leaf.key) {
            return lowered;
        }
        let Predicate::AnyOf(operands) = Predicate::from(&leaf.condition) else { return lowered };
        // That of the empty text has the lists too.
        let partitions: BTreeSet<String> = operands.iter().map(partition).chain([String::new()]).collect();
        let list = quoted_list(partitions.iter().map(String::as_str));
        lowered.map(|expression| Expression::all([text(format!("{PARTITION} in {list}")), expression]))
    }

    /// `id in ids`, or its complement.
    pub(crate) fn ids(&self, ids: &[NativeId], negated: bool) -> Lowered<Expression> {
        let list = self.id_list(ids);
        let operator = if negated { "not in" } else { "in" };
        match list.as_str() {
            "[]" if negated => Lowered::Nothing,
            list => Lowered::Exact(of_ids(format!("{} {operator} {list}", self.layout.id))),
        }
    }

    /// The ids as a list literal, without those that no record of this collection can have.
    pub(crate) fn id_list(&self, ids: &[NativeId]) -> String {
        if !self.layout.integer_ids {
            return quoted_list(ids.iter().map(NativeId::as_str));
        }
        let integers: Vec<String> = ids
            .iter()
            .filter(|id| integer_id(id).is_some_and(|i: i64| i != i64::MIN))
            .map(NativeId::to_string)
            .collect();
        format!("[{}]", integers.join(", "))
    }
}

/// A key of a JSON object.
struct Key {
    server: Server,
    path: String,
    /// The type that binds its values; without, it may hold anything.
    declared: Option<FieldType>,
}

impl Key {
    fn lower(&self, condition: &Condition) -> Lowered<Expression> {
        TABLE.lower(self, condition, false, |asked| Some(self.expression(asked)))
    }

    fn expression(&self, asked: Predicate<'_>) -> Expression {
        let infixes = self.server.finds_infixes();
        match asked {
            Predicate::AnyOf(operands) => self.equality(operands, true),
            Predicate::Contains(Scalar::String(part)) if infixes => Expression::any([
                self.like(&format!("%{}%", pattern(part))),
                self.has_one_of(&[quoted(part)]),
            ]),
            Predicate::Contains(Scalar::String(_)) => self.exists(),
            Predicate::Contains(operand) => self.equality(std::slice::from_ref(operand), false),
            Predicate::Order(order, bound) => {
                // Milvus compares with floats: an operand that may stand for several integers is widened.
                let order = order.widened_if(self.server != Server::Lite && bound.is_beyond_2_53());
                let bound = literal(self.server, bound);
                self.or_list(text(format!("{} {} {bound}", self.path, order.symbol())))
            }
            Predicate::StartsWith(prefix) => self.or_list(prefix_range(&self.path, prefix)),
            Predicate::EndsWith(suffix) if infixes => {
                self.or_list(self.like(&format!("%{}", pattern(suffix))))
            }
            Predicate::EndsWith(_) | Predicate::NoneOf(_) | Predicate::Exists => self.exists(),
        }
    }

    fn exists(&self) -> Expression {
        text(format!("exists {}", self.path))
    }

    fn like(&self, pattern: &str) -> Expression {
        text(format!("{} like {}", self.path, quoted(pattern)))
    }

    /// This, or a list that is not empty.
    fn or_list(&self, expression: Expression) -> Expression {
        Expression::any([expression, text(format!("exists {}[0]", self.path))])
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
        if self.server == Server::Lite
            || literals.len() == 1
            || literals.iter().any(|l| l == "true" || l == "false")
        {
            return Expression::any(literals.iter().map(|literal| text(format!("{path} == {literal}"))));
        }
        text(format!("{path} in [{}]", literals.join(", ")))
    }

    fn has_one_of(&self, literals: &[String]) -> Expression {
        let path = &self.path;
        text(match literals {
            // Milvus Lite takes no negative number here outside a list.
            [one] if self.server != Server::Lite => format!("json_contains({path}, {one})"),
            many => format!("json_contains_any({path}, [{}])", many.join(", ")),
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
