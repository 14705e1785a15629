//! Metadata: an ordered map of typed values.

mod json;
mod key;
mod map;
mod patch;
mod value;

pub(crate) use json::check_integers;
pub use json::parse_json;
pub use key::{RESERVED_PREFIX, check_key};
pub use map::Metadata;
pub use patch::MetadataPatch;
pub use value::{Scalar, Value};
