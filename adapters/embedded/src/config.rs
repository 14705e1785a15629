//! How a store is opened: `embedded:./data?durability=commit&cache_mb=128&read_only=false`.

use std::path::PathBuf;

use portolan_core::{Error, Location, Result};
use portolan_store::{Durability, StoreOptions};

const DEFAULT_CACHE_MB: usize = 128;
const MAX_CACHE_MB: usize = 1 << 20;

/// The provider's name, and its URI scheme.
pub const PROVIDER: &str = "embedded";

/// How a store is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The directory; the first index that is created makes it where it does not exist.
    pub path: PathBuf,
    /// When a write is on disk.
    pub durability: Durability,
    /// How many MiB of the file are kept in memory, 1 to 1,048,576. The vectors of an index that is searched are in
    /// memory beside them.
    pub cache_mb: usize,
    /// Whether writes are refused. Nothing is written then, no lock either.
    pub read_only: bool,
}

impl Config {
    /// A directory, with defaults.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), durability: Durability::default(), cache_mb: DEFAULT_CACHE_MB, read_only: false }
    }

    /// Sets when a write is on disk.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets whether writes are refused.
    #[must_use]
    pub fn read_only(mut self, yes: bool) -> Self {
        self.read_only = yes;
        self
    }

    /// Reads a location such as `embedded:./data?durability=commit&cache_mb=128&read_only=false`.
    ///
    /// # Errors
    /// `InvalidArgument` for a missing path, a host, an unknown option or a value out of range.
    pub fn from_location(mut location: Location) -> Result<Self> {
        if let Some(host) = location.host() {
            return Err(Error::invalid(format!(
                "an embedded store is a directory and has no host: say embedded:./{host} or embedded:/{host}"
            )));
        }
        if location.path().is_empty() {
            return Err(Error::invalid("the embedded store's directory is missing: say embedded:./data"));
        }
        let durability = location.take("durability")?.map_or(Ok(Durability::default()), |d| d.parse())?;
        let cache_mb = location.take_parsed("cache_mb", "a number of MiB")?.unwrap_or(DEFAULT_CACHE_MB);
        let read_only = location.take_parsed("read_only", "true or false")?.unwrap_or_default();
        location.finish()?;
        if !(1..=MAX_CACHE_MB).contains(&cache_mb) {
            return Err(Error::out_of_range("cache_mb", cache_mb, 1, MAX_CACHE_MB));
        }
        Ok(Self { path: location.path().into(), durability, cache_mb, read_only })
    }

    /// The same for the store.
    pub(crate) fn store_options(&self) -> StoreOptions {
        let Self { durability, cache_mb, read_only, .. } = *self;
        StoreOptions { durability, cache_mb, read_only }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::ErrorKind;

    fn read(uri: &str) -> Result<Config> {
        Config::from_location(uri.parse()?)
    }

    #[test]
    fn a_location_is_read_in_all_its_parts() {
        assert_eq!(read("embedded:./data").unwrap(), Config::new("./data"));
        let given = read("embedded:/var/lib/x%20y?durability=none&cache_mb=7&read_only=true").unwrap();
        let expected = Config::new("/var/lib/x y").durability(Durability::None).read_only(true);
        assert_eq!(given, Config { cache_mb: 7, ..expected });
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (uri, part) in [
            ("embedded:", "directory is missing"),
            ("embedded://data", "embedded:./data"),
            ("embedded:./d?durability=never", "commit or none"),
            ("embedded:./d?cache_mb=0", "1 to 1048576"),
            ("embedded:./d?cache_mb=much", "a number of MiB"),
            ("embedded:./d?read_only=yes", "true or false"),
            ("embedded:./d?durabilty=none", "did you mean durability?"),
        ] {
            let e = read(uri).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{uri}");
            assert!(e.message().contains(part), "{uri}: {e}");
        }
    }
}
