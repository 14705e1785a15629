//! Leaves of the port's filters as expressions.
//!
//! Only positive expressions are pushed: over a JSON key that is missing, or holds a value of another type, servers and
//! indexes disagree about negations. A key may hold a list, of which any element may meet a leaf: equality asks for
//! that exactly, order cannot, and is widened to every list that is not empty.

use std::collections::BTreeSet;

use portolan_core::driver::NativeId;
use portolan_core::filter::{Condition, Leaf, Lowered};
use portolan_core::{FieldType, IndexSpec, Scalar};

use crate::convert::integer_id;
use crate::expression::{Expression, literal, quoted, quoted_list};
use crate::layout::{Column, DYNAMIC, Home, Layout, METADATA, PARTITION, Parted, partition};
use crate::proto::schema::DataType;
use crate::server::Server;

/// From here on a float may stand for more than one integer.
const TWO_53: f64 = 9_007_199_254_740_992.0;

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
                let lowered = Key { server: self.server, path, declared }.condition(&leaf.condition);
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
        let operands = match &leaf.condition {
            Condition::Eq(operand) => std::slice::from_ref(operand),
            Condition::In(operands) => operands,
            _ => return lowered,
        };
        // That of the empty text has the lists too.
        let partitions: BTreeSet<String> = operands.iter().map(partition).chain([String::new()]).collect();
        let list = quoted_list(partitions.iter().map(String::as_str));
        let within =
            |expression| Expression::all(vec![Expression::new(format!("{PARTITION} in {list}")), expression]);
        match lowered {
            Lowered::Exact(expression) => Lowered::Exact(within(expression)),
            Lowered::Superset(expression) => Lowered::Superset(within(expression)),
            Lowered::Nothing => Lowered::Nothing,
        }
    }

    /// `id in ids`, or its complement.
    pub(crate) fn ids(&self, ids: &[NativeId], negated: bool) -> Lowered<Expression> {
        let list = self.id_list(ids);
        let operator = if negated { "not in" } else { "in" };
        match list.as_str() {
            "[]" if negated => Lowered::Nothing,
            list => Lowered::Exact(Expression::of_ids(format!("{} {operator} {list}", self.layout.id))),
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
        Key { server: self.server, path, declared: None }.condition(&leaf.condition)
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
    fn condition(&self, condition: &Condition) -> Lowered<Expression> {
        let one = std::slice::from_ref;
        match condition {
            Condition::Eq(operand) => self.equality(one(operand), true),
            Condition::In(operands) => self.equality(operands, true),
            Condition::Contains(Scalar::String(text)) => self.contains(text),
            Condition::Contains(operand) => self.equality(one(operand), false),
            Condition::Gt(operand) => self.order(">", operand),
            Condition::Gte(operand) => self.order(">=", operand),
            Condition::Lt(operand) => self.order("<", operand),
            Condition::Lte(operand) => self.order("<=", operand),
            Condition::StartsWith(prefix) => {
                Lowered::Superset(self.or_list(prefix_range(&self.path, prefix)))
            }
            Condition::EndsWith(suffix) if self.server.finds_infixes() => {
                let pattern = format!("{} like {}", self.path, quoted(&format!("%{}", pattern(suffix))));
                Lowered::Superset(self.or_list(Expression::new(pattern)))
            }
            Condition::EndsWith(_) | Condition::Ne(_) | Condition::NotIn(_) => {
                Lowered::Superset(self.exists())
            }
            // In Milvus a null of another program exists too; a declared field has none.
            Condition::Exists if self.server == Server::Lite || self.declared.is_some() => {
                Lowered::Exact(self.exists())
            }
            Condition::Exists => Lowered::Superset(self.exists()),
        }
    }

    fn exists(&self) -> Expression {
        Expression::new(format!("exists {}", self.path))
    }

    /// This, or a list that is not empty.
    fn or_list(&self, expression: Expression) -> Expression {
        Expression::any(vec![expression, Expression::new(format!("exists {}[0]", self.path))])
    }

    /// Equal to one of the operands, or a list with an element that is; of a single value only if `scalar`.
    fn equality(&self, operands: &[Scalar], scalar: bool) -> Lowered<Expression> {
        let mut parts = Vec::new();
        for group in by_type(operands) {
            let literals: Vec<String> = group.iter().map(|operand| literal(self.server, operand)).collect();
            if scalar {
                parts.push(self.is_one_of(&literals));
            }
            parts.push(self.has_one_of(&literals));
        }
        let expression = Expression::any(parts);
        if self.is_exact(operands) { Lowered::Exact(expression) } else { Lowered::Superset(expression) }
    }

    fn is_one_of(&self, literals: &[String]) -> Expression {
        let path = &self.path;
        if self.server == Server::Lite
            || literals.len() == 1
            || literals.iter().any(|l| l == "true" || l == "false")
        {
            let equal = literals.iter().map(|literal| Expression::new(format!("{path} == {literal}")));
            return Expression::any(equal.collect());
        }
        Expression::new(format!("{path} in [{}]", literals.join(", ")))
    }

    fn has_one_of(&self, literals: &[String]) -> Expression {
        let path = &self.path;
        Expression::new(match literals {
            // Milvus Lite takes no negative number here outside a list.
            [one] if self.server != Server::Lite => format!("json_contains({path}, {one})"),
            many => format!("json_contains_any({path}, [{}])", many.join(", ")),
        })
    }

    /// Whether equality answers just as the contract does.
    ///
    /// Not where a list may mix types: that is one value of the contract, and the server looks into it. Milvus compares
    /// numbers as floats; Milvus Lite takes `true` for 1, and the text `[1]` for a list.
    fn is_exact(&self, operands: &[Scalar]) -> bool {
        let Some(declared) = self.declared else { return false };
        let confused = |operand: &Scalar| match operand {
            Scalar::Bool(_) => declared != FieldType::Bool,
            Scalar::Integer(_) | Scalar::Float(_) => declared == FieldType::Bool,
            Scalar::String(_) => false,
        };
        match self.server {
            Server::Lite => declared != FieldType::String && !operands.iter().any(confused),
            _ => !operands.iter().any(is_beyond_2_53),
        }
    }

    /// Milvus compares with floats: an operand that may stand for several integers is widened.
    fn order(&self, operator: &str, operand: &Scalar) -> Lowered<Expression> {
        let wide = self.server != Server::Lite && is_beyond_2_53(operand);
        let operator = if wide { widened(operator) } else { operator };
        let operand = literal(self.server, operand);
        Lowered::Superset(self.or_list(Expression::new(format!("{} {operator} {operand}", self.path))))
    }

    fn contains(&self, text: &str) -> Lowered<Expression> {
        if !self.server.finds_infixes() {
            return Lowered::Superset(self.exists());
        }
        let like = Expression::new(format!("{} like {}", self.path, quoted(&format!("%{}%", pattern(text)))));
        Lowered::Superset(Expression::any(vec![like, self.has_one_of(&[quoted(text)])]))
    }
}

/// A field of one type in a collection of another program: never narrower than the leaf.
fn typed(server: Server, column: &Column, condition: &Condition) -> Lowered<Expression> {
    let expression = match column.of {
        DataType::VarChar | DataType::String => of_text(server, &column.name, condition),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => of_integer(column, condition),
        DataType::Float | DataType::Double => of_float(&column.name, condition),
        DataType::Bool => match condition {
            Condition::Eq(Scalar::Bool(b)) => Some(format!("{} == {b}", column.name)),
            _ => None,
        },
        _ => None,
    };
    expression.map_or(Lowered::Nothing, |text| Lowered::Superset(Expression::new(text)))
}

fn of_text(server: Server, name: &str, condition: &Condition) -> Option<String> {
    let texts = |operands: &[Scalar]| {
        let texts: Vec<&str> = operands.iter().filter_map(Scalar::as_str).collect();
        (!texts.is_empty()).then(|| format!("{name} in {}", quoted_list(texts)))
    };
    let order = |operator: &str, operand: &Scalar| {
        operand.as_str().map(|text| format!("{name} {operator} {}", quoted(text)))
    };
    let like = |text: String| server.finds_infixes().then(|| format!("{name} like {}", quoted(&text)));
    match condition {
        Condition::Eq(operand) => texts(std::slice::from_ref(operand)),
        Condition::In(operands) => texts(operands),
        Condition::Gt(operand) => order(">", operand),
        Condition::Gte(operand) => order(">=", operand),
        Condition::Lt(operand) => order("<", operand),
        Condition::Lte(operand) => order("<=", operand),
        Condition::StartsWith(prefix) => Some(prefix_range(name, prefix).to_string()),
        Condition::EndsWith(suffix) => like(format!("%{}", pattern(suffix))),
        Condition::Contains(Scalar::String(text)) => like(format!("%{}%", pattern(text))),
        _ => None,
    }
}

fn of_integer(column: &Column, condition: &Condition) -> Option<String> {
    let name = &column.name;
    let (least, most) = match column.of {
        DataType::Int8 => (i64::from(i8::MIN), i64::from(i8::MAX)),
        DataType::Int16 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        DataType::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN + 1, i64::MAX),
    };
    let fits = |i: &i64| (least..=most).contains(i);
    let whole = |scalar: &Scalar, round: fn(f64) -> f64| match scalar {
        Scalar::Integer(i) => Some(*i).filter(fits),
        Scalar::Float(x) if round(*x).abs() < TWO_53 => Some(round(*x) as i64).filter(fits),
        _ => None,
    };
    let equal = |operands: &[Scalar]| {
        // An operand that is no integer of this type equals none.
        let integers: Vec<String> = operands
            .iter()
            .filter(|o| !matches!(o, Scalar::Float(x) if x.fract() != 0.0))
            .map(|o| whole(o, f64::round).map(|i| i.to_string()))
            .collect::<Option<_>>()?;
        (!integers.is_empty()).then(|| format!("{name} in [{}]", integers.join(", ")))
    };
    match condition {
        Condition::Eq(operand) => equal(std::slice::from_ref(operand)),
        Condition::In(operands) => equal(operands),
        Condition::Gt(operand) | Condition::Gte(operand) => {
            whole(operand, f64::floor).map(|i| format!("{name} >= {i}"))
        }
        Condition::Lt(operand) | Condition::Lte(operand) => {
            whole(operand, f64::ceil).map(|i| format!("{name} <= {i}"))
        }
        _ => None,
    }
}

/// A field may be of single precision, which the server compares as such: a comparison includes what is equal.
fn of_float(name: &str, condition: &Condition) -> Option<String> {
    let number = |scalar: &Scalar| match scalar {
        Scalar::Integer(i) => Some(*i as f64),
        Scalar::Float(x) => Some(*x),
        _ => None,
    };
    let order =
        |operator: &str, operand: &Scalar| number(operand).map(|x| format!("{name} {operator} {x:?}"));
    match condition {
        Condition::Eq(operand) => order("==", operand),
        Condition::Gt(operand) | Condition::Gte(operand) => order(">=", operand),
        Condition::Lt(operand) | Condition::Lte(operand) => order("<=", operand),
        _ => None,
    }
}

/// The texts that begin with a prefix: they lie between it and the next text that does not.
fn prefix_range(path: &str, prefix: &str) -> Expression {
    let from = Expression::new(format!("{path} >= {}", quoted(prefix)));
    match after(prefix) {
        None => from,
        Some(end) => Expression::all(vec![from, Expression::new(format!("{path} < {}", quoted(&end)))]),
    }
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

fn by_type(operands: &[Scalar]) -> Vec<Vec<&Scalar>> {
    let of = |wanted: fn(&Scalar) -> bool| operands.iter().filter(|s| wanted(s)).collect::<Vec<_>>();
    let groups = [
        of(|s| matches!(s, Scalar::String(_))),
        of(|s| matches!(s, Scalar::Integer(_) | Scalar::Float(_))),
        of(|s| matches!(s, Scalar::Bool(_))),
    ];
    groups.into_iter().filter(|group| !group.is_empty()).collect()
}

fn is_beyond_2_53(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Integer(i) => (*i as f64).abs() >= TWO_53,
        Scalar::Float(x) => x.abs() >= TWO_53,
        _ => false,
    }
}

fn widened(operator: &str) -> &'static str {
    if operator.starts_with('>') { ">=" } else { "<=" }
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
