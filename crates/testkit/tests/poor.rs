//! The port over the poor driver against the suite.

mod opened;

use std::process::ExitCode;

use opened::Opened;
use portolan_testkit::poor::poor;

fn main() -> ExitCode {
    let open = |place: &str| Ok(poor(place.len() as u64));
    portolan_testkit::main(Opened { name: "poor", rows: 10_000, open })
}
