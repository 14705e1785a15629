//! Where a Chroma server is and how it is reached.

use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use portolan_core::{Error, Location, Result};

const DEFAULT_PORT: u16 = 8_000;
const DEFAULT_TLS_PORT: u16 = 443;
const DEFAULT_TENANT: &str = "default_tenant";
const DEFAULT_DATABASE: &str = "default_database";
const DEFAULT_TIMEOUT: u64 = 60;
const MAX_TIMEOUT: u64 = 3_600;

/// A Chroma server, and the tenant and database used of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The host's name or address.
    pub host: String,
    /// The port; unless told 8000, or 443 under TLS.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// A file with certificates (PEM) to trust beside those of the system.
    pub tls_ca: Option<PathBuf>,
    /// How the client says who it is.
    pub auth: Auth,
    /// The tenant; `default_tenant` unless told.
    pub tenant: String,
    /// The database; `default_database` unless told.
    pub database: String,
    /// The most that one request may take; 60 s unless told. A call's own timeout is counted beside it.
    pub timeout: Duration,
}

/// How the client says who it is. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// It does not.
    None,
    /// By a token in a header.
    Token {
        /// The header.
        header: TokenHeader,
        /// The token.
        token: String,
    },
    /// By name and password (HTTP basic).
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
}

impl Debug for Auth {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Token { header, .. } => write!(f, "Token({})", header.as_str()),
            Self::Basic { user, .. } => write!(f, "Basic({user})"),
        }
    }
}

/// The header that carries a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenHeader {
    /// `x-chroma-token: TOKEN`.
    #[default]
    ChromaToken,
    /// `Authorization: Bearer TOKEN`.
    Authorization,
}

impl TokenHeader {
    /// The name, as it stands in a URI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChromaToken => "x-chroma-token",
            Self::Authorization => "authorization",
        }
    }
}

impl FromStr for TokenHeader {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::ChromaToken, Self::Authorization].into_iter().find(|h| h.as_str() == name).ok_or(())
    }
}

impl Config {
    /// A server without TLS and authentication, with defaults.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: false,
            tls_ca: None,
            auth: Auth::None,
            tenant: DEFAULT_TENANT.to_owned(),
            database: DEFAULT_DATABASE.to_owned(),
            timeout: Duration::from_secs(DEFAULT_TIMEOUT),
        }
    }

    /// Reads a location such as `chroma://localhost:8000/tenant/database?token=env:CHROMA_TOKEN&tls=true`.
    ///
    /// # Errors
    /// `InvalidArgument` for a missing host, a path of more than two parts, contradictory credentials, an unknown
    /// option or a value out of range.
    pub fn from_location(mut location: Location) -> Result<Self> {
        let host = location
            .host()
            .ok_or_else(|| {
                Error::invalid("the Chroma server's host is missing: say chroma://localhost:8000")
            })?
            .to_owned();
        let (tenant, database) = tenant_and_database(location.path())?;
        let tls = location.take_parsed("tls", "true or false")?.unwrap_or(false);
        let tls_ca = location.take("tls_ca")?.map(PathBuf::from);
        let auth = auth(&mut location)?;
        let timeout = location.take_parsed("timeout", "a number of seconds")?.unwrap_or(DEFAULT_TIMEOUT);
        location.finish()?;
        if !(1..=MAX_TIMEOUT).contains(&timeout) {
            return Err(Error::out_of_range("timeout", timeout, 1, MAX_TIMEOUT));
        }
        if tls_ca.is_some() && !tls {
            return Err(Error::invalid(
                "tls_ca is given without tls=true: the connection would not be encrypted",
            ));
        }
        let port = location.port().unwrap_or(if tls { DEFAULT_TLS_PORT } else { DEFAULT_PORT });
        let timeout = Duration::from_secs(timeout);
        Ok(Self { host, port, tls, tls_ca, auth, tenant, database, timeout })
    }
}

fn tenant_and_database(path: &str) -> Result<(String, String)> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (tenant, database) = match *parts.as_slice() {
        [] => (DEFAULT_TENANT, DEFAULT_DATABASE),
        [tenant] => (tenant, DEFAULT_DATABASE),
        [tenant, database] => (tenant, database),
        _ => {
            return Err(Error::invalid(format!(
                "the path {path:?} has {} parts, and is /tenant or /tenant/database",
                parts.len()
            )));
        }
    };
    match [tenant, database].into_iter().find(|name| matches!(*name, "." | "..")) {
        Some(name) => Err(Error::invalid(format!("{name:?} is no name of a tenant or database"))),
        None => Ok((tenant.to_owned(), database.to_owned())),
    }
}

fn auth(location: &mut Location) -> Result<Auth> {
    let header = location.take_parsed("token_header", "x-chroma-token or authorization")?;
    let token = location.take("token")?;
    let password = location.password()?;
    match (location.user(), password, token, header) {
        (None, None, None, None) => Ok(Auth::None),
        (None, None, Some(token), header) => Ok(Auth::Token { header: header.unwrap_or_default(), token }),
        (Some(user), Some(password), None, None) => Ok(Auth::Basic { user: user.to_owned(), password }),
        (Some(_), None, None, _) => {
            Err(Error::invalid("the URI names a user without a password; a token is given as token=env:NAME"))
        }
        (None, None, None, Some(_)) => Err(Error::invalid("token_header is given without a token")),
        (None, Some(_), _, _) => Err(Error::invalid("the URI has a password without a user")),
        (Some(_), _, _, _) => Err(Error::invalid("the URI has both a user and a token: give one")),
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
        assert_eq!(read("chroma://localhost").unwrap(), Config::new("localhost", 8_000));
        let given =
            read("chroma://db.example:81/acme/docs?token=t&token_header=authorization&tls=true&timeout=5");
        let given = given.unwrap();
        assert_eq!((given.port, given.tls, given.timeout), (81, true, Duration::from_secs(5)));
        assert_eq!((given.tenant.as_str(), given.database.as_str()), ("acme", "docs"));
        assert_eq!(given.auth, Auth::Token { header: TokenHeader::Authorization, token: "t".to_owned() });
        assert_eq!(read("chroma://h?tls=true").unwrap().port, 443);
        assert_eq!(read("chroma://h/acme").unwrap().database, "default_database");
        let basic = Auth::Basic { user: "me".to_owned(), password: "pw".to_owned() };
        assert_eq!(read("chroma://me:pw@h").unwrap().auth, basic);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (uri, part) in [
            ("chroma:", "host is missing"),
            ("chroma://h/a/b/c", "3 parts"),
            ("chroma:..", "host is missing"),
            ("chroma://me@h", "token=env:NAME"),
            ("chroma://:pw@h", "without a user"),
            ("chroma://me:pw@h?token=t", "give one"),
            ("chroma://h?token_header=authorization", "without a token"),
            ("chroma://h?token=t&token_header=cookie", "x-chroma-token or authorization"),
            ("chroma://h?tls=maybe", "true or false"),
            ("chroma://h?tls_ca=ca.pem", "without tls=true"),
            ("chroma://h?timeout=0", "1 to 3600"),
            ("chroma://h?tenent=x", "unknown option"),
            ("chroma://h?token=env:PORTOLAN_NO_SUCH_VARIABLE", "not set"),
        ] {
            let e = read(uri).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{uri}");
            assert!(e.message().contains(part), "{uri}: {e}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        for uri in ["chroma://me:s3cret@h", "chroma://h?token=s3cret"] {
            let shown = format!("{:?}", read(uri).unwrap());
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }
}
