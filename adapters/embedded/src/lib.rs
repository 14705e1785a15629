//! The embedded store: one directory, many indexes, durable, exact.
//!
//! Records, specs, field indexes and a change log lie in one transactional file, which `portolan-store` keeps; a call's
//! records are stored in one transaction, whole or not at all. The vectors of an index that is searched are in memory,
//! contiguous, and every search scores all candidates. The declared fields of an index are indexed, so that a filter on
//! them costs what it selects; a filter on other fields reads the metadata of the records that the rest of it leaves.
//!
//! Scores, distances and their order are the same, bit for bit, on every processor: SIMD only chooses what is worth scoring.
//! The environment variable `PORTOLAN_SIMD` says `scalar` for plain loops or `auto`, the default, for the best that the
//! processor has; `health` tells which are used.
//!
//! One process at a time writes to a store, and others read beside it: a storage reads until it is first written to.

mod check;
mod config;
mod driver;
mod filter;
mod kernel;
mod query;
mod scan;
mod vectors;

pub use check::{check, repair};
pub use config::{Config, PROVIDER};
pub use driver::EmbeddedDriver;
pub use filter::NativeFilter;
pub use portolan_store::{Checked, Damage, Durability, Repaired};

use std::sync::Arc;

use portolan_core::driver::DriverStorage;
use portolan_core::{Location, Result, VectorStorage};

/// Opens the store at a location such as `embedded:./data?durability=commit&cache_mb=128&read_only=false`.
///
/// # Errors
/// `InvalidArgument` for a location that is not understood; those of [`EmbeddedDriver::open`].
pub async fn open(location: Location) -> Result<Arc<dyn VectorStorage>> {
    let driver = EmbeddedDriver::open(&Config::from_location(location)?).await?;
    Ok(Arc::new(DriverStorage::new(driver)))
}
