//! Errors that show a span of the text.

use std::fmt::Display;
use std::ops::Range;

use crate::error::Error;

/// How many characters are shown on either side of the span.
const CONTEXT: usize = 40;

/// An `InvalidArgument` about the bytes `span` of `input`: the message, the line, and carets under the span.
pub(super) fn error_at(input: &str, span: Range<usize>, message: impl Display) -> Error {
    let line_start = input[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line = input[line_start..].split('\n').next().unwrap_or_default().trim_end();
    let column = input[line_start..span.start].chars().count();
    let width = input[span].chars().take_while(|c| *c != '\n').count().max(1);

    let from = column.saturating_sub(CONTEXT);
    let shown: String = line.chars().skip(from).take(column - from + CONTEXT).map(visible).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if line.chars().nth(column + CONTEXT).is_some() { "…" } else { "" };
    let indent = " ".repeat(before.chars().count() + column - from);
    let carets = "^".repeat(width.min(CONTEXT));

    let place = match input[..line_start].matches('\n').count() {
        0 => format!("column {}", column + 1),
        lines => format!("line {}, column {}", lines + 1, column + 1),
    };
    Error::invalid(format!("filter, {place}: {message}\n  {before}{shown}{after}\n  {indent}{carets}"))
}

/// One column for one character, so that the carets line up.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// The beginning of a piece of input, to be named in a message.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(CONTEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
