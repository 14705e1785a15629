//! The tree as text that parses back to it.

use std::fmt::{self, Display, Formatter};

use serde_json::Value as Json;

use super::keyword::keyword;
use crate::filter::{Condition, Filter, Leaf};
use crate::metadata::Scalar;

/// Writes the text notation, which [`Filter::parse_text`] reads back as the same flat tree.
impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(children) if children.is_empty() => f.write_str("TRUE"),
            Self::Or(children) if children.is_empty() => f.write_str("FALSE"),
            Self::And(children) => join(f, children, " AND ", |child| matches!(child, Self::Or(_))),
            Self::Or(children) => join(f, children, " OR ", |_| false),
            Self::Not(child) => {
                f.write_str("NOT ")?;
                operand(f, child, matches!(**child, Self::And(_) | Self::Or(_)))
            }
            Self::Id(ids) => match ids.as_slice() {
                [id] => write!(f, "id = {}", Literal::from(id)),
                ids => write!(f, "id IN {}", List(ids)),
            },
            Self::Leaf(leaf) => Display::fmt(leaf, f),
        }
    }
}

/// Writes the leaf in the text notation.
impl Display for Leaf {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Key(&self.key))?;
        match &self.condition {
            Condition::Eq(operand) => write!(f, "= {}", Literal::from(operand)),
            Condition::Ne(operand) => write!(f, "!= {}", Literal::from(operand)),
            Condition::Gt(operand) => write!(f, "> {}", Literal::from(operand)),
            Condition::Gte(operand) => write!(f, ">= {}", Literal::from(operand)),
            Condition::Lt(operand) => write!(f, "< {}", Literal::from(operand)),
            Condition::Lte(operand) => write!(f, "<= {}", Literal::from(operand)),
            Condition::In(operands) => write!(f, "IN {}", List(operands)),
            Condition::NotIn(operands) => write!(f, "NOT IN {}", List(operands)),
            Condition::Contains(operand) => write!(f, "CONTAINS {}", Literal::from(operand)),
            Condition::StartsWith(prefix) => write!(f, "STARTS WITH {}", Literal::from(prefix)),
            Condition::EndsWith(suffix) => write!(f, "ENDS WITH {}", Literal::from(suffix)),
            Condition::Exists => f.write_str("EXISTS"),
        }
    }
}

fn join(f: &mut Formatter<'_>, children: &[Filter], word: &str, grouped: fn(&Filter) -> bool) -> fmt::Result {
    for (at, child) in children.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        operand(f, child, grouped(child))?;
    }
    Ok(())
}

fn operand(f: &mut Formatter<'_>, filter: &Filter, grouped: bool) -> fmt::Result {
    if grouped && !filter.is_all() && !filter.is_none() {
        write!(f, "({filter})")
    } else {
        write!(f, "{filter}")
    }
}

/// A metadata key: bare where it can be, else in backticks.
pub(super) struct Key<'a>(pub(super) &'a str);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let key = self.0;
        let letters = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let bare = letters && !key.starts_with(|c: char| c.is_ascii_digit()) && !key.is_empty();
        if bare && keyword(key).is_none() && key != "id" {
            f.write_str(key)
        } else {
            write!(f, "`{}`", key.replace('`', "``"))
        }
    }
}

/// A value as it stands in a filter; strings with JSON's escapes.
enum Literal<'a> {
    String(&'a str),
    Other(&'a Scalar),
}

impl<'a> From<&'a Scalar> for Literal<'a> {
    fn from(scalar: &'a Scalar) -> Self {
        scalar.as_str().map_or(Self::Other(scalar), Self::String)
    }
}

impl<'a> From<&'a String> for Literal<'a> {
    fn from(text: &'a String) -> Self {
        Self::String(text)
    }
}

impl Display for Literal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write!(f, "{}", Json::from(*text)),
            Self::Other(scalar) => write!(f, "{scalar}"),
        }
    }
}

/// Values in parentheses.
struct List<'a, T>(&'a [T]);

impl<'a, T> Display for List<'a, T>
where
    Literal<'a>: From<&'a T>,
{
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (at, item) in self.0.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{}", Literal::from(item))?;
        }
        f.write_str(")")
    }
}
