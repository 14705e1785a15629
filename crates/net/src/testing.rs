//! Endpoints that the tests of both clients share.

use std::time::Duration;

use portolan_testkit::wire::{Authority, Faulty};

use crate::endpoint::Endpoint;
use crate::server::Server;

pub(crate) const SERVER: Server = Server::new("Example", "example://localhost:7000", 7_000);

/// The endpoint of a server of this process.
pub(crate) fn plain(server: &Faulty) -> Endpoint {
    let mut endpoint = Endpoint::new(&SERVER, "127.0.0.1");
    endpoint.port = server.address().port();
    endpoint
}

/// One under TLS at `localhost`, whose certificate an authority must have signed.
pub(crate) fn encrypted(port: u16, authority: &Authority) -> Endpoint {
    let mut endpoint = Endpoint::new(&SERVER, "localhost");
    endpoint.port = port;
    endpoint.connect_timeout = Duration::from_millis(500);
    endpoint.tls = Some(true);
    endpoint.tls_ca = Some(authority.pem().to_owned());
    endpoint
}
