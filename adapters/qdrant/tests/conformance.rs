//! The conformance suite over a Qdrant server, or over a recording of one.

use std::process::ExitCode;

const TAPE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tape/qdrant.zst");

fn main() -> ExitCode {
    portolan_testkit::Server::new(portolan_qdrant::PROVIDER, portolan_qdrant::open).tape(TAPE).main()
}
