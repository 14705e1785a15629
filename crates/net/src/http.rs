//! JSON over HTTP.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, Result};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, StatusCode, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::{KEEP_ALIVE, USER_AGENT, header_map, kind_of};
use crate::endpoint::Endpoint;
use crate::kinds::Kinds;
use crate::retry_after::retry_after;
use crate::secret::Headers;
use crate::tls;

/// The most of the server's words that an error repeats, in characters.
const SHOWN: usize = 300;

/// What may stand in a segment of a path as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Where servers say what is wrong, the most telling first.
const WORDS: [&str; 6] =
    ["/message", "/error/message", "/error/0/message", "/status/error", "/error", "/detail"];

const KINDS: Kinds<u16> = &[
    (400, "", ErrorKind::InvalidArgument),
    (401, "", ErrorKind::Unauthenticated),
    (402, "", ErrorKind::QuotaExceeded),
    (403, "", ErrorKind::PermissionDenied),
    (404, "", ErrorKind::NotFound),
    (405, "", ErrorKind::Unsupported),
    (408, "", ErrorKind::Timeout),
    (409, "", ErrorKind::AlreadyExists),
    (413, "", ErrorKind::PayloadTooLarge),
    (422, "", ErrorKind::InvalidArgument),
    (429, "", ErrorKind::RateLimited),
    (431, "", ErrorKind::PayloadTooLarge),
    (501, "", ErrorKind::Unsupported),
    (504, "", ErrorKind::Timeout),
    (507, "", ErrorKind::QuotaExceeded),
];

/// A pool of connections to one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    kinds: Kinds<u16>,
}

impl Client {
    /// A client that connects with its first request. `kinds` are answers that a status and the general table do not
    /// tell apart; the headers go with every request.
    ///
    /// # Errors
    /// `InvalidArgument` for certificates that cannot be read, and for a header that HTTP cannot carry.
    pub fn new(endpoint: &Endpoint, kinds: Kinds<u16>, headers: &Headers) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .user_agent(USER_AGENT)
            .connect_timeout(endpoint.connect_timeout)
            .tcp_keepalive(KEEP_ALIVE)
            .tls_backend_preconfigured(tls::client_config(endpoint)?)
            .default_headers(header_map(headers)?)
            .build()
            .map_err(|e| Error::invalid("the HTTP client cannot be set up").with_source(e))?;
        Ok(Self { http, endpoint: endpoint.clone(), kinds })
    }

    /// Reads what is at a path, which begins with `/`.
    ///
    /// # Errors
    /// What the server answers, or that it does not.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, WriteError> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a body to a path.
    ///
    /// # Errors
    /// As those of [`get`](Self::get).
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, WriteError> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Deletes what is at a path.
    ///
    /// # Errors
    /// As those of [`get`](Self::get).
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, WriteError> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A request of any other kind, to be sent with [`send`](Self::send).
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.endpoint.origin()))
    }

    /// Sends a request once. An empty answer reads as `null`. How long it may take is for the caller to say.
    ///
    /// # Errors
    /// As those of [`get`](Self::get).
    pub async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, WriteError> {
        let response = request.send().await.map_err(|e| self.unanswered(e))?;
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        let body = response.bytes().await.map_err(|e| self.unanswered(e))?;
        if !status.is_success() {
            return Err(self.refused(status, &body, after));
        }
        let body = if body.is_empty() { &b"null"[..] } else { &body[..] };
        serde_json::from_slice(body)
            .map_err(|e| self.endpoint.rubbish("cannot be read").map(|error| error.with_source(e)))
    }

    /// Where the server is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn unanswered(&self, error: reqwest::Error) -> WriteError {
        // Its text would repeat the whole address.
        let error = error.without_url();
        if error.is_builder() {
            Error::invalid("the request cannot be built").with_source(error).into()
        } else if error.is_connect() {
            let timed_out = error.is_timeout();
            self.endpoint.unreached(error, timed_out)
        } else {
            self.endpoint.lost(error)
        }
    }

    fn refused(&self, status: StatusCode, body: &[u8], after: Option<Duration>) -> WriteError {
        let words = words(body);
        let kind = kind_of(&status.as_u16(), &words, self.kinds, KINDS).unwrap_or(match status.as_u16() {
            500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::Unexpected,
        });
        let mut told = status.to_string();
        if status.is_redirection() {
            let name = self.endpoint.server.name;
            told += &format!(", a redirection; is tls=true missing, or is this no {name} server?");
        } else if !words.is_empty() {
            told += &format!(": {words}");
        }
        let mut error = self.endpoint.answered(kind, &told);
        if let Some(after) = after {
            error = error.with_retry_after(after);
        }
        // What ends with a server's error may have been done before.
        WriteError::new(error, status.is_server_error())
    }
}

/// A name as one segment of a path; none for dots alone, which are taken for folders however they are written.
pub fn segment(name: &str) -> Option<String> {
    (!matches!(name, "." | "..")).then(|| utf8_percent_encode(name, SEGMENT).to_string())
}

/// What the server says of an error: a field of its JSON, or all of it.
fn words(body: &[u8]) -> String {
    let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let told = WORDS.iter().find_map(|field| json.pointer(field)?.as_str().map(str::to_owned));
    let told = told.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    told.trim().chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
