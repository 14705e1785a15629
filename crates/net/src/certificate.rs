//! Why a server's certificate is refused, and which one is wanted.

use std::error::Error as StdError;

use rustls::CertificateError::{
    self, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    UnknownIssuer,
};

use crate::cause::find;

/// What is wrong with the certificate and what to do, where that is why TLS failed.
pub(crate) fn refusal(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let Some(rustls::Error::InvalidCertificate(why)) = find::<rustls::Error>(error) else { return None };
    Some(match why {
        UnknownIssuer => {
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

    use rustls::OtherError;

    use super::*;

    #[derive(Debug)]
    struct Named(&'static str);

    impl std::fmt::Display for Named {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Named {}

    #[derive(Debug)]
    struct CaUsedAsEndEntity;

    impl std::fmt::Display for CaUsedAsEndEntity {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("CaUsedAsEndEntity")
        }
    }

    impl StdError for CaUsedAsEndEntity {}

    #[test]
    fn the_certificate_that_is_wanted_is_named() {
        let other = |error| CertificateError::Other(OtherError(error));
        for (why, part) in [
            (UnknownIssuer, "by tls_ca"),
            (NotValidForName, "another name"),
            (Expired, "expired"),
            (NotValidYet, "not valid yet"),
            (other(Arc::new(CaUsedAsEndEntity)), "CA:FALSE"),
            (other(Arc::new(Named("UnsupportedCertVersion"))), "version 3"),
            (CertificateError::BadSignature, "is refused"),
        ] {
            let error = io::Error::other(rustls::Error::InvalidCertificate(why));
            let told = refusal(&error).unwrap();
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn other_failures_are_no_matter_of_certificates() {
        assert_eq!(refusal(&io::Error::other(rustls::Error::DecryptError)), None);
        assert_eq!(refusal(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }
}
