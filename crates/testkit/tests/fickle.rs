//! The port over the fickle driver against the suite.

mod opened;

use std::process::ExitCode;

use opened::Opened;
use portolan_testkit::fickle::fickle;

fn main() -> ExitCode {
    let open = |place: &str| Ok(fickle(place.len() as u64));
    portolan_testkit::main(Opened { name: "fickle", rows: 2_000, open })
}
