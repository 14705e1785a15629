//! Filter dialects: how leaves read in the languages of databases.
//!
//! An adapter states a [`Table`] of what its database answers, operator by type of operand, with named exceptions, and
//! takes the clauses from a dialect: [`json_ops`] for `{"key": {"$op": value}}`, [`infix`] for text.

pub mod infix;
mod json_numbers;
pub mod json_ops;
mod predicate;
mod size;
mod table;

pub use predicate::{ByType, Comparison, Operator, Predicate, Side};
pub use size::Size;
pub use table::{Exception, Row, Table};
