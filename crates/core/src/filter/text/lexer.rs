//! Text to tokens.

use std::fmt::Display;
use std::ops::Range;

use serde::de::IgnoredAny;

use super::span::{clip, error_at};
use super::write::Key;
use crate::error::{Error, Result};
use crate::metadata::Scalar;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    /// The bytes it takes in the input.
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'a> {
    /// A keyword, or a bare key.
    Word(&'a str),
    /// A key in backticks.
    Key(String),
    /// A string or a number.
    Value(Scalar),
    /// One of `( ) , = != > >= < <=`.
    Symbol(&'a str),
    End,
}

#[derive(Debug)]
pub(super) struct Lexer<'a> {
    input: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self { input, at: 0 }
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>> {
        self.take_while(char::is_whitespace);
        let start = self.at;
        let kind = match self.peek() {
            None => Kind::End,
            Some('(' | ')' | ',') => {
                self.at += 1;
                Kind::Symbol(&self.input[start..self.at])
            }
            Some('=' | '!' | '<' | '>' | '&' | '|' | '~') => Kind::Symbol(self.comparison()?),
            Some(quote @ ('"' | '\'')) => Kind::Value(Scalar::String(self.string(quote)?)),
            Some('`') => Kind::Key(self.key()?),
            Some('0'..='9' | '-' | '+' | '.') => Kind::Value(self.number()?),
            Some(_) => Kind::Word(self.word()?),
        };
        Ok(Token { kind, span: start..self.at })
    }

    fn comparison(&mut self) -> Result<&'a str> {
        let start = self.at;
        let symbol = self.take_while(|c| matches!(c, '=' | '!' | '<' | '>' | '&' | '|' | '~'));
        let meant = match symbol {
            "=" | "!=" | ">" | ">=" | "<" | "<=" => return Ok(symbol),
            "==" | "===" => "=",
            "<>" | "!==" => "!=",
            "=<" => "<=",
            "=>" => ">=",
            "&" | "&&" => "AND",
            "|" | "||" => "OR",
            "!" | "!!" => "NOT",
            "~" | "=~" | "~=" => "CONTAINS",
            _ => return Err(self.error(start, format!("{symbol} is no operator; use =, !=, >, >=, < or <="))),
        };
        Err(self.error(start, format!("{symbol} is no operator; did you mean {meant}?")))
    }

    fn string(&mut self, quote: char) -> Result<String> {
        let start = self.at;
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                None => return Err(error_at(self.input, start..start + 1, "this string is not closed")),
                Some('\\') => text.push(self.escape()?),
                Some(c) if c == quote => break,
                Some(c) => text.push(c),
            }
        }
        if self.peek() == Some(quote) {
            let message =
                format!("the string ended before this quote; a quote in a string is written \\{quote}");
            return Err(error_at(self.input, self.at..self.at + 1, message));
        }
        Ok(text)
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char> {
        let start = self.at - 1;
        match self.bump() {
            Some(c @ ('"' | '\'' | '\\' | '/')) => Ok(c),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => self.unicode(start),
            _ => {
                Err(self
                    .error(start, r#"no escape; use \" \' \\ \/ \b \f \n \r \t or \u and four hex digits"#))
            }
        }
    }

    /// What follows `\u`: one UTF-16 unit, or the two of a surrogate pair.
    fn unicode(&mut self, start: usize) -> Result<char> {
        let mut units = vec![self.unit(start)?];
        if (0xD800..0xDC00).contains(&units[0]) && self.input[self.at..].starts_with("\\u") {
            self.at += 2;
            units.push(self.unit(start)?);
        }
        match char::decode_utf16(units).next() {
            Some(Ok(c)) => Ok(c),
            _ => {
                Err(self.error(start, "half of a surrogate pair; write both halves, or the character itself"))
            }
        }
    }

    fn unit(&mut self, start: usize) -> Result<u16> {
        let digits =
            self.input.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.map(|d| u16::from_str_radix(d, 16)) {
            Some(Ok(unit)) => {
                self.at += 4;
                Ok(unit)
            }
            _ => Err(self.error(start, "four hex digits must follow \\u")),
        }
    }

    fn key(&mut self) -> Result<String> {
        let start = self.at;
        self.bump();
        let mut key = String::new();
        loop {
            match self.bump() {
                None => {
                    return Err(error_at(
                        self.input,
                        start..start + 1,
                        "this key in backticks is not closed",
                    ));
                }
                Some('`') if self.peek() != Some('`') => break,
                Some('`') => {
                    self.bump();
                    key.push('`');
                }
                Some(c) => key.push(c),
            }
        }
        Ok(key)
    }

    fn number(&mut self) -> Result<Scalar> {
        let start = self.at;
        let token = self.take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '+' | '.' | '_' | ':'));
        if serde_json::from_str::<IgnoredAny>(token).is_err() {
            return Err(
                self.error(start, "no number; numbers are as in JSON (2015, -0.5, 1e6), strings in quotes")
            );
        }
        if !token.contains(['.', 'e', 'E']) {
            return token.parse().map(Scalar::Integer).map_err(|_| {
                self.error(
                    start,
                    "an integer beyond 64 bits; write it as a float (with a point) or as a string",
                )
            });
        }
        match token.parse::<f64>() {
            // The sum makes -0.0 to 0.0.
            Ok(x) if x.is_finite() => Ok(Scalar::Float(x + 0.0)),
            _ => Err(self.error(start, "a number beyond the range of a 64-bit float")),
        }
    }

    /// A keyword or a bare key: letters, digits and `_`, and no other character that could belong to it.
    fn word(&mut self) -> Result<&'a str> {
        let start = self.at;
        let word = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        self.take_while(|c| {
            !c.is_whitespace() && !matches!(c, '\'' | '"' | '`') && !"()[]{},;=!<>&|~“”‘’".contains(c)
        });
        let whole = &self.input[start..self.at];
        if whole.is_empty() {
            let c = self.bump().unwrap_or_default();
            return Err(self.error(start, stray(c)));
        }
        if whole != word {
            let whole = clip(whole);
            let message = format!(
                "{whole} is no bare key; in backticks it is one: {}, in quotes a string",
                Key(&whole)
            );
            return Err(self.error(start, message));
        }
        Ok(word)
    }

    fn peek(&self) -> Option<char> {
        self.input[self.at..].chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.input[self.at..];
        let token = &rest[..rest.find(|c| !test(c)).unwrap_or(rest.len())];
        self.at += token.len();
        token
    }

    /// An error about everything from `start` to here.
    fn error(&self, start: usize, message: impl Display) -> Error {
        error_at(self.input, start..self.at, message)
    }
}

fn stray(c: char) -> String {
    match c {
        '“' | '”' | '‘' | '’' => format!("{c} is no quote of this notation; use \" or '"),
        '[' | ']' | '{' | '}' => format!("unexpected {c}; lists and groups stand in parentheses"),
        _ => format!("unexpected {c}"),
    }
}
