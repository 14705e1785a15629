//! What an adapter says of its server.

use portolan_core::ErrorKind;

/// How a server is called, where it listens, and what to do where it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    pub(crate) name: &'static str,
    pub(crate) example: &'static str,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    pub(crate) aliases: &'static [(&'static str, &'static str)],
    pub(crate) advice: &'static [(ErrorKind, &'static str)],
}

impl Server {
    /// A server of a name such as `Qdrant`, an example of its URI, and its default port.
    pub const fn new(name: &'static str, example: &'static str, port: u16) -> Self {
        Self { name, example, port, tls_port: port, aliases: &[], advice: &[] }
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
