//! The port over the narrow driver against the suite.

use std::process::ExitCode;
use std::sync::Arc;

use portolan_core::{Result, VectorStorage};
use portolan_testkit::Harness;
use portolan_testkit::fickle::narrow;

struct Narrow;

#[async_trait::async_trait]
impl Harness for Narrow {
    fn name(&self) -> &str {
        "narrow"
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn VectorStorage>> {
        Ok(narrow(place.len() as u64))
    }

    fn rows(&self) -> usize {
        2_000
    }
}

fn main() -> ExitCode {
    portolan_testkit::main(Narrow)
}
