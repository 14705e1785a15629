//! The conformance suite of the port, and what tests the suite itself.

pub mod poor;
pub mod rows;
