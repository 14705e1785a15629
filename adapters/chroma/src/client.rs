//! The transport: requests with a bound on their time, answers as types or errors.

use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, ClientBuilder, Method, RequestBuilder, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{Auth, Config, TokenHeader};
use crate::error::{answered, unanswered, unreadable};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What may stand in a segment of a path as it is. Not the dot: `..` would leave the folder.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A connection pool to one server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    root: String,
    database: String,
}

impl Client {
    /// A client; nothing is sent yet.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .default_headers(headers(&config.auth)?);
        let http = trusting(builder, config)?.build().map_err(|e| unanswered(e).into_error())?;
        let scheme = if config.tls { "https" } else { "http" };
        let root = format!("{scheme}://{}:{}/api/v2", config.host, config.port);
        let database =
            format!("{root}/tenants/{}/databases/{}", segment(&config.tenant), segment(&config.database));
        Ok(Self { http, root, database })
    }

    /// Reads something of the server, such as `version`.
    pub(crate) async fn server<T: DeserializeOwned>(&self, path: &str) -> Result<T, WriteError> {
        answer(self.http.get(format!("{}/{path}", self.root))).await
    }

    /// A request about the database, at a path below it.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, WriteError> {
        answer(self.http.get(format!("{}{path}", self.database))).await
    }

    /// Sends a body to a path below the database.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, WriteError> {
        answer(self.http.request(Method::POST, format!("{}{path}", self.database)).json(body)).await
    }

    /// Deletes what stands at a path below the database.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, WriteError> {
        answer(self.http.delete(format!("{}{path}", self.database))).await
    }
}

/// A name as a segment of a path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, WriteError> {
    let response = request.send().await.map_err(unanswered)?;
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = response.bytes().await.map_err(unanswered)?;
    if !status.is_success() {
        return Err(answered(status, &String::from_utf8_lossy(&body), retry_after));
    }
    serde_json::from_slice(&body).map_err(unreadable)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

fn headers(auth: &Auth) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let (name, value) = match auth {
        Auth::None => return Ok(headers),
        Auth::Token { header: TokenHeader::ChromaToken, token } => {
            (HeaderName::from_static("x-chroma-token"), token.clone())
        }
        Auth::Token { header: TokenHeader::Authorization, token } => {
            (AUTHORIZATION, format!("Bearer {token}"))
        }
        Auth::Basic { user, password } => {
            use base64::Engine;
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            (AUTHORIZATION, format!("Basic {pair}"))
        }
    };
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| Error::invalid("the token holds a character that no HTTP header may hold"))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(headers)
}

/// Says which certificates are trusted; without TLS none, so that none are loaded.
fn trusting(builder: ClientBuilder, config: &Config) -> Result<ClientBuilder> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been first, with as good a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    match &config.tls_ca {
        _ if !config.tls => Ok(builder.tls_certs_only([])),
        None => Ok(builder),
        Some(path) => Ok(builder.tls_certs_merge(certificates(path)?)),
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|e| {
        Error::new(ErrorKind::InvalidArgument, format!("tls_ca {shown} cannot be read")).with_source(e)
    })?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|e| {
        Error::invalid(format!("tls_ca {shown} is no PEM file of certificates")).with_source(e)
    })?;
    if certificates.is_empty() {
        return Err(Error::invalid(format!("tls_ca {shown} holds no certificate")));
    }
    Ok(certificates)
}
