//! How answers are told apart.

use portolan_core::ErrorKind;

/// A status, a part of the server's words or none, and what both mean. The first that fits counts, those of the adapter
/// before the general ones.
pub type Kinds<S> = &'static [(S, &'static str, ErrorKind)];

/// What a status and words mean.
#[cfg(any(feature = "grpc", feature = "http"))]
pub(crate) fn kind_of<S: PartialEq>(
    status: &S,
    words: &str,
    special: Kinds<S>,
    general: Kinds<S>,
) -> Option<ErrorKind> {
    let fits = |(of, part, _): &&(S, &str, ErrorKind)| of == status && words.contains(part);
    special.iter().chain(general).find(fits).map(|(_, _, kind)| *kind)
}
