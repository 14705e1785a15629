//! Milvus and Milvus Lite behind the Portolan port.
//!
//! A collection of the port has three fields: `id` (VARCHAR, the primary key), `vector` (FLOAT_VECTOR) and `metadata`
//! (JSON), so that every other client reads and filters it as `metadata["industry"]`. Its spec is in the collection's
//! property `portolan.spec`. Collections that other programs made are read, searched and filtered as they are: their
//! scalar, array, JSON and dynamic fields are the metadata.
//!
//! Every read is strongly consistent, every write an upsert. Filters are pushed down as expressions, of which only those
//! parts are used that all versions evaluate alike.

mod client;
mod columns;
mod config;
mod convert;
mod driver;
mod error;
mod expression;
mod filter;
mod foreign;
mod ids;
mod layout;
mod proto;
mod search;
mod server;
mod tasks;

pub use config::{Config, PROVIDER};
pub use driver::MilvusDriver;
pub use expression::Expression;

use std::sync::Arc;

use portolan_core::driver::DriverStorage;
use portolan_core::{Location, Result, VectorStorage};

/// Opens the store at a location such as `milvus://root:env:PASSWORD@localhost:19530/default?tls=true`.
///
/// # Errors
/// `InvalidArgument` for a location that is not understood; those of [`MilvusDriver::new`].
pub async fn open(location: Location) -> Result<Arc<dyn VectorStorage>> {
    let driver = MilvusDriver::new(&Config::from_location(location)?)?;
    Ok(Arc::new(DriverStorage::new(driver)))
}
