//! What befalls the way to the server.

// Replies that cannot be made fail by a panic.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "not every test needs all of it")]
#[path = "../src/proto.rs"]
mod proto;
mod replies;

use std::process::ExitCode;

use portolan_testkit::wire::Faulty;
use portolan_testkit::wire::suite::{self, Calls, Protocol};
use proto::milvus::{CheckHealthResponse, MutationResult, ShowCollectionsResponse};
use replies::{basics, ends, ok, reply, rows};

fn main() -> ExitCode {
    let calls = Calls {
        replies,
        reads: |request| request.path.ends_with("/Query"),
        writes: |request| request.path.ends_with("/Upsert"),
    };
    let uri = "milvus://root:s3cret@{server}?{options}";
    suite::main("milvus", uri, portolan_milvus::open, Protocol::Grpc(calls))
}

fn replies(server: &Faulty) {
    basics(server);
    server.on(.., ends("/Query"), reply(&rows(&[])));
    server.on(.., ends("/Upsert"), reply(&MutationResult { status: ok(), ..Default::default() }));
    let healthy = CheckHealthResponse { status: ok(), is_healthy: true, ..Default::default() };
    server.on(.., ends("/CheckHealth"), reply(&healthy));
    let collections = vec!["things".to_owned()];
    let list = ShowCollectionsResponse { status: ok(), collection_names: collections, ..Default::default() };
    server.on(.., ends("/ShowCollections"), reply(&list));
}
