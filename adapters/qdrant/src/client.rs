//! The connection: one channel to the server, over the generated clients of the official crate.
//!
//! Its ready-made client repeats a call whose connection was lost, writes and creations too, and tells a refused connection
//! from a lost one by its text alone; here no call is repeated, and what was surely not sent is known.

use std::error::Error as StdError;
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::time::Duration;

use portolan_core::{Error, ErrorKind, Result};
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::points_client::PointsClient;
use qdrant_client::qdrant::qdrant_client::QdrantClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Response, Status};

use crate::config::Config;
use crate::error;

/// How long a call may take where the caller sets no bound.
pub(crate) const BOUND: Duration = Duration::from_secs(300);

/// After so long without a word on a connection the server is asked whether it lives, and for the answer.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

type Service = InterceptedService<Channel, ApiKey>;

/// Adds the API key to each request.
#[derive(Clone)]
pub(crate) struct ApiKey(Option<MetadataValue<Ascii>>);

impl Interceptor for ApiKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("api-key", key.clone());
        }
        Ok(request)
    }
}

/// A server.
pub(crate) struct Client {
    channel: Channel,
    api_key: ApiKey,
    authority: String,
}

impl Client {
    /// A server that is reached with the first call.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let authority = format!("{}:{}", config.host, config.port);
        let scheme = if config.tls { "https" } else { "http" };
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{authority}"))
            .map_err(|e| Error::invalid(format!("{authority:?} is no host and port: {e}")))?
            .connect_timeout(config.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        if config.tls {
            endpoint = endpoint
                .tls_config(tls(config)?)
                .map_err(|e| Error::invalid(format!("TLS cannot be set up: {e}")).with_source(e))?;
        }
        Ok(Self { channel: endpoint.connect_lazy(), api_key: api_key(config)?, authority })
    }

    pub(crate) fn points(&self) -> PointsClient<Service> {
        PointsClient::with_interceptor(self.channel.clone(), self.api_key.clone())
            .max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn collections(&self) -> CollectionsClient<Service> {
        CollectionsClient::with_interceptor(self.channel.clone(), self.api_key.clone())
    }

    pub(crate) fn server(&self) -> QdrantClient<Service> {
        QdrantClient::with_interceptor(self.channel.clone(), self.api_key.clone())
    }

    /// The answer to a call.
    pub(crate) async fn ask<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>> + Send,
    ) -> Result<T> {
        call.await.map(Response::into_inner).map_err(|status| self.error(&status))
    }

    /// The answer to a call that may take long.
    pub(crate) async fn ask_long<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>> + Send,
    ) -> Result<T> {
        tokio::time::timeout(BOUND, self.ask(call)).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, format!("Qdrant has not answered within {BOUND:?}")))
        })
    }

    pub(crate) fn error(&self, status: &Status) -> Error {
        error::of(status).with_context("server", self.authority.clone())
    }
}

impl Debug for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("authority", &self.authority).finish_non_exhaustive()
    }
}

fn tls(config: &Config) -> Result<ClientTlsConfig> {
    let tls = ClientTlsConfig::new().with_native_roots();
    let Some(path) = &config.tls_ca else { return Ok(tls) };
    let pem = std::fs::read(path)
        .map_err(|e| Error::invalid(format!("tls_ca: {} cannot be read: {e}", path.display())))?;
    Ok(tls.ca_certificate(Certificate::from_pem(pem)))
}

fn api_key(config: &Config) -> Result<ApiKey> {
    let Some(key) = &config.api_key else { return Ok(ApiKey(None)) };
    let mut value: MetadataValue<Ascii> =
        key.parse().map_err(|_| Error::invalid("api_key holds characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(ApiKey(Some(value)))
}

/// Whether a call failed before anything of it was sent.
pub(crate) fn was_not_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
