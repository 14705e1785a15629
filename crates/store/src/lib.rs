//! The truth of a store on the local disk: one directory, many indexes, durable.
//!
//! Records, specs, the index of declared fields and a change log lie in one transactional file. A store has one writer
//! at a time and readers, in any process, that each see one commit. An adapter stands on it with what it finds the nearest vectors by:
//! that is [`Derived`] from the records, and catches up with them by the change log; it is never needed to write, and
//! can be lost.
//!
//! | | |
//! | --- | --- |
//! | [`Store`] | opens a directory; creates and drops indexes; every write is one transaction, stored as a whole or not at all |
//! | [`View`] | an index in one commit: fetch, page, count, and the rows that meet a filter |
//! | [`Snapshot`], [`Records`] | the same without what is derived: what [`Derived`] is built from |
//! | [`check()`], [`repair`] | reads all of a store and names what is damaged; writes it again from the rest |
//! | [`Edit`] | changes to the records of an index, within a transaction |
//!
//! A record lies in a *row*, a number that it keeps when it is replaced; a new record takes the lowest free one, so rows
//! stay dense.
//!
//! One process at a time writes to a store, and others read beside it, each call the newest commit; within a process,
//! share the [`Store`]. Reading makes nothing, and takes no lock of the directory.

mod check;
mod codec;
mod derived;
mod edit;
mod error;
mod fields;
mod lock;
mod open;
mod overlay;
mod plan;
mod read;
mod records;
mod run;
mod snapshot;
mod store;
mod tables;
mod transaction;
mod view;

pub use check::{Checked, Damage, Repaired, check, repair};
pub use codec::Components;
pub use derived::Derived;
pub use edit::Edit;
pub use error::StoreError;
pub use plan::Selection;
pub use records::Records;
pub use snapshot::Snapshot;
pub use store::{Store, StoreOptions};
pub use tables::FORMAT;
pub use transaction::Durability;
pub use view::View;
