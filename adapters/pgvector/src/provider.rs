//! What the provider is called.

/// The provider's name, and its URI scheme.
pub const PROVIDER: &str = "pgvector";
