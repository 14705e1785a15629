//! How a store is opened: `milvus://user:password@host:19530/database?tls=true`.

use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;
use std::time::Duration;

use portolan_core::{Error, Location, Result};

const DEFAULT_PORT: u16 = 19_530;
const DEFAULT_TIMEOUT: u64 = 60;
const DEFAULT_LOAD_TIMEOUT: u64 = 60;
const MOST_SECONDS: u64 = 3_600;

/// Who the client is.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user and their password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// An API key, or `user:password` in one.
    Token(String),
}

impl Credentials {
    /// What the server reads, before it is encoded.
    pub(crate) fn secret(&self) -> String {
        match self {
            Self::Password { user, password } => format!("{user}:{password}"),
            Self::Token(token) => token.clone(),
        }
    }
}

impl Debug for Credentials {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user}:***)"),
            Self::Token(_) => f.write_str("Token(***)"),
        }
    }
}

/// How a store is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The server's host.
    pub host: String,
    /// The server's port; 19530 unless told.
    pub port: u16,
    /// The database; absent is `default`.
    pub database: Option<String>,
    /// Who the client is; absent where the server asks nobody.
    pub credentials: Option<Credentials>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// A file of certificates in PEM that the server's must derive from, instead of those of this system.
    pub ca: Option<PathBuf>,
    /// How long a single call to the server may take, 1 s to 1 h; 60 s unless told.
    pub timeout: Duration,
    /// How long a read waits for a collection that is not loaded, 1 s to 1 h; 60 s unless told.
    pub load_timeout: Duration,
}

impl Config {
    /// A server on a host, with defaults.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: DEFAULT_PORT,
            database: None,
            credentials: None,
            tls: false,
            ca: None,
            timeout: Duration::from_secs(DEFAULT_TIMEOUT),
            load_timeout: Duration::from_secs(DEFAULT_LOAD_TIMEOUT),
        }
    }

    /// Reads a location such as `milvus://user:env:PASSWORD@host:19530/database?tls=true`.
    ///
    /// # Errors
    /// `InvalidArgument` for a missing host, a path of more than a database, an unknown option or a value out of range.
    pub fn from_location(mut location: Location) -> Result<Self> {
        let Some(host) = location.host() else {
            return Err(Error::invalid("the Milvus server is missing: say milvus://localhost:19530"));
        };
        let mut config = Self::new(host);
        config.port = location.port().unwrap_or(DEFAULT_PORT);
        config.database = database(location.path())?;
        config.credentials = credentials(&mut location)?;
        config.tls = location.take_parsed("tls", "true or false")?.unwrap_or(false);
        config.ca = location.take("ca")?.map(PathBuf::from);
        config.timeout = seconds(&mut location, "timeout", DEFAULT_TIMEOUT)?;
        config.load_timeout = seconds(&mut location, "load_timeout", DEFAULT_LOAD_TIMEOUT)?;
        location.finish()?;
        if config.ca.is_some() && !config.tls {
            return Err(Error::invalid("ca is given without tls: say tls=true too, or leave both out"));
        }
        Ok(config)
    }

    /// Where the server is, for messages.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn database(path: &str) -> Result<Option<String>> {
    let name = path.trim_start_matches('/').trim_end_matches('/');
    if name.contains('/') {
        return Err(Error::invalid(format!(
            "the path {path:?} must be one database: say milvus://localhost:19530/default"
        )));
    }
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

fn credentials(location: &mut Location) -> Result<Option<Credentials>> {
    let token = location.take("token")?;
    let password = location.password()?;
    match (location.user().map(str::to_owned), password, token) {
        (None, None, None) => Ok(None),
        (None, None, Some(token)) => Ok(Some(Credentials::Token(token))),
        (Some(token), None, None) => Ok(Some(Credentials::Token(token))),
        (Some(user), Some(password), None) => Ok(Some(Credentials::Password { user, password })),
        (None, Some(_), _) => Err(Error::invalid("the URI has a password and no user")),
        (Some(_), _, Some(_)) => {
            Err(Error::invalid("the URI has both a user and the option token: leave one of them out"))
        }
    }
}

fn seconds(location: &mut Location, key: &'static str, default: u64) -> Result<Duration> {
    let seconds = location.take_parsed(key, "a number of seconds")?.unwrap_or(default);
    if !(1..=MOST_SECONDS).contains(&seconds) {
        return Err(Error::out_of_range(key, seconds, 1, MOST_SECONDS));
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use portolan_core::ErrorKind;

    use super::*;

    fn read(uri: &str) -> Result<Config> {
        Config::from_location(uri.parse()?)
    }

    #[test]
    fn a_uri_says_all() {
        let config =
            read("milvus://root:secret@db.example:443/sales?tls=true&timeout=5&load_timeout=90").unwrap();
        assert_eq!((config.host.as_str(), config.port, config.tls), ("db.example", 443, true));
        assert_eq!(config.database.as_deref(), Some("sales"));
        assert_eq!(config.credentials.as_ref().unwrap().secret(), "root:secret");
        assert_eq!((config.timeout.as_secs(), config.load_timeout.as_secs()), (5, 90));
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        assert_eq!(read("milvus://localhost").unwrap(), Config::new("localhost"));
        assert_eq!(read("milvus://localhost/").unwrap().database, None);
    }

    #[test]
    fn a_token_stands_before_the_host_or_as_an_option() {
        for uri in ["milvus://key@localhost", "milvus://localhost?token=key"] {
            assert_eq!(read(uri).unwrap().credentials, Some(Credentials::Token("key".into())), "{uri}");
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
            ("milvus://h/a/b", "database"),
            ("milvus://h?tsl=true", "tls"),
            ("milvus://h?timeout=0", "3600"),
            ("milvus://h?tls=perhaps", "true or false"),
            ("milvus://h?ca=x.pem", "tls=true"),
            ("milvus://key@h?token=other", "token"),
        ] {
            let error = read(uri).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{uri}");
            assert!(error.message().contains(word), "{uri}: {error}");
        }
    }
}
