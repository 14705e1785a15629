//! TLS before a server that does not speak it.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::listener::Listener;
use super::upstream::resolve;

/// What a client of PostgreSQL sends before it speaks TLS, and what it is answered.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const SSL_ACCEPTED: &[u8] = b"S";

/// A certificate authority that nobody trusts, and a certificate of `localhost` by it.
pub struct Authority {
    pem: NamedTempFile,
    config: Arc<ServerConfig>,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// Where no key can be made or no file written.
    pub fn new() -> io::Result<Self> {
        let (pem, config) = certify().map_err(io::Error::other)?;
        let file = NamedTempFile::new()?;
        std::fs::write(file.path(), pem)?;
        Ok(Self { pem: file, config: Arc::new(config) })
    }

    /// The PEM file of the authority's certificate, which is there as long as this is.
    pub fn pem(&self) -> &Path {
        self.pem.path()
    }
}

fn certify() -> Result<(String, ServerConfig), Box<dyn std::error::Error + Send + Sync>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let root = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((root, config))
}

/// Speaks TLS for a server that does not, with the certificate of an [`Authority`].
pub struct TlsFront(Listener);

impl TlsFront {
    /// Stands before a server to which clients speak TLS from the first byte.
    ///
    /// # Errors
    /// Where the name has no address, no port can be bound, or no thread started.
    pub fn before(upstream: impl ToSocketAddrs, authority: &Authority) -> io::Result<Self> {
        Self::with(upstream, authority, false)
    }

    /// Stands before a PostgreSQL server, whose clients ask for TLS first.
    ///
    /// # Errors
    /// As those of [`before`](Self::before).
    pub fn before_postgres(upstream: impl ToSocketAddrs, authority: &Authority) -> io::Result<Self> {
        Self::with(upstream, authority, true)
    }

    fn with(upstream: impl ToSocketAddrs, authority: &Authority, asks: bool) -> io::Result<Self> {
        let (upstream, acceptor) = (resolve(upstream)?, TlsAcceptor::from(authority.config.clone()));
        let listener = Listener::start(move |_, client| {
            let acceptor = acceptor.clone();
            async move {
                // A client that refuses the certificate or goes away is none of its errors.
                let _ = pass(client, upstream, acceptor, asks).await;
            }
        })?;
        Ok(Self(listener))
    }

    /// Where it listens; the certificate is of `localhost` at this port.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

async fn pass(
    mut client: TcpStream,
    upstream: SocketAddr,
    acceptor: TlsAcceptor,
    asks: bool,
) -> io::Result<()> {
    if asks {
        let mut first = [0; SSL_REQUEST.len()];
        client.read_exact(&mut first).await?;
        if first != SSL_REQUEST {
            return Ok(());
        }
        client.write_all(SSL_ACCEPTED).await?;
    }
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

impl Debug for Authority {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("pem", &self.pem()).finish_non_exhaustive()
    }
}

impl Debug for TlsFront {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsFront").field("address", &self.address()).finish_non_exhaustive()
    }
}
