//! Stands before a PostgreSQL server and asks for a password, or speaks TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Place;

const SSL_REQUEST: u32 = 80_877_103;

/// A certificate authority, and a certificate of `localhost` by it.
pub(crate) struct Authority {
    /// The authority's certificate, in a file.
    pub(crate) pem: NamedTempFile,
    config: Arc<ServerConfig>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
        let pem = NamedTempFile::new().unwrap();
        std::fs::write(pem.path(), root.pem()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(leaf.der().to_vec())],
                PrivateKeyDer::try_from(own.serialize_der()).unwrap(),
            )
            .unwrap();
        Self { pem, config: Arc::new(config) }
    }
}

/// The guard; it ends with the runtime.
pub(crate) struct Guard {
    port: u16,
    user: String,
    database: String,
    encrypted: Arc<AtomicUsize>,
}

impl Guard {
    pub(crate) async fn start(
        place: &Place,
        password: Option<&'static str>,
        tls: Option<&Authority>,
    ) -> Self {
        let location = place.uri.split("//").nth(1).unwrap();
        let (user, rest) = location.split_once('@').unwrap();
        let (address, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let encrypted = Arc::new(AtomicUsize::new(0));
        let acceptor = tls.map(|authority| TlsAcceptor::from(authority.config.clone()));
        let (address, count) = (address.to_owned(), encrypted.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (address, acceptor, count) = (address.clone(), acceptor.clone(), count.clone());
                // A client that goes away midway is none of the guard's errors.
                tokio::spawn(async move { drop(admit(client, &address, password, acceptor, &count).await) });
            }
        });
        Self { port, user: user.to_owned(), database: database.to_owned(), encrypted }
    }

    /// `password` is empty or begins with a colon.
    pub(crate) fn uri(&self, password: &str, options: &str) -> String {
        format!("pgvector://{}{password}@localhost:{}/{}?{options}", self.user, self.port, self.database)
    }

    /// How many connections were encrypted.
    pub(crate) fn encrypted(&self) -> usize {
        self.encrypted.load(Ordering::Relaxed)
    }
}

async fn admit(
    mut client: TcpStream,
    address: &str,
    password: Option<&str>,
    tls: Option<TlsAcceptor>,
    encrypted: &AtomicUsize,
) -> std::io::Result<()> {
    let mut first = message(&mut client).await?;
    if first[4..8] == SSL_REQUEST.to_be_bytes() {
        client.write_all(if tls.is_some() { b"S" } else { b"N" }).await?;
        if let Some(acceptor) = tls {
            let mut client = acceptor.accept(client).await?;
            encrypted.fetch_add(1, Ordering::Relaxed);
            first = message(&mut client).await?;
            return pass(client, &first, address, password).await;
        }
        first = message(&mut client).await?;
    }
    pass(client, &first, address, password).await
}

async fn pass(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    startup: &[u8],
    address: &str,
    password: Option<&str>,
) -> std::io::Result<()> {
    if let Some(password) = password {
        client.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await?;
        client.read_u8().await?;
        let given = message(&mut client).await?;
        if given[4..given.len() - 1] != *password.as_bytes() {
            let body = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0";
            client.write_u8(b'E').await?;
            client.write_u32(4 + body.len() as u32).await?;
            return client.write_all(body).await;
        }
    }
    let mut server = TcpStream::connect(address).await?;
    server.write_all(startup).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A message that begins with its length.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = from.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await?;
    Ok(message)
}
