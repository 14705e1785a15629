//! The real server behind.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONNECTION, HOST, HeaderName, TRANSFER_ENCODING};
use hyper::{Request, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::answer::Answer;

/// What belongs to one connection, not to what is said over it.
const HOP: [HeaderName; 3] = [HOST, CONNECTION, TRANSFER_ENCODING];

/// A client of the real server, in the version of HTTP that each request came in.
#[derive(Clone)]
pub(super) struct Upstream {
    address: SocketAddr,
    one: Client<HttpConnector, Full<Bytes>>,
    two: Client<HttpConnector, Full<Bytes>>,
}

impl Upstream {
    pub(super) fn new(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        // Else each request waits for the acknowledgement of its head.
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        let one = builder.build(connector.clone());
        let two = builder.http2_only(true).build(connector);
        Self { address, one, two }
    }

    /// What the server answers, read to its end.
    pub(super) async fn answer(&self, request: Request<Bytes>) -> io::Result<Answer> {
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
        parts.uri = format!("http://{}{path}", self.address).parse().map_err(io::Error::other)?;
        HOP.iter().for_each(|name| drop(parts.headers.remove(name)));
        let client = if parts.version == Version::HTTP_2 { &self.two } else { &self.one };
        let response = client.request(Request::from_parts(parts, Full::new(body))).await;
        let (mut parts, body) = response.map_err(io::Error::other)?.into_parts();
        HOP.iter().for_each(|name| drop(parts.headers.remove(name)));
        let body = body.collect().await.map_err(io::Error::other)?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes(), trailers })
    }
}

/// The first address of a name.
pub(super) fn resolve(upstream: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    upstream
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name of the server has no address"))
}
