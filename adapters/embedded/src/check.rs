//! Checking the file of a store.

use portolan_core::{Error, ErrorKind, Result};
use portolan_store::Checked;

use crate::config::Config;

/// Reads all of a store and names what is damaged; writes nothing, and lets a writer in another process go on.
///
/// ```
/// use portolan_core::{CallOptions, IndexSpec, Location, VectorStorage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> portolan_core::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().display().to_string();
/// let storage = portolan_embedded::open(Location::new("embedded").with_path(&path)).await?;
/// storage.create_index(&IndexSpec::new("companies", 2), CallOptions::new()).await?;
/// let checked = portolan_embedded::check(&portolan_embedded::Config::new(&path))?;
/// assert!(checked.is_sound() && checked.indexes == 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `NotFound` where there is no store; `NotReady` where another process lets none read; those of the disk. What is
/// damaged is no error.
pub fn check(config: &Config) -> Result<Checked> {
    portolan_store::check(&config.path, config.cache_mb)
}

/// Checks a store, and where it is damaged, writes a new file with every record that can be read as a whole. The damaged
/// file is kept beside it.
///
/// # Errors
/// Those of [`check()`]; `NotReady` where another process writes; `PermissionDenied` for a store to be read only; those of
/// writing the disk.
pub fn repair(config: &Config) -> Result<Checked> {
    if config.read_only {
        let message = "a store with read_only=true is not written, not for a repair either: say it without";
        return Err(Error::new(ErrorKind::PermissionDenied, message));
    }
    portolan_store::repair(&config.path, config.cache_mb)
}
