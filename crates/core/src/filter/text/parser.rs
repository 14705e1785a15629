//! Tokens to the tree, by recursive descent.

use std::fmt::Display;
use std::mem;

use super::keyword::keyword;
use super::lexer::{Kind, Lexer, Token};
use super::span::{clip, error_at};
use super::write::Key;
use crate::error::{Error, Result};
use crate::filter::{Condition, Filter, Leaf, MAX_DEPTH, field, range};
use crate::metadata::Scalar;
use crate::suggest::did_you_mean;

const OPERATORS: [&str; 7] = ["IN", "NOT IN", "CONTAINS", "STARTS WITH", "ENDS WITH", "EXISTS", "BETWEEN"];

pub(super) fn parse(input: &str) -> Result<Filter> {
    let mut lexer = Lexer::new(input);
    let token = lexer.next()?;
    let mut parser = Parser { input, lexer, token, depth: 0 };
    if parser.token.kind == Kind::End {
        return Err(parser.error("the filter is empty; TRUE is the filter that every record meets"));
    }
    let filter = parser.or()?;
    if parser.token.kind != Kind::End {
        return Err(parser.no_end());
    }
    let filter = filter.flat();
    filter.validate()?;
    Ok(filter)
}

struct Parser<'a> {
    input: &'a str,
    lexer: Lexer<'a>,
    /// The next token.
    token: Token<'a>,
    /// How many parentheses and `NOT`s are open.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn or(&mut self) -> Result<Filter> {
        let mut children = vec![self.and()?];
        while self.accept_word("OR")? {
            children.push(self.and()?);
        }
        Ok(Filter::Or(children))
    }

    fn and(&mut self) -> Result<Filter> {
        let mut children = vec![self.not()?];
        while self.accept_word("AND")? {
            children.push(self.not()?);
        }
        Ok(Filter::And(children))
    }

    fn not(&mut self) -> Result<Filter> {
        if self.is_word("NOT") { self.nested(|parser| Ok(!parser.not()?)) } else { self.primary() }
    }

    fn primary(&mut self) -> Result<Filter> {
        let start = self.token.span.start;
        match self.token.kind.clone() {
            Kind::Symbol("(") => self.nested(|parser| {
                let filter = parser.or()?;
                if parser.token.kind != Kind::Symbol(")") {
                    return Err(parser.not_closed(start));
                }
                parser.advance()?;
                Ok(filter)
            }),
            Kind::Word("id") => self.advance().and_then(|_| self.id()),
            Kind::Word(word) => match keyword(word) {
                None => self.advance().and_then(|_| self.condition(word)),
                Some("TRUE") => self.advance().map(|_| Filter::all()),
                Some("FALSE") => self.advance().map(|_| Filter::none()),
                Some(keyword) => Err(self.keyword_as_key(keyword, word)),
            },
            Kind::Key(key) => self.advance().and_then(|_| self.condition(&key)),
            Kind::Value(Scalar::String(text)) => Err(self.error(format!(
                "expected a key, found a string; a key stands bare or in backticks: {}",
                Key(&clip(&text))
            ))),
            Kind::Value(_) | Kind::Symbol(_) | Kind::End => {
                Err(self.expected("a condition (such as year >= 2015), NOT or ("))
            }
        }
    }

    /// Skips a token, `(` or `NOT`, and parses what stands inside.
    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Result<Filter>) -> Result<Filter> {
        self.depth += 1;
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("the filter is nested deeper than {MAX_DEPTH} levels")));
        }
        self.advance()?;
        let filter = inside(self)?;
        self.depth -= 1;
        Ok(filter)
    }

    /// What follows a metadata key.
    fn condition(&mut self, key: &str) -> Result<Filter> {
        let make: fn(Scalar) -> Condition = match self.token.kind {
            Kind::Symbol("=") => Condition::Eq,
            Kind::Symbol("!=") => Condition::Ne,
            Kind::Symbol(">") => Condition::Gt,
            Kind::Symbol(">=") => Condition::Gte,
            Kind::Symbol("<") => Condition::Lt,
            Kind::Symbol("<=") => Condition::Lte,
            Kind::Word(word) => return self.named_condition(key, word),
            _ => return Err(self.no_operator(key)),
        };
        let ordered = !matches!(self.token.kind, Kind::Symbol("=" | "!="));
        self.advance()?;
        let operand = if ordered { self.number_or_string()? } else { self.scalar()? };
        Ok(Filter::Leaf(Leaf { key: key.to_owned(), condition: make(operand) }))
    }

    fn named_condition(&mut self, key: &str, word: &str) -> Result<Filter> {
        let Some(operator @ ("IN" | "NOT" | "CONTAINS" | "STARTS" | "ENDS" | "EXISTS" | "BETWEEN")) =
            keyword(word)
        else {
            return Err(self.no_operator(key));
        };
        self.advance()?;
        Ok(match operator {
            "IN" => field(key).is_in(self.list(Self::scalar)?),
            "NOT" => {
                self.expect_in(key)?;
                field(key).not_in(self.list(Self::scalar)?)
            }
            "CONTAINS" => field(key).contains(self.scalar()?),
            "STARTS" => {
                self.expect_word("WITH")?;
                field(key).starts_with(self.string("STARTS WITH takes a string")?)
            }
            "ENDS" => {
                self.expect_word("WITH")?;
                field(key).ends_with(self.string("ENDS WITH takes a string")?)
            }
            "EXISTS" => field(key).exists(),
            _ => {
                let low = self.number_or_string()?;
                self.expect_word("AND")?;
                range(key, low, self.number_or_string()?)
            }
        })
    }

    /// What follows a bare `id`.
    fn id(&mut self) -> Result<Filter> {
        const STRING: &str = "an id is a string";
        if self.token.kind == Kind::Symbol("=") {
            self.advance()?;
            Ok(Filter::Id(vec![self.string(STRING)?]))
        } else if self.accept_word("IN")? {
            Ok(Filter::Id(self.list(|parser| parser.string(STRING))?))
        } else if self.accept_word("NOT")? {
            self.expect_in("id")?;
            Ok(!Filter::Id(self.list(|parser| parser.string(STRING))?))
        } else if self.token.kind == Kind::Symbol("!=") {
            Err(self.error("id takes =, IN and NOT IN; write NOT id = \"…\""))
        } else {
            let found = self.found();
            Err(self.error(format!(
                "expected =, IN or NOT IN after id, the record's id, found {found}; a metadata key of that name stands \
                 in backticks: `id`"
            )))
        }
    }

    /// Values in parentheses; may be empty.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let start = self.token.span.start;
        if self.token.kind != Kind::Symbol("(") {
            return Err(self.expected("( and a list of values"));
        }
        self.advance()?;
        let mut items = Vec::new();
        while self.token.kind != Kind::Symbol(")") {
            if !items.is_empty() {
                if self.token.kind != Kind::Symbol(",") {
                    return Err(self.not_closed(start));
                }
                self.advance()?;
            }
            items.push(item(self)?);
        }
        self.advance()?;
        Ok(items)
    }

    fn scalar(&mut self) -> Result<Scalar> {
        let scalar = match &self.token.kind {
            Kind::Value(scalar) => scalar.clone(),
            Kind::Word(word) => match keyword(word) {
                Some("TRUE") => Scalar::Bool(true),
                Some("FALSE") => Scalar::Bool(false),
                _ => return Err(self.no_value(word)),
            },
            Kind::Key(_) => {
                return Err(self.error("expected a value, found a key; a string stands in quotes"));
            }
            Kind::Symbol("(") => return Err(self.error("expected one value; a list follows IN or NOT IN")),
            Kind::Symbol(_) | Kind::End => return Err(self.expected("a value")),
        };
        self.advance()?;
        Ok(scalar)
    }

    fn number_or_string(&mut self) -> Result<Scalar> {
        if self.is_word("TRUE") || self.is_word("FALSE") {
            return Err(self.error("a bool has no order; this takes a number or a string"));
        }
        self.scalar()
    }

    fn string(&mut self, demand: &str) -> Result<String> {
        match &self.token.kind {
            Kind::Value(Scalar::String(text)) => {
                let text = text.clone();
                self.advance()?;
                Ok(text)
            }
            _ => Err(self.error(format!("{demand}, and a string stands in quotes; found {}", self.found()))),
        }
    }

    /// The `IN` of `NOT IN`.
    fn expect_in(&mut self, key: &str) -> Result<()> {
        if self.accept_word("IN")? {
            return Ok(());
        }
        Err(self.expected(format!("IN after NOT (NOT before {} negates any condition)", Key(key))))
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.accept_word(word)? { Ok(()) } else { Err(self.expected(word)) }
    }

    fn accept_word(&mut self, word: &str) -> Result<bool> {
        let accepted = self.is_word(word);
        if accepted {
            self.advance()?;
        }
        Ok(accepted)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token.kind, Kind::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn advance(&mut self) -> Result<Token<'a>> {
        let next = self.lexer.next()?;
        Ok(mem::replace(&mut self.token, next))
    }
}

/// Errors about the next token.
impl Parser<'_> {
    fn error(&self, message: impl Display) -> Error {
        error_at(self.input, self.token.span.clone(), message)
    }

    fn expected(&self, what: impl Display) -> Error {
        let found = self.found();
        self.error(format!("expected {what}, found {found}"))
    }

    fn found(&self) -> String {
        match self.token.kind {
            Kind::End => "the end".to_owned(),
            _ => clip(&self.input[self.token.span.clone()]),
        }
    }

    fn no_end(&self) -> Error {
        let hint = match self.token.kind {
            Kind::Symbol(")") => "; no ( is open".to_owned(),
            Kind::Symbol(",") => "; conditions are joined by AND or OR".to_owned(),
            Kind::Word(word) => did_you_mean(word, ["AND", "OR"]),
            _ => String::new(),
        };
        self.expected_with("AND, OR or the end", &hint)
    }

    fn not_closed(&self, start: usize) -> Error {
        let column = self.input[..start].chars().count() + 1;
        let hint = match self.token.kind {
            Kind::Word(word) => did_you_mean(word, ["AND", "OR"]),
            _ => format!("; the ( at character {column} is open"),
        };
        self.expected_with(", or )", &hint)
    }

    fn no_operator(&self, key: &str) -> Error {
        let key = clip(&Key(key).to_string());
        let hint = match self.token.kind {
            Kind::Word(word) => operator_hint(word, &key),
            Kind::Value(_) | Kind::Key(_) => "; a key of several words stands in backticks".to_owned(),
            _ => String::new(),
        };
        let operators = match hint.is_empty() {
            true => "=, !=, >, >=, <, <=, IN, NOT IN, CONTAINS, STARTS WITH, ENDS WITH, EXISTS or BETWEEN",
            false => "an operator",
        };
        self.expected_with(&format!("{operators} after {key}"), &hint)
    }

    fn no_value(&self, word: &str) -> Error {
        let hint = match word.to_ascii_uppercase().as_str() {
            "NULL" | "NONE" | "NIL" => {
                "; null is no value: write NOT … EXISTS for a missing field".to_owned()
            }
            _ => format!("; a string stands in quotes: \"{}\"", clip(word)),
        };
        self.expected_with("a value", &hint)
    }

    fn keyword_as_key(&self, keyword: &str, word: &str) -> Error {
        let hint = match keyword {
            "EXISTS" => "; EXISTS follows the key: year EXISTS".to_owned(),
            "AND" | "OR" => String::new(),
            _ => format!("; as a key, {keyword} stands in backticks: `{word}`"),
        };
        self.expected_with("a condition (such as year >= 2015), NOT or (", &hint)
    }

    fn expected_with(&self, what: &str, hint: &str) -> Error {
        let found = self.found();
        self.error(format!("expected {what}, found {found}{hint}"))
    }
}

/// What a word of another language, or a mistyped one, was meant to be.
fn operator_hint(word: &str, key: &str) -> String {
    match word.to_ascii_uppercase().as_str() {
        "LIKE" | "ILIKE" | "RLIKE" | "SIMILAR" | "GLOB" | "MATCH" | "MATCHES" | "REGEXP" => {
            "; use CONTAINS, STARTS WITH or ENDS WITH".to_owned()
        }
        "IS" => format!("; use =, {key} EXISTS (for IS NOT NULL) or NOT {key} EXISTS (for IS NULL)"),
        "EQ" | "EQUALS" => "; did you mean =?".to_owned(),
        "NE" => "; did you mean !=?".to_owned(),
        "GT" => "; did you mean >?".to_owned(),
        "GTE" | "GE" => "; did you mean >=?".to_owned(),
        "LT" => "; did you mean <?".to_owned(),
        "LTE" | "LE" => "; did you mean <=?".to_owned(),
        "HAS" | "INCLUDES" => "; did you mean CONTAINS?".to_owned(),
        _ => did_you_mean(word, OPERATORS),
    }
}
