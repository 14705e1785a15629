//! Rust source as tokens: without comments, and with nothing of what strings hold.

/// A word or a sign, and the line that it stands in, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether this is a name or a keyword.
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// What every string, byte string and character becomes.
const LITERAL: &str = "\"\"";

/// The tokens of a file that compiles.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (length, text) = if first.is_whitespace() {
            (first.len_utf8(), None)
        } else if let Some(length) = comment(rest) {
            (length, None)
        } else if let Some(length) = literal(rest) {
            (length, Some(LITERAL))
        } else {
            let length = word(rest).or_else(|| rest.starts_with("::").then_some(2));
            let length = length.unwrap_or(first.len_utf8());
            (length, Some(rest[..length].trim_start_matches("r#")))
        };
        tokens.extend(text.map(|text| Token { text, line }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of the comment that the text begins with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < text.len() {
        let step = &text.as_bytes()[at..];
        let (length, change) = match (step.starts_with(b"/*"), step.starts_with(b"*/")) {
            (true, _) => (2, 1),
            (_, true) => (2, -1),
            _ => (1, 0),
        };
        at += length;
        depth += change;
    }
    Some(at)
}

/// The length of the string, byte string or character that the text begins with; not of a lifetime.
fn literal(text: &str) -> Option<usize> {
    let body = text.trim_start_matches(['b', 'c', 'r']);
    let prefix = &text[..text.len() - body.len()];
    if prefix.len() > 2 {
        return None;
    }
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inside = &body[hashes..];
    if prefix.ends_with('r') && inside.starts_with('"') {
        let close = format!("\"{}", "#".repeat(hashes));
        let end = inside[1..].find(&close)?;
        return Some(prefix.len() + hashes + 1 + end + close.len());
    }
    if hashes > 0 {
        return None;
    }
    let quote = inside.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    if quote == '\'' && is_lifetime(&inside[1..]) {
        return None;
    }
    Some(prefix.len() + 1 + quoted(&inside[1..], quote))
}

/// Whether what follows a single quote makes a lifetime or a label of it.
fn is_lifetime(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next();
    first.is_some_and(|c| c.is_alphanumeric() || c == '_') && chars.next() != Some('\'')
}

/// The length of the rest of a literal, with its closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The length of the name, keyword or number that the text begins with.
fn word(text: &str) -> Option<usize> {
    let name = text.strip_prefix("r#").unwrap_or(text);
    let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    (length > 0).then_some(text.len() - name.len() + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn comments_and_the_insides_of_literals_are_gone() {
        for (source, expected) in [
            ("a // crate::b\n/* crate::c /* d */ e */ f", vec!["a", "f"]),
            (r#"x("crate::y \" z", 'q', '\'', b"w", b'v')"#, {
                vec!["x", "(", LITERAL, ",", LITERAL, ",", LITERAL, ",", LITERAL, ",", LITERAL, ")"]
            }),
            (r###"r"a\" r#"b " c"# br##"d"# e"##"###, vec![LITERAL; 3]),
            ("r#type::f", vec!["type", "::", "f"]),
        ] {
            assert_eq!(texts(source), expected, "{source}");
        }
    }

    #[test]
    fn a_lifetime_is_no_character() {
        assert_eq!(
            texts("fn f<'a>(x: &'a str) { 'l: loop {} }").iter().filter(|t| **t == LITERAL).count(),
            0
        );
        assert_eq!(texts("'é' '\\u{e9}' '\"'"), vec![LITERAL; 3]);
    }

    #[test]
    fn a_token_knows_its_line() {
        let lines: Vec<usize> = tokens("a\n\"b\nc\"\n/* d\n */ e").into_iter().map(|t| t.line).collect();
        assert_eq!(lines, [1, 2, 5]);
    }
}
