//! What the cells of a column are: bools, numbers or text.

use std::collections::BTreeMap;

use portolan::{Error, FieldType, Result, Scalar};

use super::super::parts::Declared;
use super::super::roles::shown;

/// The type of each metadata column: declared, or one that all its cells have.
#[derive(Debug, Clone)]
pub(crate) struct ColumnTypes {
    declared: Declared,
    inferred: BTreeMap<String, Kind>,
}

/// What all cells of a column without a declared type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::input) enum Kind {
    Bool,
    /// Integers and floats, each as it is written.
    Number,
    Text,
}

impl ColumnTypes {
    pub(in crate::input) fn new(declared: &Declared) -> Self {
        Self { declared: declared.clone(), inferred: BTreeMap::new() }
    }

    /// The declared types.
    pub(in crate::input) fn declared(&self) -> &Declared {
        &self.declared
    }

    #[cfg(test)]
    pub(in crate::input) fn inferred(&self, column: &str) -> Option<Kind> {
        self.inferred.get(column).copied()
    }

    /// Takes up a cell of a column without a declared type.
    pub(super) fn widen(&mut self, column: &str, cell: &str) {
        if cell.is_empty() {
            return;
        }
        let next = kind_of(cell);
        match self.inferred.get_mut(column) {
            Some(seen) if *seen != next => *seen = Kind::Text,
            Some(_) => {}
            None => drop(self.inferred.insert(column.to_owned(), next)),
        }
    }

    /// The value of a cell.
    pub(super) fn value(&self, column: &str, cell: &str) -> Result<Scalar> {
        let value = match self.declared.get(column) {
            Some(FieldType::Bool) => bool_of(cell),
            Some(FieldType::Integer) => cell.parse().ok().map(Scalar::Integer),
            // An integer is bound to a float later, if it has an equal one.
            Some(FieldType::Float) => number_of(cell).or_else(|| loose_float(cell)),
            Some(FieldType::String) => Some(Scalar::from(cell)),
            None => match self.inferred.get(column) {
                Some(Kind::Bool) => bool_of(cell),
                Some(Kind::Number) => number_of(cell),
                Some(Kind::Text) | None => Some(Scalar::from(cell)),
            },
        };
        value.ok_or_else(|| {
            let of = self.declared.get(column).map_or("that of the other rows", |of| of.as_str());
            let cell: String = cell.chars().take(40).collect();
            Error::invalid(format!("the column {} is {cell:?}, and must be of the type {of}", shown(column)))
        })
    }
}

fn kind_of(cell: &str) -> Kind {
    if bool_of(cell).is_some() {
        Kind::Bool
    } else if number_of(cell).is_some() {
        Kind::Number
    } else {
        Kind::Text
    }
}

fn bool_of(cell: &str) -> Option<Scalar> {
    cell.to_lowercase().parse().ok().map(Scalar::Bool)
}

/// The integer or the float that a cell is, if that keeps it: `007` is text, and so is an integer beyond 64 bits.
fn number_of(cell: &str) -> Option<Scalar> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let plain = digits == "0" || !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if plain {
        return cell.parse().ok().map(Scalar::Integer);
    }
    if is_float(digits) { loose_float(cell) } else { None }
}

/// A float however it is written, unless it is none of metadata's.
fn loose_float(cell: &str) -> Option<Scalar> {
    // What adds nothing makes a negative zero the one zero that there is.
    cell.parse::<f64>().ok().filter(|x| x.is_finite()).map(|x| Scalar::Float(x + 0.0))
}

/// Whether a number has a point or an exponent, and one digit before the point unless it is not 0.
fn is_float(digits: &str) -> bool {
    let zeros = digits.starts_with('0') && !digits.starts_with("0.") && !digits.starts_with("0e");
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains(['.', 'e', 'E']) && !zeros
}
