//! The other side of the port: what a database must be able to do, and the one engine that makes the port of it.
//!
//! An adapter implements [`Driver`]: a thin call per raw ability, and declared data ([`Profile`]). [`DriverStorage`]
//! keeps the contract over any driver, once: validation, names, ids, the overflow, chunks and outcomes, residual
//! filters, ties, thresholds, deduplication, paging, emulations, timeouts.

mod abilities;
mod call;
mod candidates;
mod chunks;
mod deadline;
pub mod dialect;
mod effect;
mod ids;
pub mod kit;
mod locks;
mod lowering;
mod native_id;
mod offset_paging;
mod overflow;
mod places;
mod profile;
mod read;
mod row;
mod scan;
mod search;
mod step;
mod storage;
mod target;
#[cfg(test)]
mod tests;
mod write;

pub use abilities::Driver;
pub use deadline::Deadline;
pub use effect::{Removed, WriteError};
pub use native_id::NativeId;
pub use overflow::{OVERFLOW, OVERFLOW_FIELDS, OVERFLOW_KEYS};
pub use profile::{ExactSearch, IdScheme, Paging, Profile};
pub use row::{Hit, Neighbours, Page, Row, Sizes, Want};
pub use storage::DriverStorage;
pub use target::{Nearest, NewIndex, Opened, OverflowFilter, ScoreError, Target};
