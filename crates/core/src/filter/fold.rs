//! Folding: a filter without constants inside.

use super::{Condition, Filter, Leaf};

impl Filter {
    /// The same filter without constants inside: `in []`, `and []`, `or []` and what follows from them are gone, or
    /// the whole is [`Filter::all`] or [`Filter::none`]. `not_in []` becomes `exists`.
    #[must_use]
    pub fn fold(self) -> Self {
        match self {
            Self::And(children) => fold_list(children, Self::And, Self::is_all, Self::is_none),
            Self::Or(children) => fold_list(children, Self::Or, Self::is_none, Self::is_all),
            Self::Not(child) => match child.fold() {
                child if child.is_all() => Self::none(),
                child if child.is_none() => Self::all(),
                child => Self::Not(Box::new(child)),
            },
            Self::Id(ids) if ids.is_empty() => Self::none(),
            Self::Leaf(Leaf { condition: Condition::In(operands), .. }) if operands.is_empty() => {
                Self::none()
            }
            Self::Leaf(Leaf { key, condition: Condition::NotIn(operands) }) if operands.is_empty() => {
                Self::Leaf(Leaf { key, condition: Condition::Exists })
            }
            leaf => leaf,
        }
    }

    /// Whether this is `and []`.
    pub fn is_all(&self) -> bool {
        matches!(self, Self::And(children) if children.is_empty())
    }

    /// Whether this is `or []`.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Or(children) if children.is_empty())
    }
}

/// Folds the children of an `And` or `Or`: `drops` tells its neutral child, `decides` the child that decides its value.
fn fold_list(
    children: Vec<Filter>,
    make: fn(Vec<Filter>) -> Filter,
    drops: fn(&Filter) -> bool,
    decides: fn(&Filter) -> bool,
) -> Filter {
    let mut kept = Vec::with_capacity(children.len());
    for child in children.into_iter().map(Filter::fold) {
        if decides(&child) {
            return child;
        }
        if !drops(&child) {
            kept.push(child);
        }
    }
    make(kept).flat()
}

#[cfg(test)]
mod tests;
