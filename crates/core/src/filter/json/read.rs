//! JSON to the tree.

use std::fmt::Display;

use super::node::Node;
use crate::error::{Error, Result};
use crate::filter::{Condition, Filter, Leaf};
use crate::metadata::Scalar;
use crate::suggest::did_you_mean;

const LOGIC: [&str; 4] = ["$and", "$or", "$not", "$id"];

const OPERATORS: [&str; 13] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$contains",
    "$starts_with",
    "$ends_with",
    "$exists",
    "$not",
];

/// The flat and valid filter that the JSON stands for.
pub(super) fn filter(node: Node) -> Result<Filter> {
    let filter = tree(node).map_err(Problem::into_error)?.flat();
    filter.validate()?;
    Ok(filter)
}

/// What is wrong, and where.
struct Problem {
    path: String,
    message: String,
}

type Read<T = Filter> = std::result::Result<T, Problem>;

fn problem<T>(message: impl Into<String>) -> Read<T> {
    Err(Problem { path: String::new(), message: message.into() })
}

impl Problem {
    /// The problem seen from one level further out.
    fn within(mut self, step: impl Display) -> Self {
        self.path = format!("{step}{}", self.path);
        self
    }

    fn into_error(self) -> Error {
        let path = self.path.strip_prefix('.').unwrap_or(&self.path);
        let at = if path.is_empty() { String::new() } else { format!(" at {path}") };
        Error::invalid(format!("filter{at}: {}", self.message))
    }
}

/// A filter at any level: an object of fields and `$and`, `$or`, `$not`, `$id`.
fn tree(node: Node) -> Read {
    let Node::Object(entries) = node else {
        return problem(format!("expected a filter, which is an object, found {}", node.describe()));
    };
    let read = |(key, node): (String, Node)| entry(&key, node).map_err(|f| f.within(format!(".{key}")));
    entries.into_iter().map(read).collect::<Read<_>>().map(Filter::And)
}

fn entry(key: &str, node: Node) -> Read {
    match key {
        "$and" => filters(node).map(Filter::And),
        "$or" => filters(node).map(Filter::Or),
        "$not" => tree(node).map(|f| !f),
        "$id" => id(node),
        other if other.starts_with('$') => problem(unknown_logic(other)),
        field => condition(field, node),
    }
}

fn filters(node: Node) -> Read<Vec<Filter>> {
    list(node, "filters", tree)
}

fn id(node: Node) -> Read {
    const USE: &str = r#"$id takes a string or {"$in": [strings]}"#;
    match node {
        Node::Scalar(Scalar::String(id)) => Ok(Filter::Id(vec![id])),
        Node::Object(mut operators) => match (operators.pop(), operators.is_empty()) {
            (Some((operator, ids)), true) if operator == "$in" => {
                list(ids, "strings", |item| string(item, USE)).map(Filter::Id).map_err(|f| f.within(".$in"))
            }
            _ => problem(format!(r#"{USE}; to negate it, use {{"$not": {{"$id": …}}}}"#)),
        },
        other => problem(format!("{USE}, not {}", other.describe())),
    }
}

/// What a field is asked: a value to be equal to, or an object of operators.
fn condition(key: &str, node: Node) -> Read {
    match node {
        Node::Scalar(operand) => Ok(leaf(key, Condition::Eq(operand))),
        Node::Null => problem(r#"null is no value; for a missing field use {"$exists": false}"#),
        Node::List(_) => problem(bare_list(key)),
        Node::Object(operators) if operators.is_empty() => {
            problem("the object names no operator, such as $eq")
        }
        Node::Object(operators) => {
            let read =
                |(op, node): (String, Node)| operator(key, &op, node).map_err(|f| f.within(format!(".{op}")));
            operators.into_iter().map(read).collect::<Read<_>>().map(Filter::And)
        }
    }
}

fn operator(key: &str, operator: &str, node: Node) -> Read {
    let condition = match operator {
        "$eq" => Condition::Eq(scalar(node)?),
        "$ne" => Condition::Ne(scalar(node)?),
        "$gt" => Condition::Gt(scalar(node)?),
        "$gte" => Condition::Gte(scalar(node)?),
        "$lt" => Condition::Lt(scalar(node)?),
        "$lte" => Condition::Lte(scalar(node)?),
        "$in" => Condition::In(list(node, "values", scalar)?),
        "$nin" => Condition::NotIn(list(node, "values", scalar)?),
        "$contains" => Condition::Contains(scalar(node)?),
        "$starts_with" => Condition::StartsWith(string(node, "$starts_with takes a string")?),
        "$ends_with" => Condition::EndsWith(string(node, "$ends_with takes a string")?),
        "$exists" => return exists(key, node),
        "$not" => return not(key, node),
        other => return problem(unknown_operator(other)),
    };
    Ok(leaf(key, condition))
}

fn exists(key: &str, node: Node) -> Read {
    match node {
        Node::Scalar(Scalar::Bool(true)) => Ok(leaf(key, Condition::Exists)),
        Node::Scalar(Scalar::Bool(false)) => Ok(!leaf(key, Condition::Exists)),
        other => problem(format!("$exists takes true or false, not {}", other.describe())),
    }
}

fn not(key: &str, node: Node) -> Read {
    match node {
        Node::Object(_) => condition(key, node).map(|f| !f),
        other => {
            problem(format!("$not takes an object of operators, not {}; did you mean $ne?", other.describe()))
        }
    }
}

fn leaf(key: &str, condition: Condition) -> Filter {
    Filter::Leaf(Leaf { key: key.to_owned(), condition })
}

fn scalar(node: Node) -> Read<Scalar> {
    match node {
        Node::Scalar(scalar) => Ok(scalar),
        Node::Null => problem(r#"null is no value; for a missing field use {"$exists": false}"#),
        other => problem(format!("expected a string, a number or a bool, found {}", other.describe())),
    }
}

fn string(node: Node, demand: &str) -> Read<String> {
    match node {
        Node::Scalar(Scalar::String(text)) => Ok(text),
        other => problem(format!("{demand}, not {}", other.describe())),
    }
}

fn list<T>(node: Node, of: &str, item: impl Fn(Node) -> Read<T>) -> Read<Vec<T>> {
    let Node::List(items) = node else {
        return problem(format!("expected a list of {of}, found {}", node.describe()));
    };
    let read = |(at, node): (usize, Node)| item(node).map_err(|f| f.within(format!("[{at}]")));
    items.into_iter().enumerate().map(read).collect()
}

fn bare_list(key: &str) -> String {
    match LOGIC.into_iter().find(|l| l[1..].eq_ignore_ascii_case(key)) {
        Some(meant) => format!("a list is no value; did you mean {meant}?"),
        None => {
            r#"a list is no value; for any of several use {"$in": […]}, for an element of a list $contains"#
                .into()
        }
    }
}

fn unknown_logic(key: &str) -> String {
    if OPERATORS.contains(&key) {
        return format!(r#"{key} stands under a field: {{"year": {{"{key}": …}}}}"#);
    }
    if key == "$nor" {
        return r#"unknown operator; use {"$not": {"$or": […]}}"#.to_owned();
    }
    format!("unknown operator{}; expected a field or one of {}", did_you_mean(key, LOGIC), LOGIC.join(", "))
}

fn unknown_operator(operator: &str) -> String {
    let hint = match operator {
        "$and" | "$or" | "$id" => {
            return format!("{operator} stands at the top of a filter, not under a field");
        }
        "$regex" | "$like" | "$ilike" | "$match" => "; use $contains, $starts_with or $ends_with".to_owned(),
        "$not_in" | "$notIn" => "; did you mean $nin?".to_owned(),
        "$not_contains" => r#"; use {"$not": {"$contains": …}}"#.to_owned(),
        other => did_you_mean(other, OPERATORS),
    };
    match operator.starts_with('$') {
        true => format!("unknown operator{hint}; the operators are {}", OPERATORS.join(", ")),
        false => format!("an object here holds operators, which begin with ${hint}"),
    }
}
