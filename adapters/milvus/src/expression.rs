//! Boolean expressions of the server: the one place where values become text.

use std::fmt::Display;

use portolan_core::Scalar;
use portolan_core::driver::dialect::infix;

use crate::server::Server;

/// A native filter: a boolean expression.
pub type Expression = infix::Expression<String>;

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

/// Literals as a list.
pub(crate) fn list(literals: impl IntoIterator<Item = impl Display>) -> String {
    let literals: Vec<String> = literals.into_iter().map(|literal| literal.to_string()).collect();
    format!("[{}]", literals.join(", "))
}

/// The path of a key in a JSON field; none where Milvus splits it at brackets, though they stand in quotes.
pub(crate) fn path(server: Server, field: &str, key: &str) -> Option<String> {
    (server == Server::Lite || !key.contains("][")).then(|| format!("{field}[{}]", quoted(key)))
}

/// Whether this is a name to the server, as those of collections are; another text stands in quotes, where it may.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$')
}

/// The texts that begin with a prefix: they lie between it and the next text that does not.
pub(crate) fn prefix_range(path: &str, prefix: &str) -> Expression {
    let from = format!("{path} >= {}", quoted(prefix));
    let end = after(prefix).map(|end| format!("{path} < {}", quoted(&end)));
    Expression::all(std::iter::once(from).chain(end).map(Expression::leaf))
}

/// The texts of a pattern.
pub(crate) fn like(path: &str, pattern: &str) -> Expression {
    Expression::leaf(format!("{path} like {}", quoted(pattern)))
}

/// A text as a part of a pattern. What is special there cannot be escaped everywhere: any character may stand for it.
pub(crate) fn pattern(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '%' | '\\') { '_' } else { c }).collect()
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
        assert_eq!(list(["a", "b\""].map(quoted)), r#"["a", "b\""]"#);
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
