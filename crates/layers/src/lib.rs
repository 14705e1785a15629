//! Layers around a [`VectorStorage`](portolan_core::VectorStorage), one file each.
//!
//! A layer is a config (serde) that is built, which names a bad field, and then put around a storage with
//! [`Layer::layer`](portolan_core::layer::Layer::layer). One built layer is one state, shared by its clones and by all
//! storages it is put around.

pub mod chaos;

pub use chaos::{Chaos, ChaosConfig};
