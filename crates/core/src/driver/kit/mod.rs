//! A kit for drivers: what most adapters need and none should write again.

mod foreign;
mod ids;
mod options;
mod score;
mod spec_record;

pub use foreign::{foreign_metadata, foreign_value};
pub use ids::{integer_id, is_uuid};
pub use options::in_range;
pub use score::{Score, Scores};
pub use spec_record::SpecRecord;
