//! PostgreSQL with pgvector against the conformance suite.

use std::process::ExitCode;

fn main() -> ExitCode {
    portolan_testkit::Server::new("pgvector", portolan_pgvector::open).main()
}
