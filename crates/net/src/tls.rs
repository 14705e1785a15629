//! TLS by rustls: certificates are verified against those of the system, or of a file.

use std::path::Path;
use std::sync::Arc;

use portolan_core::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::endpoint::Endpoint;

/// How connections to an endpoint are encrypted, if they are: its certificate must be trusted and of the host's name.
///
/// # Errors
/// Those of [`roots`].
pub fn client_config(endpoint: &Endpoint) -> Result<ClientConfig> {
    // Loading those of the system takes milliseconds.
    let roots = if endpoint.is_encrypted() { roots(endpoint)? } else { RootCertStore::empty() };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::invalid(format!("TLS cannot be set up: {e}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What a server's certificate must be, where a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Any, which protects against listeners only.
    Anyone,
    /// Signed by who is trusted, for whatever name.
    Signed,
    /// Signed by who is trusted, for the host's name.
    Named,
}

/// The same where the certificate may be less than [`client_config`] asks, and where a server may decide that connections
/// are not encrypted.
///
/// # Errors
/// Those of [`roots`].
pub fn trusting_config(endpoint: &Endpoint, trust: Trust) -> Result<ClientConfig> {
    let verified = Endpoint { tls: Some(trust == Trust::Named), ..endpoint.clone() };
    let mut tls = client_config(&verified)?;
    let roots = match trust {
        Trust::Named => return Ok(tls),
        Trust::Signed => Some(roots(endpoint)?),
        Trust::Anyone => None,
    };
    let verifier = NoNames { roots, provider: Arc::clone(tls.crypto_provider()) };
    tls.dangerous().set_certificate_verifier(Arc::new(verifier));
    Ok(tls)
}

/// Who is trusted to certify a server: the endpoint's file, or the system's certificates.
///
/// # Errors
/// `InvalidArgument` for a file that cannot be read or holds no certificate, and where the system has none.
pub fn roots(endpoint: &Endpoint) -> Result<RootCertStore> {
    match &endpoint.tls_ca {
        Some(file) => of_file(file),
        None => of_system(),
    }
}

fn of_file(file: &Path) -> Result<RootCertStore> {
    let invalid = |what: String| {
        Error::invalid(format!("tls_ca {}: {what}; name a PEM file of certificates", file.display()))
    };
    let pem = std::fs::read(file).map_err(|e| invalid(format!("it cannot be read ({e})")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| invalid(format!("it is damaged ({e})")))?;
        roots.add(certificate).map_err(|e| invalid(format!("it holds what is no certificate ({e})")))?;
    }
    if roots.is_empty() { Err(invalid("it holds no certificate".to_owned())) } else { Ok(roots) }
}

fn of_system() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    // Systems have some that are damaged or of old kinds.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why: String = found.errors.first().map(|e| format!(" ({e})")).unwrap_or_default();
        let message = format!("this system has no certificates to trust{why}: name a PEM file by tls_ca");
        return Err(Error::invalid(message));
    }
    Ok(roots)
}

/// Takes a certificate of any name of which the server has the key: one that these authorities signed, or any.
#[derive(Debug)]
struct NoNames {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for NoNames {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let (certificate, known) =
                (ParsedCertificate::try_from(certificate)?, &self.provider.signature_verification_algorithms);
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, between, now, known.all)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Server;

    const SERVER: Server = Server::new("Example", "example://localhost", 7_000);

    fn of(pem: &str) -> Result<usize> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, pem).unwrap();
        let mut endpoint = Endpoint::new(&SERVER, "h");
        endpoint.tls = Some(true);
        endpoint.tls_ca = Some(file.path().to_owned());
        client_config(&endpoint)?;
        Ok(roots(&endpoint)?.len())
    }

    fn certificate() -> String {
        rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap().cert.pem()
    }

    #[test]
    fn a_file_replaces_the_certificates_of_the_system() {
        assert_eq!(of(&certificate()).unwrap(), 1);
        assert_eq!(of(&(certificate() + "noise\n" + &certificate())).unwrap(), 2);
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let key = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap().signing_key.serialize_pem();
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let cut = certificate().replace("-----END", "");
        for (pem, part) in
            [("", "no certificate"), (&key, "no certificate"), (empty, "no certificate"), (&cut, "damaged")]
        {
            let e = of(pem).unwrap_err();
            assert_eq!(e.kind(), portolan_core::ErrorKind::InvalidArgument);
            assert!(e.message().contains(part) && e.message().contains("tls_ca"), "{e}");
        }
        let mut absent = Endpoint::new(&SERVER, "h");
        absent.tls_ca = Some("/no/such/file".into());
        let e = roots(&absent).unwrap_err();
        assert!(e.message().contains("/no/such/file: it cannot be read"), "{e}");
    }

    #[test]
    fn no_certificates_are_needed_without_tls() {
        client_config(&Endpoint::new(&SERVER, "h")).unwrap();
    }
}
