//! How a server is reached: `qdrant://host:6334?api_key=env:KEY&tls=true`.

use std::str::FromStr;

use portolan_core::{Error, Location, Result};
use portolan_net::{Credentials, Endpoint, Options, Secret, Server};
use qdrant_client::qdrant::read_consistency::Value;
use qdrant_client::qdrant::{self as q, ReadConsistencyType, WriteOrderingType};

/// The provider's name, and its URI scheme.
pub const PROVIDER: &str = "qdrant";

/// Before 1.16 collections had no metadata, in which the spec lies.
pub(crate) const SERVER: Server = Server::new("Qdrant", "qdrant://localhost:6334", 6_334).oldest(1, 16);

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

impl From<WriteOrdering> for q::WriteOrdering {
    fn from(ordering: WriteOrdering) -> Self {
        let of = match ordering {
            WriteOrdering::Weak => WriteOrderingType::Weak,
            WriteOrdering::Medium => WriteOrderingType::Medium,
            WriteOrdering::Strong => WriteOrderingType::Strong,
        };
        Self { r#type: of.into() }
    }
}

impl FromStr for WriteOrdering {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "weak" => Ok(Self::Weak),
            "medium" => Ok(Self::Medium),
            "strong" => Ok(Self::Strong),
            _ => Err(()),
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

impl From<ReadConsistency> for q::ReadConsistency {
    fn from(consistency: ReadConsistency) -> Self {
        let of = match consistency {
            ReadConsistency::All => ReadConsistencyType::All,
            ReadConsistency::Majority => ReadConsistencyType::Majority,
            ReadConsistency::Quorum => ReadConsistencyType::Quorum,
            ReadConsistency::Factor(n) => return Value::Factor(n).into(),
        };
        Value::Type(of.into()).into()
    }
}

impl FromStr for ReadConsistency {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "all" => Ok(Self::All),
            "majority" => Ok(Self::Majority),
            "quorum" => Ok(Self::Quorum),
            other => other.parse().ok().filter(|n| *n >= 1).map(Self::Factor).ok_or(()),
        }
    }
}

/// How a server is reached. `Debug` does not show the API key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where the server is; its port is that of gRPC.
    pub endpoint: Endpoint,
    /// The API key or token.
    pub api_key: Option<Secret>,
    /// In which order replicas apply writes; absent is the server's default.
    pub write_ordering: Option<WriteOrdering>,
    /// How many replicas a read asks; absent is the server's default.
    pub read_consistency: Option<ReadConsistency>,
}

impl Config {
    /// A server without encryption and API key.
    pub fn new(host: impl Into<String>) -> Self {
        let endpoint = Endpoint::new(&SERVER, host);
        Self { endpoint, api_key: None, write_ordering: None, read_consistency: None }
    }

    /// Reads a location such as `qdrant://host:6334?api_key=env:KEY&tls=true`. The API key may also stand as the password:
    /// `qdrant://:KEY@host`.
    ///
    /// # Errors
    /// `InvalidArgument` for a missing host, a user, a path, an unknown option or a value that is not understood.
    pub fn from_location(location: Location) -> Result<Self> {
        let mut options = Options::new(location, &SERVER);
        let config = Self {
            endpoint: options.endpoint()?,
            api_key: match options.credentials(&["api_key"])? {
                Credentials::Anonymous => None,
                Credentials::Token(key) => Some(key),
                Credentials::User(_) | Credentials::Password { .. } => {
                    return Err(Error::invalid(
                        "Qdrant has no users; give the API key as ?api_key=env:NAME, or as the password: \
                         qdrant://:KEY@host",
                    ));
                }
            },
            write_ordering: options.parsed("write_ordering", "weak, medium or strong")?,
            read_consistency: options
                .parsed("read_consistency", "all, majority, quorum or a number of replicas")?,
        };
        let [] = options.path([])?;
        options.finish()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use portolan_core::ErrorKind;

    use super::*;

    fn read(uri: &str) -> Result<Config> {
        Config::from_location(uri.parse()?)
    }

    #[test]
    fn a_location_is_read_in_all_its_parts() {
        assert_eq!(read("qdrant://localhost").unwrap(), Config::new("localhost"));
        let uri = "qdrant://db.example:7000/?api_key=s3cret&tls=true&write_ordering=strong&read_consistency=majority";
        let config = read(uri).unwrap();
        assert_eq!(config.endpoint.origin(), "https://db.example:7000");
        assert_eq!(config.api_key.as_ref().map(Secret::expose), Some("s3cret"));
        assert_eq!(config.write_ordering, Some(WriteOrdering::Strong));
        assert_eq!(config.read_consistency, Some(ReadConsistency::Majority));
        let factor = read("qdrant://h?read_consistency=2").unwrap();
        assert_eq!(factor.read_consistency, Some(ReadConsistency::Factor(2)));
        assert_eq!(read("qdrant://:s3cret@h").unwrap().api_key.as_ref().map(Secret::expose), Some("s3cret"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (uri, part) in [
            ("qdrant:", "host is missing"),
            ("qdrant://s3cret@h", "?api_key=env:NAME"),
            ("qdrant://:s3cret@h?api_key=s3cret", "api_key"),
            ("qdrant://h/collections", "/collections"),
            ("qdrant://h?write_ordering=total", "weak, medium or strong"),
            ("qdrant://h?read_consistency=0", "a number of replicas"),
            ("qdrant://h?apikey=s3cret", "did you mean api_key?"),
        ] {
            let e = read(uri).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{uri}");
            assert!(e.message().contains(part), "{uri}: {e}");
            assert!(!e.to_string().contains("s3cret"), "{uri}: {e}");
        }
    }
}
