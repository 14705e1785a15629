//! How a server is reached: `qdrant://host:6334?api_key=env:KEY&tls=true`.

use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use portolan_core::{Error, Location, Result};

const PORT: u16 = 6334;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// In which order replicas apply writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOrdering {
    /// As they come.
    Weak,
    /// Through a leader, which may change.
    Medium,
    /// Through a permanent leader; writes fail while it is down.
    Strong,
}

impl FromStr for WriteOrdering {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "weak" => Ok(Self::Weak),
            "medium" => Ok(Self::Medium),
            "strong" => Ok(Self::Strong),
            other => Err(Error::invalid(format!(
                "write_ordering is {other:?}, and must be weak, medium or strong"
            ))),
        }
    }
}

/// How many replicas a read asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadConsistency {
    /// All, and a point counts that is on all of them.
    All,
    /// All, and a point counts that is on most of them.
    Majority,
    /// One more than half, and a point counts that is on all of these.
    Quorum,
    /// So many, and a point counts that is on all of these.
    Factor(u64),
}

impl FromStr for ReadConsistency {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "all" => Ok(Self::All),
            "majority" => Ok(Self::Majority),
            "quorum" => Ok(Self::Quorum),
            other => match other.parse() {
                Ok(n) if n >= 1 => Ok(Self::Factor(n)),
                _ => Err(Error::invalid(format!(
                    "read_consistency is {other:?}, and must be all, majority, quorum or a number of replicas"
                ))),
            },
        }
    }
}

/// How a server is reached. `Debug` does not show the API key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The host, a name or an address.
    pub host: String,
    /// The port of gRPC, 6334 by default; 6333 is REST and does not answer.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// A file of PEM certificates to trust beside the system's.
    pub tls_ca: Option<PathBuf>,
    /// The API key or token.
    pub api_key: Option<String>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// In which order replicas apply writes; absent is the server's default.
    pub write_ordering: Option<WriteOrdering>,
    /// How many replicas a read asks; absent is the server's default.
    pub read_consistency: Option<ReadConsistency>,
}

impl Config {
    /// A server without encryption and API key.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: false,
            tls_ca: None,
            api_key: None,
            connect_timeout: CONNECT_TIMEOUT,
            write_ordering: None,
            read_consistency: None,
        }
    }

    /// Reads a location such as `qdrant://host:6334?api_key=env:KEY&tls=true`. The API key may also stand as the password:
    /// `qdrant://:KEY@host`.
    ///
    /// # Errors
    /// `InvalidArgument` for a missing host, a user, a path, an unknown option or a value that is not understood.
    pub fn from_location(mut location: Location) -> Result<Self> {
        let host = location
            .host()
            .ok_or_else(|| Error::invalid("the server's host is missing: say qdrant://localhost:6334"))?;
        if location.user().is_some() {
            return Err(Error::invalid(
                "Qdrant has no users; give the API key as ?api_key=env:NAME, or as the password: qdrant://:KEY@host",
            ));
        }
        if !matches!(location.path(), "" | "/") {
            return Err(Error::invalid(format!(
                "the location has the path {:?}, and a Qdrant server has none",
                location.path()
            )));
        }
        let mut config = Self::new(host, location.port().unwrap_or(PORT));
        let password = location.password()?;
        let option = location.take("api_key")?;
        if password.is_some() && option.is_some() {
            return Err(Error::invalid("the API key is given twice, as password and as api_key"));
        }
        config.api_key = option.or(password);
        config.tls = location.take_parsed("tls", "true or false")?.unwrap_or_default();
        config.tls_ca = location.take("tls_ca")?.map(PathBuf::from);
        if let Some(seconds) = location.take_parsed("connect_timeout", "a number of seconds")? {
            config.connect_timeout = connect_timeout(seconds)?;
        }
        config.write_ordering = location.take("write_ordering")?.as_deref().map(str::parse).transpose()?;
        config.read_consistency =
            location.take("read_consistency")?.as_deref().map(str::parse).transpose()?;
        location.finish()?;
        if config.tls_ca.is_some() && !config.tls {
            return Err(Error::invalid("tls_ca is given without tls=true"));
        }
        Ok(config)
    }
}

impl Debug for Config {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("tls_ca", &self.tls_ca)
            .field("api_key", &self.api_key.as_ref().map(|_| "***"))
            .field("connect_timeout", &self.connect_timeout)
            .field("write_ordering", &self.write_ordering)
            .field("read_consistency", &self.read_consistency)
            .finish()
    }
}

fn connect_timeout(seconds: f64) -> Result<Duration> {
    if !(0.001..=3_600.0).contains(&seconds) {
        return Err(Error::out_of_range("connect_timeout", seconds, 0.001, 3_600));
    }
    Ok(Duration::from_secs_f64(seconds))
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
        assert_eq!(read("qdrant://localhost").unwrap(), Config::new("localhost", 6334));
        let uri = "qdrant://db.example:7000/?api_key=s3cret&tls=true&tls_ca=/etc/ca.pem&connect_timeout=0.5\
                   &write_ordering=strong&read_consistency=majority";
        let config = read(uri).unwrap();
        assert_eq!((config.host.as_str(), config.port, config.tls), ("db.example", 7000, true));
        assert_eq!(config.api_key.as_deref(), Some("s3cret"));
        assert_eq!(config.tls_ca, Some("/etc/ca.pem".into()));
        assert_eq!(config.connect_timeout, Duration::from_millis(500));
        assert_eq!(config.write_ordering, Some(WriteOrdering::Strong));
        assert_eq!(config.read_consistency, Some(ReadConsistency::Majority));
        assert_eq!(
            read("qdrant://h?read_consistency=2").unwrap().read_consistency,
            Some(ReadConsistency::Factor(2))
        );
        assert_eq!(read("qdrant://:s3cret@h").unwrap().api_key.as_deref(), Some("s3cret"));
        assert_eq!(read("qdrant://[::1]:6334").unwrap().host, "[::1]");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (uri, part) in [
            ("qdrant:", "host is missing"),
            ("qdrant://s3cret@h", "?api_key=env:NAME"),
            ("qdrant://:s3cret@h?api_key=s3cret", "given twice"),
            ("qdrant://h/collections", "/collections"),
            ("qdrant://h?tls=yes", "true or false"),
            ("qdrant://h?tls_ca=/ca.pem", "without tls=true"),
            ("qdrant://h?connect_timeout=0", "0.001 to 3600"),
            ("qdrant://h?write_ordering=total", "weak, medium or strong"),
            ("qdrant://h?read_consistency=0", "a number of replicas"),
            ("qdrant://h?apikey=s3cret", "did you mean api_key?"),
            ("qdrant://h?api_key=env:PORTOLAN_NO_SUCH_KEY", "PORTOLAN_NO_SUCH_KEY"),
        ] {
            let e = read(uri).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{uri}");
            assert!(e.message().contains(part), "{uri}: {e}");
            assert!(!e.to_string().contains("s3cret"), "{uri}: {e}");
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let config = read("qdrant://h?api_key=s3cret").unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
