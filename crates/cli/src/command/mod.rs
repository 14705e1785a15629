//! The verbs, one file each.

pub(crate) mod check;
pub(crate) mod clear;
pub(crate) mod completions;
pub(crate) mod count;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod index;
pub(crate) mod man;
pub(crate) mod providers;
pub(crate) mod scan;
pub(crate) mod search;
mod unreadable;
pub(crate) mod update;
pub(crate) mod upsert;
mod written;
