//! How a database is opened: `pgvector://user:password@host:5432/database?schema=portolan&tls=true`.

use std::path::Path;

use portolan_core::{Error, ErrorKind, Location, Metric, Result};
use portolan_net::tls::Trust;
use portolan_net::{Credentials, Endpoint, Options, Server};
use tokio_postgres::config::SslMode;

/// The provider's name, and its URI scheme.
pub const PROVIDER: &str = "pgvector";

pub(crate) const SERVER: Server = Server::new("PostgreSQL", "pgvector://user@localhost:5432/database", 5_432)
    .aliases(&[("host", "host"), ("timeout", "statement_timeout"), ("tls_ca", "sslrootcert")])
    .advice(&[
        (ErrorKind::Unauthenticated, "check the user and the password in the URI"),
        (ErrorKind::PermissionDenied, "grant the right to this user, or let an administrator do it"),
        (ErrorKind::RateLimited, "lower pool_size, or raise the server's max_connections"),
    ]);

/// Where libpq finds the password that a URI does not have.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// The `sslrootcert` that is no file: whom the system trusts.
const SYSTEM: &str = "system";

const DEFAULT_SCHEMA: &str = "portolan";
const DEFAULT_POOL: usize = 8;
const MAX_POOL: usize = 1_000;
const MAX_NAME: usize = 63;
/// The largest dimension of a `vector`.
pub(crate) const MAX_DIMENSION: usize = 16_000;

/// How a database is opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Where the server is, and how long it is waited for.
    pub endpoint: Endpoint,
    /// What the server's certificate must be where connections are encrypted.
    pub trust: Trust,
    /// Host, user, password, database, encryption and settings of a connection; its `Debug` shows no password.
    pub connection: tokio_postgres::Config,
    /// The schema whose tables are the indexes; `portolan` by default. It is created with the first index.
    pub schema: String,
    /// The most connections, 1 to 1,000; 8 by default.
    pub pool_size: usize,
    /// How to read tables that other programs made, where they do not say it themselves.
    pub foreign: Foreign,
}

/// How to read tables that other programs made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// The column of ids; unset: the primary key.
    pub id_column: Option<String>,
    /// The column of vectors; unset: the only one of type `vector`.
    pub vector_column: Option<String>,
    /// The column of metadata; unset: the only one of type `jsonb` or `json`.
    pub metadata_column: Option<String>,
    /// The metric; unset: that of the table's vector index.
    pub metric: Option<Metric>,
    /// The dimension, of a column whose type says none; unset: that of the first vector.
    pub dimension: Option<usize>,
}

impl Config {
    /// Reads a location. Options beside those of all servers: `schema`, `pool_size`, `application_name`, `host` (a
    /// folder of Unix sockets), `options` (of the server: `-c name=value`); as PostgreSQL's own clients name them,
    /// `sslmode`, `sslrootcert` and `statement_timeout`; for tables of other programs `id_column`, `vector_column`,
    /// `metadata_column`, `metric` and `dimension`. A password that it does not have is that of the variable `PGPASSWORD`.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown option or a value out of range, naming it.
    pub fn from_location(location: Location) -> Result<Self> {
        Self::read(location, std::env::var(PASSWORD_VARIABLE).ok())
    }

    fn read(location: Location, password: Option<String>) -> Result<Self> {
        let mut options = Options::new(location, &SERVER);
        let mode = options.text("sslmode")?.map(|mode| ssl_mode(&mode)).transpose()?;
        if let Some((encryption, _)) = mode {
            options.decide_tls("sslmode", encryption != SslMode::Disable);
        }
        let mut endpoint = options.endpoint()?;
        let (encryption, trust) = mode.unwrap_or(match endpoint.tls {
            Some(true) => (SslMode::Require, Trust::Named),
            Some(false) => (SslMode::Disable, Trust::Anyone),
            None => (SslMode::Prefer, Trust::Anyone),
        });
        let trust = trust_in(&mut endpoint, trust)?;
        let mut connection = connection(&mut options, &endpoint)?;
        if let (None, Some(password)) = (connection.get_password(), password.filter(|p| !p.is_empty())) {
            connection.password(password);
        }
        connection.ssl_mode(encryption);
        let schema = options.text("schema")?.unwrap_or_else(|| DEFAULT_SCHEMA.to_owned());
        if schema.is_empty() || schema.len() > MAX_NAME || schema.contains('\0') {
            return Err(Error::invalid(format!("schema is {schema:?}, and must have 1 to {MAX_NAME} bytes")));
        }
        let pool_size = options.number("pool_size", 1..=MAX_POOL)?.unwrap_or(DEFAULT_POOL);
        let foreign = Foreign {
            id_column: options.text("id_column")?,
            vector_column: options.text("vector_column")?,
            metadata_column: options.text("metadata_column")?,
            metric: options.text("metric")?.map(|metric| metric.parse()).transpose()?,
            dimension: options.number("dimension", 1..=MAX_DIMENSION)?,
        };
        options.finish()?;
        Ok(Self { endpoint, trust, connection, schema, pool_size, foreign })
    }
}

/// What `sslmode` says: whether connections are encrypted, and what the certificate must be whoever is trusted.
fn ssl_mode(name: &str) -> Result<(SslMode, Trust)> {
    match name {
        "disable" => Ok((SslMode::Disable, Trust::Anyone)),
        "prefer" => Ok((SslMode::Prefer, Trust::Anyone)),
        "require" => Ok((SslMode::Require, Trust::Anyone)),
        "verify-ca" => Ok((SslMode::Require, Trust::Signed)),
        "verify-full" => Ok((SslMode::Require, Trust::Named)),
        _ => Err(Error::invalid(format!(
            "sslmode is {name:?}, and must be disable, prefer, require, verify-ca or verify-full"
        ))),
    }
}

/// What the certificate must be, given who is trusted. As in libpq it is verified wherever a file is named. Without one it must
/// be of the host: the system trusts those who sign for anybody.
fn trust_in(endpoint: &mut Endpoint, trust: Trust) -> Result<Trust> {
    let system = endpoint.tls_ca.take_if(|file| file == Path::new(SYSTEM)).is_some();
    match (trust, &endpoint.tls_ca) {
        (Trust::Anyone | Trust::Signed, None) if system => Err(Error::invalid(
            "sslrootcert=system trusts those who sign for anybody, so the host's name must be verified: say \
             sslmode=verify-full or tls=true with it",
        )),
        (Trust::Anyone, Some(_)) => Ok(Trust::Signed),
        (Trust::Signed, None) => Ok(Trust::Named),
        _ => Ok(trust),
    }
}

fn connection(options: &mut Options, endpoint: &Endpoint) -> Result<tokio_postgres::Config> {
    let mut connection = tokio_postgres::Config::new();
    connection.host(endpoint.host_name()).port(endpoint.port);
    match options.credentials(&[])? {
        Credentials::Anonymous => &mut connection,
        Credentials::User(user) => connection.user(user),
        Credentials::Password { user, password } => connection.user(user).password(password.expose()),
        Credentials::Token(password) => connection.password(password.expose()),
    };
    if let [Some(database)] = options.path(["database"])? {
        connection.dbname(database);
    }
    connection.application_name(options.text("application_name")?.unwrap_or_else(|| "portolan".to_owned()));
    let more = options.text("options")?.unwrap_or_default();
    connection.options(format!("{more} -c standard_conforming_strings=on -c client_min_messages=warning"));
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(uri: &str) -> Result<Config> {
        Config::from_location(uri.parse()?)
    }

    #[test]
    fn a_location_is_read_in_all_its_parts() {
        let c = read("pgvector://ann:s%3Acret@db.example:6543/shop?schema=vectors&tls=true&pool_size=3&timeout=20&connect_timeout=2&metric=euclidean&dimension=4").unwrap();
        assert_eq!(c.connection.get_user(), Some("ann"));
        assert_eq!(c.connection.get_password(), Some(&b"s:cret"[..]));
        assert_eq!(c.connection.get_dbname(), Some("shop"));
        assert_eq!(c.connection.get_ports(), [6_543]);
        assert_eq!((c.schema.as_str(), c.trust, c.pool_size), ("vectors", Trust::Named, 3));
        assert_eq!(c.endpoint.timeout, Duration::from_secs(20));
        assert_eq!(c.endpoint.connect_timeout, Duration::from_secs(2));
        assert_eq!((c.foreign.metric, c.foreign.dimension), (Some(Metric::Euclidean), Some(4)));
    }

    #[test]
    fn libpqs_names_mean_what_they_mean_there() {
        for (options, encryption, trust) in [
            ("", SslMode::Prefer, Trust::Anyone),
            ("tls=true", SslMode::Require, Trust::Named),
            ("tls=false", SslMode::Disable, Trust::Anyone),
            ("sslmode=disable", SslMode::Disable, Trust::Anyone),
            ("sslmode=prefer", SslMode::Prefer, Trust::Anyone),
            ("sslmode=prefer&sslrootcert=ca.pem", SslMode::Prefer, Trust::Signed),
            ("sslmode=require", SslMode::Require, Trust::Anyone),
            ("sslmode=require&sslrootcert=ca.pem", SslMode::Require, Trust::Signed),
            ("sslmode=verify-ca", SslMode::Require, Trust::Named),
            ("sslmode=verify-ca&tls_ca=ca.pem", SslMode::Require, Trust::Signed),
            ("sslmode=verify-full&tls_ca=ca.pem", SslMode::Require, Trust::Named),
            ("sslmode=verify-full&sslrootcert=system", SslMode::Require, Trust::Named),
            ("tls=true&tls_ca=system", SslMode::Require, Trust::Named),
        ] {
            let config = read(&format!("pgvector://localhost/shop?{options}")).unwrap();
            assert_eq!((config.connection.get_ssl_mode(), config.trust), (encryption, trust), "{options}");
            let file = options.contains("ca.pem").then_some(Path::new("ca.pem"));
            assert_eq!(config.endpoint.tls_ca.as_deref(), file, "{options}");
        }
        let timeout = read("pgvector://localhost/shop?statement_timeout=3").unwrap().endpoint.timeout;
        assert_eq!(timeout, Duration::from_secs(3));
    }

    #[test]
    fn a_folder_of_sockets_is_a_host() {
        let c = read("pgvector:///shop?host=/run/postgresql&options=-c%20work_mem=8MB").unwrap();
        assert_eq!(c.connection.get_hosts(), [tokio_postgres::config::Host::Unix("/run/postgresql".into())]);
        assert!(c.connection.get_options().is_some_and(|o| o.starts_with("-c work_mem=8MB -c ")));
    }

    #[test]
    fn a_password_of_the_environment_is_taken_where_the_uri_has_none() {
        for (uri, variable, expected) in [
            ("pgvector://ann@localhost/shop", Some("hunter2"), Some("hunter2")),
            ("pgvector://localhost/shop", Some("hunter2"), Some("hunter2")),
            ("pgvector://ann:other@localhost/shop", Some("hunter2"), Some("other")),
            ("pgvector://ann@localhost/shop", Some(""), None),
            ("pgvector://ann@localhost/shop", None, None),
        ] {
            let config = Config::read(uri.parse().unwrap(), variable.map(str::to_owned)).unwrap();
            assert_eq!(config.connection.get_password(), expected.map(str::as_bytes), "{uri} {variable:?}");
            assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        let shown = format!("{:?}", read("pgvector://ann:hunter2@localhost/shop").unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (uri, part) in [
            ("pgvector:shop", "host is missing"),
            ("pgvector://localhost/shop/public", "at most /DATABASE"),
            ("pgvector://localhost/shop?sslmode=on", "verify-full"),
            ("pgvector://localhost/shop?sslmode=require&tls=true", "both tls and sslmode"),
            ("pgvector://localhost/shop?sslrootcert=ca.pem", "tls=true"),
            ("pgvector://localhost/shop?sslmode=disable&sslrootcert=ca.pem", "not encrypted"),
            ("pgvector://localhost/shop?sslmode=require&sslrootcert=system", "verify-full"),
            ("pgvector://localhost/shop?sslmode=verify-ca&sslrootcert=system", "verify-full"),
            ("pgvector://localhost/shop?dimension=0", "1 to 16000"),
            ("pgvector://localhost/shop?pool_size=0", "1 to 1000"),
            ("pgvector://localhost/shop?statement_timeout=x", "a time"),
            ("pgvector://localhost/shop?shema=x", "did you mean schema?"),
            ("pgvector://localhost/shop?metric=l2", "unknown metric"),
            ("pgvector://localhost/shop?schema=", "1 to 63 bytes"),
        ] {
            let e = read(uri).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{uri}");
            assert!(e.message().contains(part), "{uri}: {e}");
        }
    }
}
