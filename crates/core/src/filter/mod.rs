//! Filters: a closed tree with one meaning, written in Rust, as text or as JSON.
//!
//! Two truth values, no third: a leaf on a missing field is false, whatever its operator, and `Not` is the set
//! complement. The meaning lives in [`Filter::matches`], which [`Matcher`] keeps for many records; adapters lower leaves and declare how exactly.

#[cfg(test)]
mod arbitrary;
mod ast;
mod build;
mod eval;
mod fold;
mod json;
mod lower;
mod matcher;
mod text;
mod validate;

pub use ast::{Condition, Filter, Leaf};
pub use build::{FieldRef, field, id_in, one_of, range};
pub use lower::{Lowered, Lowering, PushDown, Pushed, lower};
pub use matcher::Matcher;
pub use validate::{MAX_DEPTH, MAX_LEAVES};
