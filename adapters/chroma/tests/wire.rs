//! What befalls the way to the server.

mod replies;

use std::process::ExitCode;

use portolan_testkit::wire::suite::{self, Calls, Protocol};
use portolan_testkit::wire::{Answer, Faulty};
use serde_json::json;

fn main() -> ExitCode {
    let calls = Calls {
        replies,
        reads: |request| request.path.ends_with("/get"),
        writes: |request| request.path.ends_with("/upsert"),
    };
    let uri = "chroma://{server}?token=s3cret&{options}";
    suite::main("chroma", uri, portolan_chroma::open, Protocol::Http(calls))
}

fn replies(server: &Faulty) {
    replies::things(server);
    replies::on(server, "/collections/4711/upsert", Answer::status(200).json(&json!({})));
}
