//! What befalls the way to the server: a real one behind a proxy, which takes any password.

use std::process::ExitCode;

use portolan_core::Location;
use portolan_testkit::server;
use portolan_testkit::wire::suite::{self, Protocol, SECRET};

fn main() -> ExitCode {
    let location: Option<Location> = server::uri("pgvector").and_then(|uri| uri.parse().ok());
    let part = |part: fn(&Location) -> Option<&str>| location.as_ref().and_then(part).unwrap_or_default();
    let (user, path) = (part(Location::user), part(|location| Some(location.path())));
    let uri = format!("pgvector://{user}:{SECRET}@{{server}}{path}?schema=wire&{{options}}");
    let server = location
        .as_ref()
        .and_then(|location| Some(format!("{}:{}", location.host()?, location.port().unwrap_or(5_432))));
    let protocol = Protocol::Postgres { server, reads: "WHERE (id = ANY(", writes: "INSERT INTO" };
    suite::main("pgvector", &uri, portolan_pgvector::open, protocol)
}
