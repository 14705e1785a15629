//! Vectors in numbered columns, `v0`, `v1`, ….

use portolan::{Error, Result};

use super::column::shown;
use super::names;

/// Columns that share what stands before their number.
#[derive(Debug)]
pub(super) struct Numbered {
    /// The number and the position of each, in the order of the numbers.
    parts: Vec<(usize, usize)>,
    prefix: String,
}

impl Numbered {
    /// The first sequence, by the usual names, among the columns that `is_free` leaves.
    pub(super) fn find(columns: &[String], is_free: impl Fn(usize) -> bool) -> Option<Self> {
        let prefixes = names::COMPONENT.iter().flat_map(|name| {
            let spelled = |column: &String| {
                let (prefix, _) = split(column)?;
                let base = prefix.trim_end_matches(['_', '.', '-', '/', '[']).to_lowercase();
                (base == *name).then(|| prefix.to_owned())
            };
            columns.iter().enumerate().filter(|(at, _)| is_free(*at)).filter_map(move |(_, c)| spelled(c))
        });
        let mut tried = Vec::new();
        for prefix in prefixes {
            if tried.contains(&prefix) {
                continue;
            }
            let numbered = Self::with_prefix(columns, &prefix, &is_free);
            if numbered.as_ref().is_some_and(|n| n.starts_at_zero() || n.parts.len() > 1) {
                return numbered;
            }
            tried.push(prefix);
        }
        None
    }

    /// The columns whose names are this and a number.
    pub(super) fn with_prefix(
        columns: &[String],
        prefix: &str,
        is_free: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        let number = |(at, column): (usize, &String)| {
            let (found, number) = split(column)?;
            (found == prefix && is_free(at)).then_some((number, at))
        };
        let mut parts: Vec<(usize, usize)> = columns.iter().enumerate().filter_map(number).collect();
        parts.sort_unstable();
        (!parts.is_empty()).then(|| Self { parts, prefix: prefix.to_owned() })
    }

    /// Whether the first has the number 0.
    pub(super) fn starts_at_zero(&self) -> bool {
        self.parts.first().is_some_and(|(number, _)| *number == 0)
    }

    /// What stands before the numbers.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The number and the position of each.
    ///
    /// # Errors
    /// `InvalidArgument` where a number is missing or there twice.
    pub(super) fn parts(self, columns: &[String]) -> Result<Vec<(usize, usize)>> {
        let wrong = self.parts.iter().enumerate().find(|(expected, (number, _))| expected != number);
        let Some((expected, (number, at))) = wrong else { return Ok(self.parts) };
        let column = shown(&columns[*at]);
        if expected > *number {
            let other = shown(&columns[self.parts[expected - 1].1]);
            return Err(Error::invalid(format!(
                "the columns {other} and {column} have the same number; leave one out with --ignore-column"
            )));
        }
        let missing = shown(&format!("{}{expected}", self.prefix));
        Err(Error::invalid(format!(
            "there is a column {column} and no column {missing}: the columns of a vector are numbered from 0 without \
             a gap; rename them, or leave {column} out with --ignore-column"
        )))
    }
}

/// What stands before the number that a name ends with, and the number.
fn split(column: &str) -> Option<(&str, usize)> {
    let column = column.strip_suffix(']').unwrap_or(column);
    let prefix = column.trim_end_matches(|c: char| c.is_ascii_digit());
    column[prefix.len()..].parse().ok().map(|number| (prefix, number))
}
