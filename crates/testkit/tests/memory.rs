//! The in-memory store against the suite.

mod opened;

use std::process::ExitCode;
use std::sync::Arc;

use opened::Opened;
use portolan_core::{MemoryConfig, MemoryStorage, Result, VectorStorage};

fn main() -> ExitCode {
    portolan_testkit::main(Opened { name: "memory", rows: 10_000, open: |_: &str| open() })
}

fn open() -> Result<Arc<dyn VectorStorage>> {
    Ok(Arc::new(MemoryStorage::new(MemoryConfig::new().max_indexes(50).max_vectors_per_index(12_000))?))
}
