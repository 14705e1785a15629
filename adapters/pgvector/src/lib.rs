//! PostgreSQL with pgvector behind the Portolan port.
//!
//! An index is a table of one schema: `id text primary key`, `embedding vector(n)`, `metadata jsonb`; its spec is kept
//! in the table's comment. Filters run in the database, as SQL with bound values. Tables that other programs made can
//! be read and searched: see [`Config`].

mod catalog;
mod client;
mod config;
mod convert;
mod create;
mod driver;
mod error;
mod filter;
mod foreign;
mod metadata;
mod query;
mod rows;
mod table;

pub use config::{Config, Foreign, PROVIDER};
pub use driver::PgvectorDriver;
pub use filter::NativeFilter;

use std::sync::Arc;

use portolan_core::driver::DriverStorage;
use portolan_core::{Location, Result, VectorStorage};

/// Opens the database at a location such as `pgvector://user:env:PGPASSWORD@host:5432/database?schema=portolan`.
///
/// # Errors
/// `InvalidArgument` for a location that is not understood; those of [`PgvectorDriver::new`].
pub async fn open(location: Location) -> Result<Arc<dyn VectorStorage>> {
    let driver = PgvectorDriver::new(&Config::from_location(location)?)?;
    Ok(Arc::new(DriverStorage::new(driver)))
}
