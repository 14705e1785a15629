//! What befalls the way to the server.

mod replies;

use std::process::ExitCode;

use portolan_testkit::wire::Faulty;
use portolan_testkit::wire::suite::{self, Calls, Protocol};
use qdrant_client::qdrant::{ListCollectionsResponse, UpdateStatus};

fn main() -> ExitCode {
    let calls = Calls {
        replies,
        reads: |request| request.path.ends_with("Points/Get"),
        writes: |request| request.path.ends_with("Points/Upsert"),
    };
    let uri = "qdrant://{server}?api_key=s3cret&{options}";
    suite::main("qdrant", uri, portolan_qdrant::open, Protocol::Grpc(calls))
}

fn replies(server: &Faulty) {
    replies::things(server);
    replies::answer(server, "Collections/List", &ListCollectionsResponse::default());
    replies::answer(server, "Points/Upsert", &replies::updated(UpdateStatus::Completed));
}
