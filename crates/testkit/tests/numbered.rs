//! The port over the numbered driver against the suite.

use std::process::ExitCode;
use std::sync::Arc;

use portolan_core::{Result, VectorStorage};
use portolan_testkit::Harness;
use portolan_testkit::fickle::numbered;

struct Numbered;

#[async_trait::async_trait]
impl Harness for Numbered {
    fn name(&self) -> &str {
        "numbered"
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn VectorStorage>> {
        Ok(numbered(place.len() as u64))
    }

    fn rows(&self) -> usize {
        2_000
    }
}

fn main() -> ExitCode {
    portolan_testkit::main(Numbered)
}
