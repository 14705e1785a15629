//! Chroma behind the Portolan port: a thin client of its REST API v2.
//!
//! An index is a collection of the same name. Records are plain Chroma records: id, embedding, metadata; a document is
//! the metadata key `chroma:document`, and a URI `chroma:uri`, as Chroma itself calls them. What makes an index of a
//! collection (its dimension, declared fields, parameters) stands in the collection's metadata; a collection that
//! another program made is an index as well, as soon as it holds a record.
//!
//! Chroma's searches are approximate (HNSW); an exact one is a scan here. Strings, bools and ids are filtered by
//! Chroma; numbers too, more widely, and the rest is checked here.

mod api;
mod client;
mod config;
mod convert;
mod driver;
mod filter;
mod foreign;
mod schema;
mod writes;

pub use config::{Config, PROVIDER, SERVER, TokenHeader};
pub use driver::ChromaDriver;
pub use filter::NativeFilter;

use std::sync::Arc;

use portolan_core::driver::DriverStorage;
use portolan_core::{Location, Result, VectorStorage};

/// Opens the store of a location such as `chroma://localhost:8000/tenant/database?token=env:CHROMA_TOKEN&tls=true`.
///
/// # Errors
/// `InvalidArgument` for a location that is not understood; those of [`ChromaDriver::new`].
pub async fn open(location: Location) -> Result<Arc<dyn VectorStorage>> {
    let driver = ChromaDriver::new(&Config::from_location(location)?)?;
    Ok(Arc::new(DriverStorage::new(driver)))
}
