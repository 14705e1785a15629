//! The port over the fickle driver against the suite.

use std::process::ExitCode;
use std::sync::Arc;

use portolan_core::{Result, VectorStorage};
use portolan_testkit::Harness;
use portolan_testkit::fickle::fickle;

struct Fickle;

#[async_trait::async_trait]
impl Harness for Fickle {
    fn name(&self) -> &str {
        "fickle"
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn VectorStorage>> {
        Ok(fickle(place.len() as u64))
    }

    fn rows(&self) -> usize {
        2_000
    }
}

fn main() -> ExitCode {
    portolan_testkit::main(Fickle)
}
