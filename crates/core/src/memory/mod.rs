//! The exact in-memory store.
