//! The conformance suite of the port, and what tests the suite itself.
//!
//! An adapter's author implements [`Harness`] in a few lines and calls [`main`] from a test with `harness = false`.
//! Every sentence of the contract is a named case; the expected answers come from the exact in-memory store.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use portolan_core::{MemoryStorage, Result, VectorStorage};
//! # struct Memory;
//! # #[async_trait::async_trait]
//! # impl portolan_testkit::Harness for Memory {
//! #     fn name(&self) -> &str { "memory" }
//! #     async fn open(&self, _: &str) -> Result<Arc<dyn VectorStorage>> { Ok(Arc::new(MemoryStorage::default())) }
//! # }
//! fn main() -> std::process::ExitCode {
//!     portolan_testkit::main(Memory)
//! }
//! ```

mod case;
#[cfg(feature = "selftest")]
mod collection;
mod compare;
mod context;
mod data;
#[cfg(feature = "selftest")]
pub mod faults;
#[cfg(feature = "selftest")]
pub mod fickle;
mod harness;
pub mod place;
#[cfg(feature = "selftest")]
pub mod poor;
mod random;
mod report;
pub mod rows;
#[cfg(feature = "selftest")]
pub mod saboteur;
pub mod server;
mod session;
mod suite;
pub mod tape;
pub mod traps;
mod twin;
#[cfg(feature = "wire")]
pub mod wire;

pub use case::Case;
pub use harness::{Harness, Settings};
pub use report::{Report, Status};
pub use server::Server;
pub use session::{REPORTS, cases, main, run};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
