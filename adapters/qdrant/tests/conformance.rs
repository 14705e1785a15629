//! The conformance suite over a Qdrant server.

use std::process::ExitCode;

fn main() -> ExitCode {
    portolan_testkit::Server::new(portolan_qdrant::PROVIDER, portolan_qdrant::open).main()
}
