//! Where a server is.

use std::path::PathBuf;
use std::time::Duration;

use portolan_core::{CallOptions, Error, Result};

use crate::options::Options;
use crate::server::Server;

/// How long connecting may take, unless the URI says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a server is, and how it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// What the server is.
    pub server: &'static Server,
    /// The host's name or address; one of IPv6 stands in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether the connection is encrypted and the server's certificate verified; absent: nothing was said, and it is
    /// not, unless the adapter has a default of its own.
    pub tls: Option<bool>,
    /// A PEM file of certificates to trust instead of the system's.
    pub tls_ca: Option<PathBuf>,
    /// The whole time of a call whose caller sets none.
    pub timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
}

impl Endpoint {
    /// A host, with what is usual for the server.
    pub fn new(server: &'static Server, host: impl Into<String>) -> Self {
        Self {
            server,
            host: host.into(),
            port: server.port,
            tls: None,
            tls_ca: None,
            timeout: CallOptions::DEFAULT_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.tls == Some(true)
    }

    /// The host without brackets.
    pub fn host_name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// `http://host:port`, or `https` where it is encrypted.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_encrypted() { "https" } else { "http" }, self.authority())
    }
}

impl Options {
    /// Host, port, `tls`, `tls_ca`, `timeout` and `connect_timeout`.
    ///
    /// # Errors
    /// `InvalidArgument` for a missing host, a value that is not understood or out of range, and `tls_ca` without TLS.
    pub fn endpoint(&mut self) -> Result<Endpoint> {
        let server = self.server();
        let Some(host) = self.host()? else {
            return Err(Error::invalid(format!("the host is missing: say {}", server.example)));
        };
        let tls = self.tls()?;
        let ca = self.named("tls_ca")?;
        if let (Some((name, _)), None | Some(false)) = (&ca, tls) {
            return Err(Error::invalid(format!(
                "{name} is given, and the connection is not encrypted: say tls=true too, or leave it out"
            )));
        }
        let timeout = self.duration("timeout")?.unwrap_or(CallOptions::DEFAULT_TIMEOUT);
        let connect_timeout = self.duration("connect_timeout")?;
        let usual_port = if tls == Some(true) { server.tls_port } else { server.port };
        Ok(Endpoint {
            server,
            host,
            port: self.location().port().unwrap_or(usual_port),
            tls,
            tls_ca: ca.map(|(_, file)| PathBuf::from(file)),
            timeout,
            connect_timeout: connect_timeout.unwrap_or(timeout.min(CONNECT_TIMEOUT)),
        })
    }
}
