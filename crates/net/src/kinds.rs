//! How answers are told apart.

use portolan_core::ErrorKind;

/// A status, a part of the server's words or none, and what both mean. The first that fits counts, those of the adapter
/// before the general ones.
pub type Kinds<S> = &'static [(S, &'static str, ErrorKind)];
