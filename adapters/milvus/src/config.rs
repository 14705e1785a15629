//! How a server is reached: `milvus://user:password@host:19530/database?tls=true`.

use std::time::Duration;

use portolan_core::{ErrorKind, Location, Result};
use portolan_net::{Credentials, Endpoint, Options, Secret, Server};

/// The provider's name, and its URI scheme.
pub const PROVIDER: &str = "milvus";

pub(crate) const SERVER: Server =
    Server::new("Milvus", "milvus://localhost:19530", 19_530).aliases(&[("tls_ca", "ca")]).advice(&[
        (ErrorKind::NotFound, "list the indexes, or create it first"),
        (ErrorKind::AlreadyExists, "use ensure_index, or another name"),
        (ErrorKind::DimensionMismatch, "use vectors of the index's dimension"),
        (ErrorKind::NotReady, "the collection is not loaded yet; try again"),
    ]);

const LOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How a server is reached. `Debug` shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where the server is.
    pub endpoint: Endpoint,
    /// The database; absent is `default`.
    pub database: Option<String>,
    /// Who the client is.
    pub credentials: Credentials,
    /// How long a call waits for a collection that is not loaded, within its time; default: 60 s.
    pub load_timeout: Duration,
}

impl Config {
    /// A server on a host, with defaults.
    pub fn new(host: impl Into<String>) -> Self {
        let endpoint = Endpoint::new(&SERVER, host);
        Self { endpoint, database: None, credentials: Credentials::Anonymous, load_timeout: LOAD_TIMEOUT }
    }

    /// Reads a location such as `milvus://user:env:PASSWORD@host:19530/database?tls=true`. A user without a password is a
    /// token, as is the option `token`.
    ///
    /// # Errors
    /// `InvalidArgument` for a missing host, a path of more than a database, an unknown option or a value out of range.
    pub fn from_location(location: Location) -> Result<Self> {
        let mut options = Options::new(location, &SERVER);
        let [database] = options.path(["database"])?;
        let config = Self {
            endpoint: options.endpoint()?,
            database,
            credentials: match options.credentials(&["token"])? {
                Credentials::User(token) => Credentials::Token(Secret::from(token)),
                given => given,
            },
            load_timeout: options.duration("load_timeout")?.unwrap_or(LOAD_TIMEOUT),
        };
        options.finish()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Result<Config> {
        Config::from_location(uri.parse()?)
    }

    #[test]
    fn a_uri_says_all() {
        let config =
            read("milvus://root:secret@db.example:443/sales?tls=true&timeout=5&load_timeout=90").unwrap();
        assert_eq!(config.endpoint.origin(), "https://db.example:443");
        assert_eq!(config.database.as_deref(), Some("sales"));
        assert_eq!(config.credentials.base64().unwrap().expose(), "cm9vdDpzZWNyZXQ=");
        assert_eq!((config.endpoint.timeout.as_secs(), config.load_timeout.as_secs()), (5, 90));
        let config = read("milvus://h?tls=true&ca=/x.pem").unwrap();
        assert_eq!(config.endpoint.tls_ca.as_deref(), Some("/x.pem".as_ref()));
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        assert_eq!(read("milvus://localhost").unwrap(), Config::new("localhost"));
        assert_eq!(read("milvus://localhost/").unwrap().database, None);
    }

    #[test]
    fn a_token_stands_before_the_host_or_as_an_option() {
        for uri in ["milvus://key@localhost", "milvus://localhost?token=key"] {
            assert_eq!(read(uri).unwrap().credentials, Credentials::Token("key".into()), "{uri}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        for uri in ["milvus://root:s3cret@h", "milvus://s3cret@h", "milvus://h?token=s3cret"] {
            assert!(!format!("{:?}", read(uri).unwrap()).contains("s3cret"), "{uri}");
        }
    }

    #[test]
    fn a_mistake_is_named() {
        for (uri, word) in [
            ("milvus:", "localhost"),
            ("milvus://h/a/b", "DATABASE"),
            ("milvus://h?tsl=true", "tls"),
            ("milvus://h?load_timeout=0", "load_timeout"),
            ("milvus://h?ca=x.pem", "tls=true"),
            ("milvus://key@h?token=other", "token"),
        ] {
            let error = read(uri).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{uri}");
            assert!(error.message().contains(word), "{uri}: {error}");
        }
    }
}
