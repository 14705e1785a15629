//! The port to every vector database: see [`Filter`].
pub mod error;
pub mod filter;
pub mod metadata;

pub use error::{Error, ErrorKind, Result};
pub use filter::Filter;
pub use metadata::{Metadata, MetadataPatch, Scalar, Value};
