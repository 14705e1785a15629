//! The transport: requests about the server, and about the one database that is used of it.

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, Result};
use portolan_net::Kinds;
use portolan_net::http::Client as Http;
pub(crate) use portolan_net::http::segment;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;

/// The words of answers that their status does not tell apart.
const KINDS: Kinds<u16> = &[
    (400, "expecting embedding with dimension", ErrorKind::DimensionMismatch),
    (400, "Quota exceeded", ErrorKind::QuotaExceeded),
    (422, "Quota exceeded", ErrorKind::QuotaExceeded),
    (500, "already exists", ErrorKind::AlreadyExists),
    (500, "Error finding id", ErrorKind::Unavailable),
    (500, "too many SQL variables", ErrorKind::Unexpected),
];

const ROOT: &str = "/api/v2";

/// A connection pool to one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: Http,
    database: String,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// `InvalidArgument` for certificates that cannot be read, and for a tenant or database of dots alone.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let http = Http::new(&config.endpoint, KINDS, &config.headers())?;
        let part = |name| {
            segment(name)
                .ok_or_else(|| Error::invalid(format!("{name:?} is no name of a tenant or database")))
        };
        let (tenant, database) = (part(&config.tenant)?, part(&config.database)?);
        Ok(Self { http, database: format!("{ROOT}/tenants/{tenant}/databases/{database}") })
    }

    /// Reads something of the server, such as `version`.
    pub(crate) async fn server<T: DeserializeOwned>(&self, path: &str) -> Result<T, WriteError> {
        self.http.get(&format!("{ROOT}/{path}")).await
    }

    /// A request about the database, by a path below it.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, WriteError> {
        self.http.get(&format!("{}{path}", self.database)).await
    }

    /// Sends a body to a path below the database.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, WriteError> {
        self.http.post(&format!("{}{path}", self.database), body).await
    }

    /// Deletes what a path below the database names.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, WriteError> {
        self.http.delete(&format!("{}{path}", self.database)).await
    }
}
