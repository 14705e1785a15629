//! The tree.

use crate::metadata::Scalar;

/// A condition on a record's id and metadata.
///
/// Build it with [`field`](super::field) and `&`, `|`, `!`, parse it with [`Filter::parse`] (text or JSON), or put it
/// together by hand; [`Filter::validate`] checks a tree however it was made. Equality is of the tree: `eq(2)` and
/// `eq(2.0)` are different filters with one meaning.
///
/// ```
/// use portolan_core::{Filter, filter::field};
///
/// let built = field("industry").eq("fintech") & field("founding_year").gte(2015);
/// assert_eq!(built, Filter::parse(r#"industry = "fintech" AND founding_year >= 2015"#)?);
/// assert_eq!(built, Filter::parse(r#"{"industry": "fintech", "founding_year": {"$gte": 2015}}"#)?);
/// # Ok::<(), portolan_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// True where every child is; empty is true.
    And(Vec<Filter>),
    /// True where any child is; empty is false.
    Or(Vec<Filter>),
    /// The complement.
    Not(Box<Filter>),
    /// True where the record's id is one of these.
    Id(Vec<String>),
    /// A condition on one metadata field.
    Leaf(Leaf),
}

/// A condition on one metadata field; false where the field is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The metadata key.
    pub key: String,
    /// What is asked of its value.
    pub condition: Condition,
}

/// What a [`Leaf`] asks of a value. On a list, the positive ones ask whether any element meets them.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Equal, numbers by mathematical value.
    Eq(Scalar),
    /// Present, and no value equal.
    Ne(Scalar),
    /// Greater: numbers, or strings by their bytes.
    Gt(Scalar),
    /// Greater or equal.
    Gte(Scalar),
    /// Less.
    Lt(Scalar),
    /// Less or equal.
    Lte(Scalar),
    /// Equal to one of these; types may mix.
    In(Vec<Scalar>),
    /// Present, and equal to none of these.
    NotIn(Vec<Scalar>),
    /// On a string, the operand is a substring; on a list, an element is equal to it.
    Contains(Scalar),
    /// A string that starts with this.
    StartsWith(String),
    /// A string that ends with this.
    EndsWith(String),
    /// Present, whatever the value.
    Exists,
}

impl Filter {
    /// The filter that every record meets: `and []`.
    pub fn all() -> Self {
        Self::And(Vec::new())
    }

    /// The filter that no record meets: `or []`.
    pub fn none() -> Self {
        Self::Or(Vec::new())
    }

    /// `And` of both, flat.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::And(vec![self, other]).flat()
    }

    /// `Or` of both, flat.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::Or(vec![self, other]).flat()
    }

    /// The same filter in the form that every notation gives: an `And` in an `And` is merged, as is an `Or` in an
    /// `Or`, and either of a single child is that child.
    #[must_use]
    pub fn flat(self) -> Self {
        match self {
            Self::And(children) => flat_list(children, Self::And, |f| match f {
                Self::And(inner) => Ok(inner),
                other => Err(other),
            }),
            Self::Or(children) => flat_list(children, Self::Or, |f| match f {
                Self::Or(inner) => Ok(inner),
                other => Err(other),
            }),
            Self::Not(child) => Self::Not(Box::new(child.flat())),
            leaf => leaf,
        }
    }
}

fn flat_list(
    children: Vec<Filter>,
    make: fn(Vec<Filter>) -> Filter,
    open: fn(Filter) -> Result<Vec<Filter>, Filter>,
) -> Filter {
    let mut flat = Vec::with_capacity(children.len());
    for child in children {
        match open(child.flat()) {
            Ok(inner) => flat.extend(inner),
            Err(other) => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.remove(0) } else { make(flat) }
}

#[cfg(test)]
mod tests;
