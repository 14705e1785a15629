//! Boolean expressions of the server: the one place where values become text.

use std::fmt::{self, Display, Formatter};

use portolan_core::Scalar;
use portolan_core::driver::dialect::infix;

use crate::server::Server;

/// How deep the server reads expressions that are nested in each other; an operator is two of its hundred levels.
const MAX_LEVELS: usize = 40;

/// A native filter: a boolean expression.
pub type Expression = infix::Expression<Text>;

/// A condition of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    text: String,
    /// Whether it asks for primary keys.
    of_ids: bool,
}

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An expression that is already text.
pub(crate) fn text(text: impl Into<String>) -> Expression {
    Expression::leaf(Text { text: text.into(), of_ids: false })
}

/// One that asks for primary keys.
pub(crate) fn of_ids(text: String) -> Expression {
    Expression::leaf(Text { text, of_ids: true })
}

/// Whether an expression asks for primary keys and nothing else, so that a server takes it for the keys themselves.
pub(crate) fn is_of_ids(expression: &Expression) -> bool {
    expression.as_leaf().is_some_and(|leaf| leaf.of_ids)
}

/// Whether every server reads an expression.
pub(crate) fn is_shallow(expression: &Expression) -> bool {
    expression.size().levels <= MAX_LEVELS
}

/// A text as a literal. Quotes and backslashes are escaped, as are the characters that would end a line; any other
/// character stands for itself.
pub(crate) fn quoted(text: &str) -> String {
    infix::quoted('"', text, |c| match c {
        '"' => Some("\\\""),
        '\\' => Some("\\\\"),
        '\n' => Some("\\n"),
        '\r' => Some("\\r"),
        _ => None,
    })
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

/// Whether the server reads a path with this key: Milvus splits it at brackets, though they stand in quotes.
pub(crate) fn reads(server: Server, key: &str) -> bool {
    server == Server::Lite || !key.contains("][")
}

/// The texts that begin with a prefix: they lie between it and the next text that does not.
pub(crate) fn prefix_range(path: &str, prefix: &str) -> Expression {
    let from = text(format!("{path} >= {}", quoted(prefix)));
    let end = after(prefix).map(|end| text(format!("{path} < {}", quoted(&end))));
    Expression::all(std::iter::once(from).chain(end))
}

/// The least text behind all that begin with a prefix, by bytes, which is by characters.
pub(crate) fn after(prefix: &str) -> Option<String> {
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
pub(crate) fn pattern(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '%' | '\\') { '_' } else { c }).collect()
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
}
