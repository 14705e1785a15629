//! Milvus against the conformance suite.

use std::process::ExitCode;

use portolan_testkit::Server;

fn main() -> ExitCode {
    Server::new("milvus", portolan_milvus::open).parallel(4).rows(1_000).main()
}
