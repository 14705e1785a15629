//! What an adapter says of its server.

use portolan_core::{Error, ErrorKind, Result};

/// How a server is called, where it listens, and what to do where it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    pub(crate) name: &'static str,
    pub(crate) example: &'static str,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    pub(crate) aliases: &'static [(&'static str, &'static str)],
    pub(crate) advice: &'static [(ErrorKind, &'static str)],
    pub(crate) oldest: (u32, u32),
}

impl Server {
    /// A server of a name such as `Qdrant`, an example of its URI, and its default port.
    pub const fn new(name: &'static str, example: &'static str, port: u16) -> Self {
        Self { name, example, port, tls_port: port, aliases: &[], advice: &[], oldest: (0, 0) }
    }

    /// Sets the default port under TLS, where it is another.
    #[must_use]
    pub const fn tls_port(self, port: u16) -> Self {
        Self { tls_port: port, ..self }
    }

    /// Sets further names of options: `("timeout", "statement_timeout")`. An alias of `host` names the host where the
    /// URI has none.
    #[must_use]
    pub const fn aliases(self, aliases: &'static [(&'static str, &'static str)]) -> Self {
        Self { aliases, ..self }
    }

    /// Sets what to do where the server refuses, in place of the general advice.
    #[must_use]
    pub const fn advice(self, advice: &'static [(ErrorKind, &'static str)]) -> Self {
        Self { advice, ..self }
    }

    /// Sets the oldest version that is supported: `(1, 16)`.
    #[must_use]
    pub const fn oldest(self, major: u32, minor: u32) -> Self {
        Self { oldest: (major, minor), ..self }
    }

    /// Checks the version that a server tells, such as `1.16.0` or `v2.3.5-lite`. One that is written otherwise is taken
    /// for a newer one.
    ///
    /// # Errors
    /// `Unsupported` for one that is older than the oldest, naming both.
    pub fn check_version(&self, version: &str) -> Result<()> {
        let mut numbers = version.trim_start_matches('v').split(['.', '-']).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < self.oldest => {
                let (name, (major, minor)) = (self.name, self.oldest);
                Err(Error::unsupported(format!(
                    "the server is {name} {version}, and {major}.{minor} is the oldest that is supported: update it"
                )))
            }
            _ => Ok(()),
        }
    }

    /// What to do about an error of a kind; empty where nobody knows.
    pub fn advice_for(&self, kind: ErrorKind) -> &'static str {
        let told = self.advice.iter().find(|(of, _)| *of == kind);
        told.map_or_else(|| general(kind), |(_, advice)| advice)
    }
}

fn general(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthenticated => "check the credentials in the URI",
        ErrorKind::PermissionDenied => "ask for the right to do it, or use other credentials",
        ErrorKind::RateLimited => "slow down and try again",
        ErrorKind::QuotaExceeded => "free some room, or raise the server's quota",
        ErrorKind::PayloadTooLarge => "send less at once",
        ErrorKind::NotReady | ErrorKind::Unavailable => "try again, or see the server's log",
        ErrorKind::Timeout => "allow more time, or see why the server is slow",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_refused() {
        let server = Server::new("Example", "example://localhost:7000", 7_000);
        server.check_version("0.0.1").unwrap();
        let server = server.oldest(1, 16);
        for version in ["1.16.0", "1.16.0-dev", "v1.18.3", "1.100.0", "2.0.0", "example_lite-0.1.0", ""] {
            assert!(server.check_version(version).is_ok(), "{version}");
        }
        for version in ["1.15.5", "v1.9.7", "0.99.0", "1.15.0-dev"] {
            let e = server.check_version(version).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Unsupported, "{version}");
            let told = format!("the server is Example {version}, and 1.16 is the oldest that is supported");
            assert!(e.message().starts_with(&told), "{e}");
        }
    }
}
