//! Boolean expressions of the server: the one place where values become text.

use std::fmt::{self, Display, Formatter};

use portolan_core::Scalar;

use crate::server::Server;

/// How deep the server reads expressions that are nested in each other; an operator is two of its hundred levels.
const MAX_DEPTH: usize = 40;

/// A native filter: a boolean expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    depth: usize,
    /// Whether it asks for primary keys and nothing else.
    of_ids: bool,
}

impl Expression {
    /// An expression that is already text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), depth: 1, of_ids: false }
    }

    /// One that asks for primary keys.
    pub(crate) fn of_ids(text: impl Into<String>) -> Self {
        Self { of_ids: true, ..Self::new(text) }
    }

    /// Whether it asks for primary keys and nothing else, so that a server takes it for the keys themselves.
    pub(crate) fn is_of_ids(&self) -> bool {
        self.of_ids
    }

    /// Whether every server reads it.
    pub(crate) fn is_shallow(&self) -> bool {
        self.depth <= MAX_DEPTH
    }

    /// All of one or more.
    pub(crate) fn all(parts: Vec<Self>) -> Self {
        joined(parts, "and")
    }

    /// Any of one or more.
    pub(crate) fn any(parts: Vec<Self>) -> Self {
        joined(parts, "or")
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Joins by halves: the server nests what is chained, and refuses what is nested a hundred deep.
fn joined(mut parts: Vec<Expression>, with: &str) -> Expression {
    while parts.len() > 1 {
        let mut pairs = Vec::with_capacity(parts.len().div_ceil(2));
        let mut rest = parts.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => Expression {
                    text: format!("({left}) {with} ({right})"),
                    depth: left.depth.max(right.depth) + 1,
                    of_ids: false,
                },
                None => left,
            });
        }
        parts = pairs;
    }
    parts.pop().unwrap_or_else(|| Expression::new(""))
}

/// A text as a literal. Quotes and backslashes are escaped, as are the characters that would end a line; any other
/// character stands for itself.
pub(crate) fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// Texts as a list literal.
pub(crate) fn quoted_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<String> = texts.into_iter().map(quoted).collect();
    format!("[{}]", texts.join(", "))
}

/// A scalar as a literal. Milvus compares an integer literal with integers only where lists are concerned, and a float
/// literal with every number, as a float; Milvus Lite compares by mathematical value.
pub(crate) fn literal(server: Server, scalar: &Scalar) -> String {
    match scalar {
        Scalar::Bool(b) => b.to_string(),
        Scalar::String(text) => quoted(text),
        Scalar::Integer(i) if server == Server::Lite => i.to_string(),
        Scalar::Integer(i) => format!("{:?}", *i as f64),
        Scalar::Float(x) => format!("{x:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_quotes() {
        for (text, literal) in [
            ("plain", r#""plain""#),
            (r#"a" or "1" == "1"#, r#""a\" or \"1\" == \"1""#),
            (r"\", r#""\\""#),
            ("a\nb\r", r#""a\nb\r""#),
            ("ünï'\t\u{0}😀", "\"ünï'\t\u{0}😀\""),
        ] {
            assert_eq!(quoted(text), literal);
        }
        assert_eq!(quoted_list(["a", "b\""]), r#"["a", "b\""]"#);
    }

    #[test]
    fn numbers_are_written_as_each_server_compares_them() {
        for (scalar, full, lite) in [
            (Scalar::Integer(2), "2.0", "2"),
            (Scalar::Integer(-5), "-5.0", "-5"),
            (Scalar::Integer(i64::MIN), "-9.223372036854776e18", "-9223372036854775808"),
            (Scalar::Float(0.1), "0.1", "0.1"),
            (Scalar::Float(1e300), "1e300", "1e300"),
            (Scalar::Bool(true), "true", "true"),
        ] {
            assert_eq!(literal(Server::Old, &scalar), full);
            assert_eq!(literal(Server::Lite, &scalar), lite);
        }
    }

    #[test]
    fn a_long_chain_is_not_deep() {
        let parts = (0..1_000).map(|n| Expression::new(n.to_string())).collect();
        let expression = Expression::any(parts);
        assert!(expression.is_shallow());
        let text = expression.to_string();
        let mut depth = 0_i32;
        let deepest = text.chars().map(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth
        });
        assert_eq!(deepest.max(), Some(10));
        assert_eq!(text.matches(" or ").count(), 999);
    }
}
