//! Leaves of the port's filters as expressions.
//!
//! Only positive expressions are pushed: over a JSON key that is missing, or holds a value of another type, servers and
//! indexes disagree about negations. A key may hold a list, of which any element may meet a leaf: equality asks for
//! that exactly, order cannot, and is widened to every list that is not empty.

use std::collections::BTreeSet;

use portolan_core::driver::NativeId;
use portolan_core::driver::dialect::{ByType, Exception, Operator, Predicate, Row, Side, Table};
use portolan_core::filter::PushDown::{self, Exact, Nothing, Superset};
use portolan_core::filter::{Condition, Leaf, Lowered};
use portolan_core::number::TWO_53;
use portolan_core::{FieldType, IndexSpec, Scalar};

use crate::convert::integer_id;
use crate::expression::{Expression, literal, of_ids, quoted, quoted_list, text};
use crate::layout::{Column, DYNAMIC, Home, Layout, METADATA, PARTITION, Parted, partition};
use crate::proto::schema::DataType;
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

/// Words that are no name in Milvus Lite's expressions.
const KEYWORDS: [&str; 11] =
    ["and", "or", "not", "in", "like", "is", "null", "exists", "iso", "interval", "true"];

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
        match &self.layout.metadata {
            Home::Object if !self.reads(&leaf.key) => Lowered::Nothing,
            Home::Object => {
                let path = format!("{METADATA}[{}]", quoted(&leaf.key));
                let declared = self.spec.fields.get(&leaf.key).copied();
                let lowered = Key { server: self.server, path, declared }.lower(&leaf.condition);
                self.parted(leaf, lowered)
            }
            Home::Columns { columns, dynamic } => match columns.iter().find(|c| c.name == leaf.key) {
                Some(column) => typed(self.server, column, &leaf.condition),
                None if *dynamic => self.dynamic(leaf),
                None => Lowered::Nothing,
            },
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
            .filter(|id| integer_id(id).is_some_and(|i| i != i64::MIN))
            .map(NativeId::to_string)
            .collect();
        format!("[{}]", integers.join(", "))
    }

    /// Whether the server reads a path with this key: Milvus splits it at brackets, though they stand in quotes.
    fn reads(&self, key: &str) -> bool {
        self.server == Server::Lite || !key.contains("][")
    }

    /// A key of the dynamic field. Milvus Lite finds lists in it only under a plain name.
    fn dynamic(&self, leaf: &Leaf) -> Lowered<Expression> {
        let path = match self.server {
            Server::Lite if is_plain_name(&leaf.key) => leaf.key.clone(),
            Server::Lite => return Lowered::Nothing,
            _ if !self.reads(&leaf.key) => return Lowered::Nothing,
            _ => format!("{DYNAMIC}[{}]", quoted(&leaf.key)),
        };
        Key { server: self.server, path, declared: None }.lower(&leaf.condition)
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

/// A field of one type in a collection of another program: never narrower than the leaf.
fn typed(server: Server, column: &Column, condition: &Condition) -> Lowered<Expression> {
    let (name, asked) = (&column.name, Predicate::from(condition));
    let expression = match column.of {
        DataType::VarChar | DataType::String => of_text(server, name, asked),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => of_integer(column, asked),
        DataType::Float | DataType::Double => of_float(name, asked),
        DataType::Bool => match asked {
            Predicate::AnyOf([Scalar::Bool(b)]) => Some(format!("{name} == {b}")),
            _ => None,
        },
        _ => None,
    };
    Superset.lowered(expression.map(text))
}

fn of_text(server: Server, name: &str, asked: Predicate<'_>) -> Option<String> {
    let like = |text: String| server.finds_infixes().then(|| format!("{name} like {}", quoted(&text)));
    match asked {
        Predicate::AnyOf(operands) => {
            let texts = ByType::of(operands).texts;
            (!texts.is_empty()).then(|| format!("{name} in {}", quoted_list(texts)))
        }
        Predicate::Order(order, Scalar::String(bound)) => {
            Some(format!("{name} {} {}", order.symbol(), quoted(bound)))
        }
        Predicate::StartsWith(prefix) => Some(prefix_range(name, prefix).to_string()),
        Predicate::EndsWith(suffix) => like(format!("%{}", pattern(suffix))),
        Predicate::Contains(Scalar::String(text)) => like(format!("%{}%", pattern(text))),
        _ => None,
    }
}

fn of_integer(column: &Column, asked: Predicate<'_>) -> Option<String> {
    let name = &column.name;
    let (least, most) = match column.of {
        DataType::Int8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
        DataType::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        DataType::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN + 1, i64::MAX),
    };
    let whole = |scalar: &Scalar, round: fn(f64) -> f64| match scalar {
        Scalar::Integer(i) => Some(*i),
        Scalar::Float(x) => Some(round(*x)).filter(|x| x.abs() < TWO_53).map(|x| x as i64),
        _ => None,
    };
    let whole = |scalar, round| whole(scalar, round).filter(|i| (least..=most).contains(i));
    match asked {
        Predicate::AnyOf(operands) => {
            // An operand that is no integer of this type equals none.
            let possible = operands.iter().filter(|o| !matches!(o, Scalar::Float(x) if x.fract() != 0.0));
            let integers: Vec<String> =
                possible.map(|o| whole(o, f64::round).map(|i| i.to_string())).collect::<Option<_>>()?;
            (!integers.is_empty()).then(|| format!("{name} in [{}]", integers.join(", ")))
        }
        Predicate::Order(order, bound) => {
            let round = if order.side == Side::Above { f64::floor } else { f64::ceil };
            whole(bound, round).map(|i| format!("{name} {} {i}", order.widened().symbol()))
        }
        _ => None,
    }
}

/// A field may be of single precision, which the server compares as such: a comparison includes what is equal.
fn of_float(name: &str, asked: Predicate<'_>) -> Option<String> {
    let (symbol, operand) = match asked {
        Predicate::AnyOf([operand]) => ("==", operand),
        Predicate::Order(order, bound) => (order.widened().symbol(), bound),
        _ => return None,
    };
    operand.as_float().map(|x| format!("{name} {symbol} {x:?}"))
}

/// The texts that begin with a prefix: they lie between it and the next text that does not.
fn prefix_range(path: &str, prefix: &str) -> Expression {
    let from = text(format!("{path} >= {}", quoted(prefix)));
    let end = after(prefix).map(|end| text(format!("{path} < {}", quoted(&end))));
    Expression::all(std::iter::once(from).chain(end))
}

/// The least text behind all that begin with a prefix, by bytes, which is by characters.
fn after(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// A text as a pattern of `like`. What is special there cannot be escaped everywhere: any character may stand for it.
fn pattern(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '%' | '\\') { '_' } else { c }).collect()
}

fn is_plain_name(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !KEYWORDS.contains(&lower.as_str())
        && lower != "false"
}

#[cfg(test)]
mod tests;
