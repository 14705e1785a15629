//! A kit for drivers: what most adapters need and none should write again.

mod foreign;
mod ids;
mod options;
mod ready;
mod score;
mod spec_record;

pub use foreign::{foreign_json, foreign_metadata, foreign_value};
pub use ids::{integer_id, is_uuid};
pub use options::in_range;
pub use ready::{ready, when_ready};
pub use score::{Score, Scores};
pub use spec_record::SpecRecord;
