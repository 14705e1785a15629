//! The port over the narrow driver against the suite.

mod opened;

use std::process::ExitCode;

use opened::Opened;
use portolan_testkit::fickle::narrow;

fn main() -> ExitCode {
    let open = |place: &str| Ok(narrow(place.len() as u64));
    portolan_testkit::main(Opened { name: "narrow", rows: 2_000, open })
}
