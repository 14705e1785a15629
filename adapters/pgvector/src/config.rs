//! How a database is opened: `pgvector://user:password@host:5432/database?schema=portolan&sslmode=verify-full`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use portolan_core::{Error, Location, Metric, Result};

const DEFAULT_SCHEMA: &str = "portolan";
const MAX_NAME: usize = 63;
const MAX_POOL: usize = 1_000;
const MAX_SECONDS: u64 = 3_600;

/// Whether and how a connection is encrypted, named as PostgreSQL's own clients name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Where the server can; certificates are not verified.
    #[default]
    Prefer,
    /// Always; certificates are verified only where `sslrootcert` is given.
    Require,
    /// Always, and the certificate must be trusted and of the host's name.
    VerifyFull,
}

impl FromStr for SslMode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "disable" => Ok(Self::Disable),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-full" => Ok(Self::VerifyFull),
            other => Err(Error::invalid(format!(
                "sslmode is {other:?}, and must be disable, prefer, require or verify-full"
            ))),
        }
    }
}

/// How a database is opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Host, port, user, password, database and timeouts of a connection; its `Debug` shows no password.
    pub connection: tokio_postgres::Config,
    /// The schema whose tables are the indexes; `portolan` unless told. It is created with the first index.
    pub schema: String,
    /// Whether and how connections are encrypted.
    pub sslmode: SslMode,
    /// A PEM file of the certificates to trust; unset: those of the system.
    pub sslrootcert: Option<PathBuf>,
    /// The most connections, 1 to 1,000; 8 unless told.
    pub pool_size: usize,
    /// How long a connection may take, and a call may wait for a free one.
    pub connect_timeout: Duration,
    /// How long a statement may take in the database; 60 s unless told.
    pub statement_timeout: Duration,
    /// In tables of others: where ids, vectors and metadata are, and the metric, where the table itself does not say.
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
}

impl Config {
    /// Reads a location. Options: `schema`, `sslmode`, `sslrootcert`, `pool_size`, `connect_timeout` and
    /// `statement_timeout` in seconds, `application_name`, `host` (a folder of Unix sockets), `options` (of the server: `-c name=value`), and for tables of others
    /// `id_column`, `vector_column`, `metadata_column`, `metric`.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown option or a value out of range, naming it.
    pub fn from_location(mut location: Location) -> Result<Self> {
        let schema = location.take("schema")?.unwrap_or_else(|| DEFAULT_SCHEMA.to_owned());
        let sslmode = location.take("sslmode")?.map_or(Ok(SslMode::default()), |m| m.parse())?;
        let sslrootcert = location.take("sslrootcert")?.map(PathBuf::from);
        let pool_size = location.take_parsed("pool_size", "a number of connections")?.unwrap_or(8);
        let connect_timeout = seconds(&mut location, "connect_timeout", 10)?;
        let statement_timeout = seconds(&mut location, "statement_timeout", 60)?;
        let foreign = Foreign {
            id_column: location.take("id_column")?,
            vector_column: location.take("vector_column")?,
            metadata_column: location.take("metadata_column")?,
            metric: location.take("metric")?.map(|m| m.parse()).transpose()?,
        };
        check_identifier("schema", &schema)?;
        if !(1..=MAX_POOL).contains(&pool_size) {
            return Err(Error::out_of_range("pool_size", pool_size, 1, MAX_POOL));
        }
        let connection = connection(&mut location, connect_timeout, statement_timeout)?;
        location.finish()?;
        Ok(Self {
            connection,
            schema,
            sslmode,
            sslrootcert,
            pool_size,
            connect_timeout,
            statement_timeout,
            foreign,
        })
    }
}

fn connection(
    location: &mut Location,
    connect_timeout: Duration,
    statement_timeout: Duration,
) -> Result<tokio_postgres::Config> {
    let mut connection = tokio_postgres::Config::new();
    let host = match (location.host().map(str::to_owned), location.take("host")?) {
        (Some(host), None) | (None, Some(host)) => host,
        (Some(_), Some(_)) => {
            return Err(Error::invalid("the host is given twice, before the path and as option host"));
        }
        (None, None) => {
            return Err(Error::invalid("the host is missing: say pgvector://user@localhost:5432/database"));
        }
    };
    connection.host(host.trim_start_matches('[').trim_end_matches(']'));
    connection.port(location.port().unwrap_or(5_432));
    if let Some(user) = location.user() {
        connection.user(user);
    }
    if let Some(password) = location.password()? {
        connection.password(password);
    }
    let database = location.path().trim_start_matches('/');
    if database.contains('/') {
        return Err(Error::invalid(format!(
            "the path names one database, and is {database:?}; the schema is an option: ?schema=portolan"
        )));
    }
    if !database.is_empty() {
        connection.dbname(database);
    }
    connection.application_name(location.take("application_name")?.unwrap_or_else(|| "portolan".to_owned()));
    connection.connect_timeout(connect_timeout);
    connection.tcp_user_timeout(statement_timeout);
    let more = location.take("options")?.unwrap_or_default();
    connection.options(format!(
        "{more} -c statement_timeout={} -c standard_conforming_strings=on -c client_min_messages=warning",
        statement_timeout.as_millis()
    ));
    Ok(connection)
}

fn seconds(location: &mut Location, key: &'static str, default: u64) -> Result<Duration> {
    let seconds = location.take_parsed(key, "a number of seconds")?.unwrap_or(default);
    if !(1..=MAX_SECONDS).contains(&seconds) {
        return Err(Error::out_of_range(key, seconds, 1, MAX_SECONDS));
    }
    Ok(Duration::from_secs(seconds))
}

fn check_identifier(what: &str, name: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains('\0') {
        return Err(Error::invalid(format!("{what} is {name:?}, and must have 1 to {MAX_NAME} bytes")));
    }
    Ok(())
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
        let c = read("pgvector://ann:s%3Acret@db.example:6543/shop?schema=vectors&sslmode=verify-full&pool_size=3&connect_timeout=2&metric=euclidean").unwrap();
        assert_eq!(c.connection.get_user(), Some("ann"));
        assert_eq!(c.connection.get_password(), Some(&b"s:cret"[..]));
        assert_eq!(c.connection.get_dbname(), Some("shop"));
        assert_eq!(c.connection.get_ports(), [6_543]);
        assert_eq!((c.schema.as_str(), c.sslmode, c.pool_size), ("vectors", SslMode::VerifyFull, 3));
        assert_eq!(c.connect_timeout, Duration::from_secs(2));
        assert_eq!(c.foreign.metric, Some(Metric::Euclidean));
    }

    #[test]
    fn a_folder_of_sockets_is_a_host() {
        let c = read("pgvector:///shop?host=/run/postgresql&options=-c%20work_mem=8MB").unwrap();
        assert_eq!(c.connection.get_hosts(), [tokio_postgres::config::Host::Unix("/run/postgresql".into())]);
        assert!(
            c.connection
                .get_options()
                .is_some_and(|o| o.starts_with("-c work_mem=8MB -c statement_timeout="))
        );
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
            ("pgvector://localhost/shop/public", "?schema="),
            ("pgvector://localhost/shop?sslmode=on", "verify-full"),
            ("pgvector://localhost/shop?pool_size=0", "1 to 1000"),
            ("pgvector://localhost/shop?statement_timeout=x", "number of seconds"),
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
