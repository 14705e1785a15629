//! Sugar on top of the port: a blanket extension, never implemented.

use crate::storage::VectorStorage;

/// Sugar for every [`VectorStorage`].
pub trait VectorStorageExt: VectorStorage {}

impl<S: VectorStorage + ?Sized> VectorStorageExt for S {}
