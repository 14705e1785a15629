//! Why a server's certificate is refused, and which one is wanted.

use std::error::Error as StdError;

use rustls::CertificateError::{
    self, BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
    NotValidYetContext, UnknownIssuer,
};

use crate::cause::find;

/// What is wrong with the certificate and what to do, where that is why TLS failed.
pub(crate) fn refusal(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let Some(rustls::Error::InvalidCertificate(why)) = find::<rustls::Error>(error) else { return None };
    Some(match why {
        // A signature by another key under the name of one who is trusted is bad.
        UnknownIssuer | BadSignature => {
            "its certificate is signed by nobody who is trusted here; name the PEM file of the authority that signed it by \
             tls_ca"
        }
        NotValidForName | NotValidForNameContext { .. } => {
            "its certificate is for another name; use the host name that stands in its subjectAltName, or give it one with \
             this host"
        }
        Expired | ExpiredContext { .. } => {
            "its certificate has expired; renew it, or set this machine's clock"
        }
        NotValidYet | NotValidYetContext { .. } => {
            "its certificate is not valid yet; wait, or set this machine's clock"
        }
        other => unfit(other),
    })
}

/// The verifier keeps its own words in an error of no type.
fn unfit(why: &CertificateError) -> &'static str {
    let told = format!("{why:?}");
    if told.contains("CaUsedAsEndEntity") {
        "its certificate is that of an authority (CA:TRUE), as `openssl req -x509` makes it; give the server one of its own, \
         CA:FALSE with its host in subjectAltName, signed by that authority, and name the authority's by tls_ca"
    } else if told.contains("UnsupportedCertVersion") {
        "its certificate is of X.509 version 1; give the server one of version 3, with its host in subjectAltName \
         (`openssl x509 -req … -extfile FILE`)"
    } else {
        "its certificate is refused; give the server one of X.509 version 3, CA:FALSE, with its host in subjectAltName, signed \
         by the system's authorities or by that of tls_ca"
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd,
    };
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::crypto::ring;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{OtherError, RootCertStore};

    use super::*;

    /// A certificate that signs itself.
    fn certificate(name: &str, change: impl Fn(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    /// What a client says that trusts one certificate and is shown another by the host `h`.
    fn told(trusted: &CertificateDer<'static>, shown: &CertificateDer<'_>) -> Option<&'static str> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let host = ServerName::try_from("h").unwrap();
        let refused = verifier.verify_server_cert(shown, &[], &host, &[], UnixTime::now());
        refused.err().and_then(|e| refusal(&io::Error::other(e)))
    }

    #[test]
    fn the_certificate_that_is_wanted_is_named() {
        let good = certificate("h", |_| {});
        assert_eq!(told(&good, &good), None);
        let authority = certificate("h", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
        let other = certificate("other", |_| {});
        let old = certificate("h", |params| params.not_after = date_time_ymd(2001, 1, 1));
        let mut stranger = DistinguishedName::new();
        stranger.push(DnType::CommonName, "stranger");
        let early = certificate("h", |params| params.not_before = date_time_ymd(4000, 1, 1));
        for (trusted, shown, part) in [
            (&good, &certificate("h", |_| {}), "by tls_ca"),
            (&good, &certificate("h", |params| params.distinguished_name = stranger.clone()), "by tls_ca"),
            (&authority, &authority, "CA:FALSE"),
            (&other, &other, "another name"),
            (&old, &old, "expired"),
            (&early, &early, "not valid yet"),
        ] {
            let told = told(trusted, shown);
            assert!(told.is_some_and(|told| told.contains(part)), "{part}: {told:?}");
        }
    }

    /// No library here makes certificates of version 1, so that the verifier's word for them is taken from a report.
    #[test]
    fn a_certificate_of_version_1_is_told() {
        #[derive(Debug)]
        struct UnsupportedCertVersion;
        impl std::fmt::Display for UnsupportedCertVersion {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("UnsupportedCertVersion")
            }
        }
        impl StdError for UnsupportedCertVersion {}

        let why = CertificateError::Other(OtherError(Arc::new(UnsupportedCertVersion)));
        let told = refusal(&rustls::Error::InvalidCertificate(why)).unwrap();
        assert!(told.contains("version 3"), "{told}");
    }

    #[test]
    fn other_failures_are_no_matter_of_certificates() {
        assert_eq!(refusal(&io::Error::other(rustls::Error::DecryptError)), None);
        assert_eq!(refusal(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
        let bad = rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
        assert!(refusal(&bad).is_some_and(|told| told.contains("is refused")));
    }
}
