//! The embedded store against the conformance suite.

use std::process::ExitCode;
use std::sync::Arc;

use portolan_core::{Location, Result, VectorStorage};
use portolan_testkit::Harness;
use tempfile::TempDir;

struct Embedded(TempDir);

#[async_trait::async_trait]
impl Harness for Embedded {
    fn name(&self) -> &str {
        "embedded"
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn VectorStorage>> {
        let path = self.0.path().join(place).display().to_string();
        portolan_embedded::open(Location::new("embedded").with_path(path)).await
    }
}

fn main() -> ExitCode {
    match TempDir::new() {
        Ok(dir) => portolan_testkit::main(Embedded(dir)),
        Err(e) => {
            println!("conformance embedded: not run (there is no temporary directory: {e})");
            ExitCode::FAILURE
        }
    }
}
