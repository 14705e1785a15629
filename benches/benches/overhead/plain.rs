//! What a program would do without the port.

use async_trait::async_trait;
use portolan::Record;

/// How much a plain client does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// What the contract asks for: a record is replaced whole, an id that stands for another is noticed, and a search
    /// has its own settings and tells whether there is more.
    Same,
    /// One call.
    Bare,
}

/// A plain client of one server; it panics where the server refuses.
#[async_trait]
pub(crate) trait Plain {
    /// Writes records over those of the same ids, and returns when they can be searched.
    async fn upsert(&self, records: &[Record], work: Work);

    /// The ids of the nearest `k` records, whose metadata comes with them.
    async fn search(&self, vector: &[f32], k: usize, work: Work) -> Vec<String>;

    /// Reads records whole; their number.
    async fn fetch(&self, ids: &[String], work: Work) -> usize;
}
