//! The in-memory store against the suite.

use std::process::ExitCode;
use std::sync::Arc;

use portolan_core::{MemoryConfig, MemoryStorage, Result, VectorStorage};
use portolan_testkit::Harness;

struct Memory;

#[async_trait::async_trait]
impl Harness for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    async fn open(&self, _place: &str) -> Result<Arc<dyn VectorStorage>> {
        Ok(Arc::new(MemoryStorage::new(MemoryConfig::new().max_indexes(50).max_vectors_per_index(12_000))?))
    }
}

fn main() -> ExitCode {
    portolan_testkit::main(Memory)
}
