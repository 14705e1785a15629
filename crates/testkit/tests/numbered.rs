//! The port over the numbered driver against the suite.

mod opened;

use std::process::ExitCode;

use opened::Opened;
use portolan_testkit::fickle::numbered;

fn main() -> ExitCode {
    let open = |place: &str| Ok(numbered(place.len() as u64));
    portolan_testkit::main(Opened { name: "numbered", rows: 2_000, open })
}
