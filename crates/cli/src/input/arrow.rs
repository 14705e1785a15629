//! Rows of Arrow's record batches, whatever file they come from.

mod cell;
mod columns;
mod ipc;
mod rows;
#[cfg(test)]
mod tests;
mod vector;

pub(super) use columns::Columns;
pub(super) use ipc::open_ipc;
pub(super) use rows::{BatchRows, Batches};
