//! Where a Chroma server is and how it is reached.

use std::str::FromStr;

use portolan_core::{Error, ErrorKind, Location, Result};
use portolan_net::{Credentials, Endpoint, Headers, Options, Secret, Server};

/// The provider's name, and its URI scheme.
pub const PROVIDER: &str = "chroma";

const DEFAULT_TENANT: &str = "default_tenant";
const DEFAULT_DATABASE: &str = "default_database";

/// What Chroma is called, where it listens, and what to do where it refuses.
pub const SERVER: Server = Server::new("Chroma", "chroma://localhost:8000", 8_000).tls_port(443).advice(&[
    (ErrorKind::Unauthenticated, "give a token (token=env:NAME) or user:password@"),
    (ErrorKind::PayloadTooLarge, "send less at once, or raise the server's max_payload_size_bytes"),
]);

/// A Chroma server, and the tenant and database used of it. `Debug` shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where the server is; the port is 8000, or 443 under TLS, where the URI says no other.
    pub endpoint: Endpoint,
    /// How the client says who it is: nobody, user and password (HTTP basic), or a token.
    pub credentials: Credentials,
    /// The header that carries a token.
    pub token_header: TokenHeader,
    /// The tenant; by default `default_tenant`.
    pub tenant: String,
    /// The database; by default `default_database`.
    pub database: String,
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

impl FromStr for TokenHeader {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "x-chroma-token" => Ok(Self::ChromaToken),
            "authorization" => Ok(Self::Authorization),
            _ => Err(()),
        }
    }
}

impl Config {
    /// A server without TLS and authentication, with defaults.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            endpoint: Endpoint::new(&SERVER, host),
            credentials: Credentials::Anonymous,
            token_header: TokenHeader::default(),
            tenant: DEFAULT_TENANT.to_owned(),
            database: DEFAULT_DATABASE.to_owned(),
        }
    }

    /// Reads a location such as `chroma://localhost:8000/tenant/database?token=env:CHROMA_TOKEN&tls=true`.
    ///
    /// # Errors
    /// `InvalidArgument` for a missing host, a path of more than two parts, contradictory credentials, an unknown
    /// option or a value out of range.
    pub fn from_location(location: Location) -> Result<Self> {
        let mut options = Options::new(location, &SERVER);
        let endpoint = options.endpoint()?;
        let credentials = options.credentials(&["token", "api_key"])?;
        let header = options.parsed("token_header", "x-chroma-token or authorization")?;
        let [tenant, database] = options.path(["tenant", "database"])?;
        options.finish()?;
        let refused = match (&credentials, header) {
            (Credentials::User(_), _) => {
                Some("the URI names a user without a password; a token is given as token=env:NAME")
            }
            (Credentials::Token(_), _) | (_, None) => None,
            (_, Some(_)) => Some("token_header is given without a token"),
        };
        if let Some(why) = refused {
            return Err(Error::invalid(why));
        }
        let tenant = tenant.unwrap_or_else(|| DEFAULT_TENANT.to_owned());
        let database = database.unwrap_or_else(|| DEFAULT_DATABASE.to_owned());
        Ok(Self { endpoint, credentials, token_header: header.unwrap_or_default(), tenant, database })
    }

    /// What goes with every request.
    pub(crate) fn headers(&self) -> Headers {
        match (&self.credentials, self.token_header) {
            (Credentials::Anonymous | Credentials::User(_), _) => Headers::new(),
            (Credentials::Token(token), TokenHeader::ChromaToken) => vec![("x-chroma-token", token.clone())],
            (Credentials::Token(token), TokenHeader::Authorization) => {
                vec![("authorization", token.bearer())]
            }
            (Credentials::Password { user, password }, _) => {
                vec![("authorization", Secret::basic(user, password))]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Result<Config> {
        Config::from_location(uri.parse()?)
    }

    #[test]
    fn a_location_is_read_in_all_its_parts() {
        assert_eq!(read("chroma://localhost").unwrap(), Config::new("localhost"));
        let given = read("chroma://db.example:81/acme/docs?token=t&token_header=authorization").unwrap();
        assert_eq!(given.endpoint.authority(), "db.example:81");
        assert_eq!((given.tenant.as_str(), given.database.as_str()), ("acme", "docs"));
        assert_eq!(given.token_header, TokenHeader::Authorization);
        assert_eq!(read("chroma://h?tls=true").unwrap().endpoint.port, 443);
        assert_eq!(read("chroma://h/acme").unwrap().database, "default_database");
    }

    #[test]
    fn who_asks_stands_in_a_header() {
        for (uri, header, value) in [
            ("chroma://h?token=t", "x-chroma-token", "t"),
            ("chroma://h?token=t&token_header=authorization", "authorization", "Bearer t"),
            ("chroma://me:pw@h", "authorization", "Basic bWU6cHc="),
        ] {
            let headers = read(uri).unwrap().headers();
            let sent: Vec<_> = headers.iter().map(|(name, value)| (*name, value.expose())).collect();
            assert_eq!(sent, [(header, value)], "{uri}");
        }
        assert!(read("chroma://h").unwrap().headers().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (uri, part) in [
            ("chroma://h/a/b/c", "/TENANT/DATABASE"),
            ("chroma://me@h", "token=env:NAME"),
            ("chroma://h?token_header=authorization", "without a token"),
            ("chroma://h?token=t&token_header=cookie", "x-chroma-token or authorization"),
            ("chroma://h?tenent=x", "unknown option"),
        ] {
            let e = read(uri).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{uri}");
            assert!(e.message().contains(part), "{uri}: {e}");
        }
    }
}
