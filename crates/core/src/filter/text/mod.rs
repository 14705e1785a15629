//! The text notation: `industry = "fintech" AND founding_year >= 2015`.

mod keyword;
mod lexer;
mod parser;
mod span;
mod write;

#[cfg(test)]
mod tests;

use std::str::FromStr;

use super::Filter;
use crate::error::{Error, Result};

impl Filter {
    /// Parses a filter written as text or, where it begins with `{`, as JSON.
    ///
    /// ```
    /// use portolan_core::Filter;
    ///
    /// let filter = Filter::parse("year BETWEEN 2010 AND 2015 OR NOT country IN ('US', 'UK')")?;
    /// assert_eq!(filter.to_string(), r#"year >= 2010 AND year <= 2015 OR NOT country IN ("US", "UK")"#);
    /// # Ok::<(), portolan_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument`, as [`Filter::parse_text`] and [`Filter::from_json_str`] give it.
    pub fn parse(input: &str) -> Result<Self> {
        if input.trim_start().starts_with('{') { Self::from_json_str(input) } else { Self::parse_text(input) }
    }

    /// Parses the text notation into a flat, valid tree.
    ///
    /// From tight to loose: a condition, `NOT`, `AND`, `OR`; parentheses group. A condition is a key and one of `=`
    /// `!=` `>` `>=` `<` `<=` with a value, `IN (…)`, `NOT IN (…)`, `CONTAINS`, `STARTS WITH`, `ENDS WITH`, `EXISTS`
    /// or `BETWEEN a AND b`; or `TRUE`, or `FALSE`. Keywords stand in any case. Values are JSON numbers, `true`,
    /// `false`, and strings in double or single quotes with JSON's escapes (and `\'`). A key of other characters than
    /// letters, digits and `_`, or like a keyword, stands in backticks, doubled inside. A bare `id` is the record's
    /// id; it takes `=`, `IN` and `NOT IN`.
    ///
    /// # Errors
    /// `InvalidArgument` that shows where it is and says what was expected there, or which limit the filter passes.
    pub fn parse_text(input: &str) -> Result<Self> {
        parser::parse(input)
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(input: &str) -> Result<Self> {
        Self::parse(input)
    }
}
