//! Infix text: `(a) and (b)`, of leaves that the adapter writes, with one function that quotes.

use std::fmt::{self, Display, Formatter};

use super::Size;

/// A boolean expression over leaves of an adapter: texts, or what becomes one when its values are bound.
///
/// What is joined nests by halves: servers nest a chain, and refuse what is nested too deep.
///
/// ```
/// use portolan_core::driver::dialect::infix::Expression;
///
/// let leaf = |text: &str| Expression::leaf(text.to_owned());
/// let either = Expression::any([leaf("a = 1"), leaf("b = 2")]);
/// assert_eq!(Expression::all([leaf("c = 3"), either]).to_string(), "(c = 3) and ((a = 1) or (b = 2))");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression<L> {
    node: Node<L>,
    size: Size,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node<L> {
    Leaf(L),
    Joined(&'static str, Vec<Expression<L>>),
}

impl<L> Expression<L> {
    /// A single condition.
    pub fn leaf(leaf: L) -> Self {
        Self { node: Node::Leaf(leaf), size: Size::of_leaf(1) }
    }

    /// All of one or more.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined("and", parts.into_iter().collect())
    }

    /// Any of one or more.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined("or", parts.into_iter().collect())
    }

    /// The condition, where it is a single one.
    pub fn as_leaf(&self) -> Option<&L> {
        match &self.node {
            Node::Leaf(leaf) => Some(leaf),
            Node::Joined(..) => None,
        }
    }

    /// How large it is.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The text, of leaves that are written one after the other, so that each may bind its values.
    pub fn write(&self, leaf: &mut dyn FnMut(&L) -> String) -> String {
        match &self.node {
            Node::Leaf(of) => leaf(of),
            Node::Joined(word, parts) => {
                let parts: Vec<String> = parts.iter().map(|part| format!("({})", part.write(leaf))).collect();
                parts.join(&format!(" {word} "))
            }
        }
    }

    fn joined(word: &'static str, mut parts: Vec<Self>) -> Self {
        while parts.len() > 2 {
            let mut rest = parts.into_iter();
            let pairs = std::iter::from_fn(|| rest.next().map(|left| (left, rest.next())));
            parts = pairs
                .map(|(left, right)| Self::joined(word, std::iter::once(left).chain(right).collect()))
                .collect();
        }
        match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                let size = Size::joined(parts.iter().map(Self::size));
                Self { node: Node::Joined(word, parts), size }
            }
        }
    }
}

impl<L: Display> Display for Expression<L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(&mut |leaf| leaf.to_string()))
    }
}

/// A text in quotes, out of which nothing leads: `escape` says how a character is written that does not stand for itself,
/// the quote among them.
///
/// ```
/// use portolan_core::driver::dialect::infix::quoted;
///
/// let identifier = |name: &str| quoted('"', name, |c| (c == '"').then_some("\"\""));
/// assert_eq!(identifier(r#"a" or "b"#), r#""a"" or ""b""#);
/// ```
pub fn quoted(quote: char, text: &str, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push(quote);
    for c in text.chars() {
        match escape(c) {
            Some(escaped) => literal.push_str(escaped),
            None => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(n: usize) -> Expression<String> {
        Expression::leaf(n.to_string())
    }

    #[test]
    fn a_long_chain_is_not_deep() {
        let expression = Expression::any((0..1_000).map(leaf));
        assert_eq!(expression.size(), Size { leaves: 1_000, operands: 1_000, levels: 11 });
        let text = expression.to_string();
        let mut depth = 0_i32;
        let deepest = text.chars().map(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth
        });
        assert_eq!(deepest.max(), Some(10));
        assert_eq!(text.matches(" or ").count(), 999);
    }

    #[test]
    fn one_part_stands_alone_and_three_are_paired() {
        assert_eq!(Expression::all([leaf(1)]), leaf(1));
        assert_eq!(Expression::all((1..=3).map(leaf)).to_string(), "((1) and (2)) and (3)");
        assert_eq!(
            (leaf(1).as_leaf(), Expression::any((1..=2).map(leaf)).as_leaf()),
            (Some(&"1".to_owned()), None)
        );
    }

    #[test]
    fn leaves_bind_their_values_in_the_order_of_the_text() {
        let mut bound = Vec::new();
        let expression = Expression::any([leaf(7), Expression::all([leaf(8), leaf(9)])]);
        let text = expression.write(&mut |leaf| {
            bound.push(leaf.clone());
            format!("x = ${}", bound.len())
        });
        assert_eq!(
            (text.as_str(), bound.join(" ")),
            ("(x = $1) or ((x = $2) and (x = $3))", "7 8 9".to_owned())
        );
    }
}
