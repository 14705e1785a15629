//! JSON text, and what is wrong with it in the words of people who write it.

use portolan::metadata::parse_json;
use portolan::{Error, Result};
use serde_json::Value as Json;

use super::roles::shown;

/// The JSON value of a text, integers exact.
pub(super) fn value_of(text: &str) -> Result<Json, Wrong> {
    parse_json(text).map_err(|error| match serde_json::from_str::<Json>(text) {
        Err(syntax) => Wrong::syntax(&syntax, text),
        Ok(_) => Wrong::from(error),
    })
}

/// The JSON object of a text that begins like one.
pub(super) fn object_text(column: &str, text: &str) -> Result<Json> {
    value_of(text).map_err(|wrong| {
        let wrong = Error::from(wrong);
        Error::invalid(format!(
            "in the metadata, {}: it begins with {{ and is no JSON object ({}); if it is text, declare it: --field \
             {column}:string",
            shown(column),
            wrong.message()
        ))
    })
}

/// An error at a byte of the text, where that is known.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) at: Option<usize>,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, at: Option<usize>) -> Self {
        Self { message: message.into(), at }
    }

    /// What the parser says of a text.
    pub(super) fn syntax(error: &serde_json::Error, text: &str) -> Self {
        let line_start: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = (line_start + error.column().saturating_sub(1)).min(text.len());
        let ends_list = matches!(text.as_bytes().get(at), Some(b']' | b'}'));
        let message = error.to_string();
        let words = if ends_list && message.starts_with("expected value") {
            "trailing comma"
        } else {
            words(&message)
        };
        Self::new(format!("not valid JSON: {words}"), Some(at))
    }

    /// The same, of a text that begins at this byte of a longer one.
    pub(super) fn within(mut self, start: usize) -> Self {
        self.at = Some(start + self.at.unwrap_or(0));
        self
    }

    /// The error with line and column of a text that begins in this line and column, all counted from 1.
    pub(super) fn located(self, text: &str, line: u64, column: u64) -> (u64, Error) {
        let Some(at) = self.at else { return (line, Error::invalid(self.message)) };
        let before = String::from_utf8_lossy(&text.as_bytes()[..at.min(text.len())]);
        let lines = before.matches('\n').count() as u64;
        let in_line = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64;
        let column = if lines == 0 { column + in_line } else { in_line + 1 };
        (line + lines, Error::invalid(format!("{}, column {column}", self.message)))
    }
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self::new(error.message(), None)
    }
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        match wrong.at {
            Some(at) => Self::invalid(format!("{}, column {}", wrong.message, at + 1)),
            None => Self::invalid(wrong.message),
        }
    }
}

/// The parser's words, and what people are told.
const WORDS: &[(&str, &str)] = &[
    ("EOF while parsing a list", "it ends inside a list, before its ]"),
    ("EOF while parsing an object", "it ends inside an object, before its }"),
    ("EOF while parsing a string", "it ends inside a string, before the closing quote"),
    ("EOF while parsing a value", "it ends before a value"),
    ("expected `:`", "a colon is missing after a key"),
    ("expected `,` or `]`", "a comma or ] is missing"),
    ("expected `,` or `}`", "a comma or } is missing"),
    ("expected ident", "this is no value; text stands in double quotes"),
    ("expected value", "this is no value; text stands in double quotes, and NaN and Infinity are no JSON"),
    ("key must be a string", "a key must stand in double quotes"),
    ("number out of range", "the number is beyond what a 64-bit float holds"),
    (
        "control character",
        "a line break, tab or other control character stands in a string; write it as \\n, \\t or \\u0000",
    ),
    ("lone leading surrogate", "half of a surrogate pair stands in a string"),
    ("unexpected end of hex escape", "half of a surrogate pair stands in a string"),
    ("invalid unicode code point", "half of a surrogate pair stands in a string"),
    ("trailing characters", "something follows the value; each record stands on its own line"),
];

fn words(message: &str) -> &str {
    let known = WORDS.iter().find(|(theirs, _)| message.starts_with(theirs));
    known.map_or_else(|| message.split(" at line ").next().unwrap_or_default(), |(_, ours)| ours)
}
