//! What a tree must satisfy, however it was made.

use super::{Condition, Filter, Leaf};
use crate::error::{Error, Result};
use crate::metadata::{Scalar, check_key};

/// The deepest nesting of a filter.
pub const MAX_DEPTH: usize = 64;

/// The most leaves and operands in a filter.
pub const MAX_LEAVES: usize = 10_000;

impl Filter {
    /// Checks depth, size, keys and operands.
    ///
    /// # Errors
    /// `InvalidArgument` naming the leaf or the limit.
    pub fn validate(&self) -> Result<()> {
        let mut size = 0;
        self.check(1, &mut size)
    }

    fn check(&self, depth: usize, size: &mut usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::invalid(format!("the filter is nested deeper than {MAX_DEPTH} levels")));
        }
        *size += self.weight();
        if *size > MAX_LEAVES {
            return Err(Error::invalid(format!("the filter has more than {MAX_LEAVES} leaves and operands")));
        }
        match self {
            Self::And(children) | Self::Or(children) => {
                children.iter().try_for_each(|child| child.check(depth + 1, size))
            }
            Self::Not(child) => child.check(depth + 1, size),
            Self::Id(_) => Ok(()),
            Self::Leaf(leaf) => leaf.check(),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::And(children) | Self::Or(children) => usize::from(children.is_empty()),
            Self::Not(_) => 0,
            Self::Id(ids) => ids.len().max(1),
            Self::Leaf(leaf) => match &leaf.condition {
                Condition::In(operands) | Condition::NotIn(operands) => operands.len().max(1),
                _ => 1,
            },
        }
    }
}

impl Leaf {
    fn check(&self) -> Result<()> {
        check_key(&self.key)?;
        match &self.condition {
            Condition::Eq(o) | Condition::Ne(o) | Condition::Contains(o) => self.finite(o),
            Condition::Gt(o) | Condition::Gte(o) | Condition::Lt(o) | Condition::Lte(o) => self.ordered(o),
            Condition::In(operands) | Condition::NotIn(operands) => {
                operands.iter().try_for_each(|o| self.finite(o))
            }
            Condition::StartsWith(_) | Condition::EndsWith(_) | Condition::Exists => Ok(()),
        }
    }

    fn finite(&self, operand: &Scalar) -> Result<()> {
        match operand {
            Scalar::Float(x) if !x.is_finite() => Err(Error::invalid(format!(
                "the filter on {:?} compares with {x}, which is not finite",
                self.key
            ))),
            _ => Ok(()),
        }
    }

    fn ordered(&self, operand: &Scalar) -> Result<()> {
        match operand {
            Scalar::Bool(_) => Err(Error::invalid(format!(
                "the filter on {:?} orders by a bool; order operators take a number or a string",
                self.key
            ))),
            other => self.finite(other),
        }
    }
}

#[cfg(test)]
mod tests;
