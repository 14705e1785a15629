//! gRPC.

use std::error::Error as StdError;
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::io;
use std::time::Duration;

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, Result};
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{self, Channel, ClientTlsConfig};
use tonic::{Code, ConnectError, Request, Response, Status, TimeoutExpired};

use crate::cause::{cause, has, io_kind};
use crate::client::{KEEP_ALIVE, USER_AGENT, header_map, kind_of};
use crate::endpoint::Endpoint;
use crate::kinds::Kinds;
use crate::retry_after::retry_after;
use crate::secret::Headers;
use crate::tls;

const KINDS: Kinds<Code> = &[
    (Code::NotFound, "", ErrorKind::NotFound),
    (Code::AlreadyExists, "", ErrorKind::AlreadyExists),
    (Code::InvalidArgument, "", ErrorKind::InvalidArgument),
    (Code::OutOfRange, "length too large", ErrorKind::PayloadTooLarge),
    (Code::OutOfRange, "", ErrorKind::InvalidArgument),
    (Code::Unauthenticated, "", ErrorKind::Unauthenticated),
    (Code::PermissionDenied, "", ErrorKind::PermissionDenied),
    (Code::ResourceExhausted, "larger than max", ErrorKind::PayloadTooLarge),
    (Code::ResourceExhausted, "", ErrorKind::RateLimited),
    (Code::FailedPrecondition, "", ErrorKind::NotReady),
    (Code::DeadlineExceeded, "", ErrorKind::Timeout),
    (Code::Unavailable, "", ErrorKind::Unavailable),
    (Code::Cancelled, "", ErrorKind::Unavailable),
    (Code::Aborted, "", ErrorKind::Unavailable),
    (Code::Unimplemented, "", ErrorKind::Unsupported),
    (Code::DataLoss, "", ErrorKind::Corrupt),
];

/// Codes after which a request may have been applied; a server that refuses gives others.
const IN_DOUBT: [Code; 8] = [
    Code::Ok,
    Code::Unknown,
    Code::Internal,
    Code::Unavailable,
    Code::DeadlineExceeded,
    Code::Cancelled,
    Code::Aborted,
    Code::DataLoss,
];

/// Words of the client about a connection that ended midway, or about an answer that is none of gRPC.
const LOST: [&str; 4] = ["transport error", "h2 protocol error", "error reading a body", "Unexpected EOF"];
const NO_GRPC: [&str; 3] = ["grpc-status header missing", "protocol error", "invalid compression flag"];

/// Words of the client about an encrypted connection that was not made in time.
const TLS_TIMED_OUT: &str = "handshake timeout";

/// What generated clients are made of.
pub type Service = InterceptedService<Channel, Metadata>;

/// Adds headers to each request.
#[derive(Debug, Clone)]
pub struct Metadata(MetadataMap);

impl Interceptor for Metadata {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for entry in self.0.iter() {
            if let KeyAndValueRef::Ascii(name, value) = entry {
                request.metadata_mut().insert(name, value.clone());
            }
        }
        Ok(request)
    }
}

/// One channel to a server.
#[derive(Clone)]
pub struct Client {
    service: Service,
    endpoint: Endpoint,
    kinds: Kinds<Code>,
}

impl Client {
    /// A client that connects with its first call. `kinds` are answers that a code and the general table do not tell
    /// apart; the headers go with every call.
    ///
    /// # Errors
    /// `InvalidArgument` for certificates that cannot be read, and for a header that cannot be sent.
    pub fn new(endpoint: &Endpoint, kinds: Kinds<Code>, headers: &Headers) -> Result<Self> {
        let metadata = Metadata(MetadataMap::from_headers(header_map(headers)?));
        let service = InterceptedService::new(channel(endpoint)?, metadata);
        Ok(Self { service, endpoint: endpoint.clone(), kinds })
    }

    /// What a generated client is made of: `PointsClient::new(client.service())`.
    pub fn service(&self) -> Service {
        self.service.clone()
    }

    /// The answer to a call, which is sent once.
    ///
    /// # Errors
    /// What the server answers, or that it does not.
    pub async fn call<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, WriteError> {
        call.await.map(Response::into_inner).map_err(|status| self.failed(status))
    }

    /// What a status means.
    pub fn failed(&self, status: Status) -> WriteError {
        let words = status.message().to_owned();
        if has::<ConnectError>(&status) {
            let timed_out =
                io_kind(&status) == Some(io::ErrorKind::TimedOut) || words.contains(TLS_TIMED_OUT);
            return self.endpoint.unreached(status, timed_out);
        }
        let kind = kind_of(&status.code(), &words, self.kinds, KINDS);
        let timed_out = has::<TimeoutExpired>(&status);
        let lost = status.source().is_some() || LOST.iter().any(|part| words.contains(part));
        if lost && !timed_out {
            return self.endpoint.lost(status);
        }
        let kind = if timed_out { ErrorKind::Timeout } else { kind.unwrap_or(ErrorKind::Unexpected) };
        let in_doubt = IN_DOUBT.contains(&status.code());
        let mut error = self.endpoint.answered(kind, &self.told(&status));
        if let Some(after) = asked_wait(status.metadata()) {
            error = error.with_retry_after(after);
        }
        let error = error.with_context("grpc", format!("{:?}", status.code())).with_source(status);
        WriteError::new(error, in_doubt)
    }

    /// Where the server is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn told(&self, status: &Status) -> String {
        let words = status.message();
        let words = if words.is_empty() { status.code().description() } else { words };
        if !NO_GRPC.iter().any(|part| words.contains(part)) {
            return words.to_owned();
        }
        let (name, port) = (self.endpoint.server.name, self.endpoint.server.port);
        format!("{} ({}); is this {name}'s gRPC port ({port} by default)?", words, cause(status))
    }
}

impl Debug for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn channel(endpoint: &Endpoint) -> Result<Channel> {
    let invalid = |e: transport::Error| {
        Error::invalid(format!("{} cannot be connected to: {}", endpoint.authority(), cause(&e)))
            .with_source(e)
    };
    let mut made = transport::Endpoint::from_shared(endpoint.origin())
        .and_then(|made| made.user_agent(USER_AGENT))
        .map_err(invalid)?
        .connect_timeout(endpoint.connect_timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    if endpoint.is_encrypted() {
        let trusted = ClientTlsConfig::new()
            .trust_anchors(tls::roots(endpoint)?.roots)
            .timeout(endpoint.connect_timeout);
        made = made.tls_config(trusted).map_err(invalid)?;
    }
    Ok(made.connect_lazy())
}

/// How long the server asks to wait, in seconds or in milliseconds.
fn asked_wait(metadata: &MetadataMap) -> Option<Duration> {
    let text = |name| metadata.get(name)?.to_str().ok();
    let pushback = || text("grpc-retry-pushback-ms")?.parse().ok().map(Duration::from_millis);
    text("retry-after").and_then(retry_after).or_else(pushback)
}

#[cfg(test)]
mod tests;
