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

    /// `And` of both, flat if both are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        merge([self, other], Self::And, Self::open_and)
    }

    /// `Or` of both, flat if both are.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        merge([self, other], Self::Or, Self::open_or)
    }

    /// The same filter in the form that every notation gives: an `And` in an `And` is merged, as is an `Or` in an
    /// `Or`, and either of a single child is that child.
    #[must_use]
    pub fn flat(self) -> Self {
        match self {
            Self::And(children) => merge(children.into_iter().map(Self::flat), Self::And, Self::open_and),
            Self::Or(children) => merge(children.into_iter().map(Self::flat), Self::Or, Self::open_or),
            Self::Not(child) => Self::Not(Box::new(child.flat())),
            leaf => leaf,
        }
    }

    fn open_and(self) -> Result<Vec<Self>, Self> {
        match self {
            Self::And(children) => Ok(children),
            other => Err(other),
        }
    }

    fn open_or(self) -> Result<Vec<Self>, Self> {
        match self {
            Self::Or(children) => Ok(children),
            other => Err(other),
        }
    }
}

/// An `And` or `Or` of flat filters: those of its kind are opened, and a single child stands alone.
fn merge(
    filters: impl IntoIterator<Item = Filter>,
    make: fn(Vec<Filter>) -> Filter,
    open: fn(Filter) -> Result<Vec<Filter>, Filter>,
) -> Filter {
    let mut merged = Vec::new();
    for filter in filters {
        match open(filter) {
            // Growing the first one keeps a chain of many `&` or `|` linear.
            Ok(children) if merged.is_empty() => merged = children,
            Ok(children) => merged.extend(children),
            Err(other) => merged.push(other),
        }
    }
    if merged.len() == 1 { merged.remove(0) } else { make(merged) }
}

#[cfg(test)]
mod tests;
