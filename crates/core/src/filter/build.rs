//! Builders.

use std::ops::{BitAnd, BitOr, Not};

use super::{Condition, Filter, Leaf};
use crate::metadata::Scalar;

/// Starts a condition on a metadata field.
pub fn field(key: impl Into<String>) -> FieldRef {
    FieldRef(key.into())
}

/// Records whose id is one of these.
pub fn id_in<S: Into<String>>(ids: impl IntoIterator<Item = S>) -> Filter {
    Filter::Id(ids.into_iter().map(Into::into).collect())
}

/// `low <= field <= high`, as `And` of two leaves: on a list two elements may meet the two halves.
pub fn range(key: impl Into<String>, low: impl Into<Scalar>, high: impl Into<Scalar>) -> Filter {
    let key = key.into();
    field(key.clone()).gte(low) & field(key).lte(high)
}

/// The field is equal to one of these.
pub fn one_of<S: Into<Scalar>>(key: impl Into<String>, values: impl IntoIterator<Item = S>) -> Filter {
    field(key).is_in(values)
}

/// A metadata field, to be compared; see [`field`].
#[derive(Debug, Clone)]
pub struct FieldRef(String);

impl FieldRef {
    fn leaf(self, condition: Condition) -> Filter {
        Filter::Leaf(Leaf { key: self.0, condition })
    }

    /// Equal.
    pub fn eq(self, value: impl Into<Scalar>) -> Filter {
        self.leaf(Condition::Eq(value.into()))
    }

    /// Present and not equal.
    pub fn ne(self, value: impl Into<Scalar>) -> Filter {
        self.leaf(Condition::Ne(value.into()))
    }

    /// Greater.
    pub fn gt(self, value: impl Into<Scalar>) -> Filter {
        self.leaf(Condition::Gt(value.into()))
    }

    /// Greater or equal.
    pub fn gte(self, value: impl Into<Scalar>) -> Filter {
        self.leaf(Condition::Gte(value.into()))
    }

    /// Less.
    pub fn lt(self, value: impl Into<Scalar>) -> Filter {
        self.leaf(Condition::Lt(value.into()))
    }

    /// Less or equal.
    pub fn lte(self, value: impl Into<Scalar>) -> Filter {
        self.leaf(Condition::Lte(value.into()))
    }

    /// Equal to one of these.
    pub fn is_in<S: Into<Scalar>>(self, values: impl IntoIterator<Item = S>) -> Filter {
        self.leaf(Condition::In(values.into_iter().map(Into::into).collect()))
    }

    /// Present and equal to none of these.
    pub fn not_in<S: Into<Scalar>>(self, values: impl IntoIterator<Item = S>) -> Filter {
        self.leaf(Condition::NotIn(values.into_iter().map(Into::into).collect()))
    }

    /// A string that contains this, or a list with an element equal to it.
    pub fn contains(self, value: impl Into<Scalar>) -> Filter {
        self.leaf(Condition::Contains(value.into()))
    }

    /// A string that starts with this.
    pub fn starts_with(self, prefix: impl Into<String>) -> Filter {
        self.leaf(Condition::StartsWith(prefix.into()))
    }

    /// A string that ends with this.
    pub fn ends_with(self, suffix: impl Into<String>) -> Filter {
        self.leaf(Condition::EndsWith(suffix.into()))
    }

    /// Present.
    pub fn exists(self) -> Filter {
        self.leaf(Condition::Exists)
    }
}

impl BitAnd for Filter {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        self.and(other)
    }
}

impl BitOr for Filter {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

impl Not for Filter {
    type Output = Self;
    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}
