//! Chroma against the conformance suite.

use std::process::ExitCode;

fn main() -> ExitCode {
    portolan_testkit::Server::new("chroma", portolan_chroma::open).main()
}
