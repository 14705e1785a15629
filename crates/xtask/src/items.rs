//! Items of Rust source: where they end, and which of them are tests.

use std::ops::Range;

use crate::tokens::Token;

/// The end of the item or statement that starts at `at`: past its `;`, or past the block that ends it.
pub(crate) fn end(tokens: &[Token<'_>], at: usize) -> usize {
    let ends_with_semicolon = ends_with_semicolon(tokens, at);
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate().skip(at) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let block = token.text == "}" && !ends_with_semicolon;
        if depth == 0 && (token.text == ";" || block) {
            return position + 1;
        }
    }
    tokens.len()
}

/// Whether braces inside the item do not end it.
fn ends_with_semicolon(tokens: &[Token<'_>], at: usize) -> bool {
    let text = |at: usize| tokens.get(at).map_or("", |t| t.text);
    let keyword = match (text(at), text(at + 1)) {
        ("pub", "(") => close(tokens, at + 1),
        ("pub", _) => at + 1,
        _ => at,
    };
    match text(keyword) {
        "use" | "static" | "let" => true,
        "const" => text(keyword + 2) == ":",
        _ => false,
    }
}

/// The end of the attribute at `at`, where there is one: past its `]`.
pub(crate) fn attribute_end(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let text = |offset: usize| tokens.get(at + offset).map_or("", |t| t.text);
    let open = match (text(0), text(1), text(2)) {
        ("#", "[", _) => at + 1,
        ("#", "!", "[") => at + 2,
        _ => return None,
    };
    Some(close(tokens, open))
}

/// Past the bracket that closes the one at `open`.
pub(crate) fn close(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return position + 1;
        }
    }
    tokens.len()
}

/// The items under `#[cfg(test)]`, as ranges of tokens, their attributes included.
pub(crate) fn test_items(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match attribute_end(tokens, at) {
            Some(past) if is_cfg_test(&tokens[at..past]) => {
                let mut item = past;
                while let Some(past) = attribute_end(tokens, item) {
                    item = past;
                }
                let end = end(tokens, item);
                found.push(at..end);
                at = end;
            }
            Some(past) => at = past,
            None => at += 1,
        }
    }
    found
}

/// Whether an attribute leaves its item out of everything but tests.
fn is_cfg_test(attribute: &[Token<'_>]) -> bool {
    let text: String = attribute.iter().map(|t| t.text).collect();
    text == "#[cfg(test)]" || text.starts_with("#[cfg(all(test,")
}

/// The tokens that are no tests.
pub(crate) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    for test in test_items(tokens) {
        kept.extend_from_slice(&tokens[at..test.start]);
        at = test.end;
    }
    kept.extend_from_slice(&tokens[at..]);
    kept
}

/// The names of the files that are modules of tests: `#[cfg(test)] mod name;`.
pub(crate) fn test_files<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let ends_in_file = |range: Range<usize>| match &tokens[range] {
        [.., keyword, name, end] if keyword.text == "mod" && end.text == ";" => Some(name.text),
        _ => None,
    };
    test_items(tokens).into_iter().filter_map(ends_in_file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    #[test]
    fn what_only_tests_see_is_left_out() {
        for (source, kept) in [
            ("a; #[cfg(test)] mod tests; b;", "a;b;"),
            ("#[cfg(test)] mod tests { use x::{y}; fn f() {} } fn g() {}", "fng(){}"),
            ("#[cfg(test)] #[derive(Debug)] struct S { f: u8 } c", "c"),
            ("#[cfg(test)] use a::{b, c}; d", "d"),
            ("#[cfg(test)] pub(super) const A: S = S { a: 1 }; d", "d"),
            ("#[cfg(test)] pub(crate) fn f<T: X>(a: [u8; 2]) -> T { if a { b } } e", "e"),
            ("#[cfg(not(test))] mod m;", "#[cfg(not(test))]modm;"),
            ("#[cfg(any(test, feature))] mod m;", "#[cfg(any(test,feature))]modm;"),
        ] {
            let left: String = without_tests(&tokens(source)).into_iter().map(|t| t.text).collect();
            assert_eq!(left, kept, "{source}");
        }
    }

    #[test]
    fn files_of_tests_are_named() {
        let source = "mod a; #[cfg(test)] mod b; #[cfg(test)] mod c {} #[cfg(test)] pub(crate) mod d;";
        assert_eq!(test_files(&tokens(source)), ["b", "d"]);
    }
}
