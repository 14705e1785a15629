//! Conditions by what a database is asked: a single operand is a list of one, and the four orders are one.

use crate::filter::Condition;
use crate::metadata::Scalar;

/// What a leaf asks of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Predicate<'a> {
    /// `eq`, `in`.
    AnyOf(&'a [Scalar]),
    /// `ne`, `not_in`.
    NoneOf(&'a [Scalar]),
    /// `gt`, `gte`, `lt`, `lte`.
    Order(Comparison, &'a Scalar),
    /// `contains`.
    Contains(&'a Scalar),
    /// `starts_with`.
    StartsWith(&'a str),
    /// `ends_with`.
    EndsWith(&'a str),
    /// `exists`.
    Exists,
}

/// The operators of a [`Table`](super::Table), of which each row has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`, `in`.
    Equal,
    /// `ne`, `not_in`.
    Unequal,
    /// `gt`, `gte`, `lt`, `lte`.
    Order,
    /// `contains`.
    Contains,
    /// `starts_with`.
    StartsWith,
    /// `ends_with`.
    EndsWith,
    /// `exists`.
    Exists,
}

/// Which side of a bound an order asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What is greater.
    Above,
    /// What is less.
    Below,
}

/// One of the four orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The side of the bound.
    pub side: Side,
    /// Whether the bound is on it.
    pub inclusive: bool,
}

impl Comparison {
    /// The operator in most languages: `>`, `>=`, `<` or `<=`.
    pub fn symbol(self) -> &'static str {
        match (self.side, self.inclusive) {
            (Side::Above, false) => ">",
            (Side::Above, true) => ">=",
            (Side::Below, false) => "<",
            (Side::Below, true) => "<=",
        }
    }

    /// The same with the bound; what a rounded bound needs to miss nothing.
    #[must_use]
    pub fn widened(self) -> Self {
        self.widened_if(true)
    }

    /// The same, with the bound where that is so.
    #[must_use]
    pub fn widened_if(self, wide: bool) -> Self {
        Self { inclusive: self.inclusive || wide, ..self }
    }
}

impl<'a> From<&'a Condition> for Predicate<'a> {
    fn from(condition: &'a Condition) -> Self {
        let one = std::slice::from_ref;
        let order = |side, inclusive, bound| Self::Order(Comparison { side, inclusive }, bound);
        match condition {
            Condition::Eq(operand) => Self::AnyOf(one(operand)),
            Condition::In(operands) => Self::AnyOf(operands),
            Condition::Ne(operand) => Self::NoneOf(one(operand)),
            Condition::NotIn(operands) => Self::NoneOf(operands),
            Condition::Gt(bound) => order(Side::Above, false, bound),
            Condition::Gte(bound) => order(Side::Above, true, bound),
            Condition::Lt(bound) => order(Side::Below, false, bound),
            Condition::Lte(bound) => order(Side::Below, true, bound),
            Condition::Contains(operand) => Self::Contains(operand),
            Condition::StartsWith(prefix) => Self::StartsWith(prefix),
            Condition::EndsWith(suffix) => Self::EndsWith(suffix),
            Condition::Exists => Self::Exists,
        }
    }
}

impl<'a> Predicate<'a> {
    /// The operator, by which it is found in a table.
    pub fn operator(self) -> Operator {
        match self {
            Self::AnyOf(_) => Operator::Equal,
            Self::NoneOf(_) => Operator::Unequal,
            Self::Order(..) => Operator::Order,
            Self::Contains(_) => Operator::Contains,
            Self::StartsWith(_) => Operator::StartsWith,
            Self::EndsWith(_) => Operator::EndsWith,
            Self::Exists => Operator::Exists,
        }
    }

    /// The values that are compared with, as far as they are scalars.
    pub fn operands(self) -> &'a [Scalar] {
        match self {
            Self::AnyOf(operands) | Self::NoneOf(operands) => operands,
            Self::Order(_, operand) | Self::Contains(operand) => std::slice::from_ref(operand),
            Self::StartsWith(_) | Self::EndsWith(_) | Self::Exists => &[],
        }
    }
}

/// Operands by their types, as databases compare them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ByType<'a> {
    /// The texts.
    pub texts: Vec<&'a str>,
    /// The integers and floats.
    pub numbers: Vec<&'a Scalar>,
    /// The bools.
    pub bools: Vec<bool>,
}

impl<'a> ByType<'a> {
    /// Of these operands.
    pub fn of(operands: &'a [Scalar]) -> Self {
        let mut by_type = Self::default();
        for operand in operands {
            match operand {
                Scalar::String(text) => by_type.texts.push(text),
                Scalar::Bool(b) => by_type.bools.push(*b),
                number => by_type.numbers.push(number),
            }
        }
        by_type
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_have_their_symbols() {
        let bound = Scalar::from(1);
        for (condition, symbol, wide) in [
            (Condition::Gt(bound.clone()), ">", ">="),
            (Condition::Gte(bound.clone()), ">=", ">="),
            (Condition::Lt(bound.clone()), "<", "<="),
            (Condition::Lte(bound.clone()), "<=", "<="),
        ] {
            let Predicate::Order(comparison, operand) = Predicate::from(&condition) else { panic!() };
            assert_eq!((comparison.symbol(), comparison.widened().symbol(), operand), (symbol, wide, &bound));
        }
    }

    #[test]
    fn operands_are_parted_by_type() {
        let operands = [1.into(), "a".into(), 2.5.into(), true.into()];
        let by_type = ByType::of(&operands);
        assert_eq!((by_type.texts, by_type.bools), (vec!["a"], vec![true]));
        assert_eq!(by_type.numbers, [&operands[0], &operands[2]]);
    }
}
