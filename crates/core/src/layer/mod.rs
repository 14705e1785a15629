//! Layers: storages around a storage.
//!
//! A layer that treats every operation alike implements [`Around`] and nothing else; [`Wrapped`] makes a storage of it.
//! One that looks inside implements [`VectorStorage`](crate::VectorStorage) itself.

mod around;
mod op;
mod reply;
mod wrapped;

pub use around::{Around, Call, Part};
pub use op::Op;
pub use reply::Reply;
pub use wrapped::{Layer, Wrapped};
