//! Qdrant behind the Portolan port, over gRPC.
//!
//! An index is a collection, a record a point, a field a payload field; every other client of Qdrant reads them as they
//! are. The spec lies in the collection's metadata. Ids that are no UUID are stored by their UUIDv5. A payload index is
//! made for each declared field.

mod client;
mod config;
mod convert;
mod driver;
mod filter;
mod foreign;
mod lower;
mod options;
mod path;
mod schema;

pub use config::{Config, PROVIDER, ReadConsistency, WriteOrdering};
pub use driver::QdrantDriver;
pub use filter::NativeFilter;

use std::sync::Arc;

use portolan_core::driver::DriverStorage;
use portolan_core::{Location, Result, VectorStorage};

/// Opens the server of a location such as `qdrant://host:6334?api_key=env:QDRANT_API_KEY&tls=true`. The connection is made
/// with the first call.
///
/// # Errors
/// `InvalidArgument` for a location that is not understood.
pub async fn open(location: Location) -> Result<Arc<dyn VectorStorage>> {
    let driver = QdrantDriver::new(&Config::from_location(location)?)?;
    Ok(Arc::new(DriverStorage::new(driver)))
}
