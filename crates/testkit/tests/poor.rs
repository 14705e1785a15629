//! The port over the poor driver against the suite.

use std::process::ExitCode;
use std::sync::Arc;

use portolan_core::{Result, VectorStorage};
use portolan_testkit::Harness;
use portolan_testkit::poor::poor;

struct Poor;

#[async_trait::async_trait]
impl Harness for Poor {
    fn name(&self) -> &str {
        "poor"
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn VectorStorage>> {
        Ok(poor(place.len() as u64))
    }
}

fn main() -> ExitCode {
    portolan_testkit::main(Poor)
}
