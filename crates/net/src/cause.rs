//! What lies below an error.

use std::error::Error as StdError;
use std::io;

/// The innermost cause, which says most: `Connection refused (os error 111)`.
pub fn cause(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

/// The kind of the outermost I/O error, if there is one.
pub fn io_kind(error: &(dyn StdError + 'static)) -> Option<io::ErrorKind> {
    chain(error).find_map(|e| e.downcast_ref::<io::Error>()).map(io::Error::kind)
}

/// Whether an error of a type lies below, or is the error itself.
pub fn has<E: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    find::<E>(error).is_some()
}

/// The outermost error of a type: one that lies below, or the error itself.
pub(crate) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|e| e.downcast_ref())
}

/// The error and what lies below it. An I/O error hides the one that it is made of: `source` skips it.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn StdError + 'static)| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::Error;

    #[test]
    fn an_error_is_looked_into_to_its_end() {
        let tls = rustls::Error::DecryptError;
        let error = Error::invalid("outer").with_source(io::Error::new(io::ErrorKind::InvalidData, tls));
        assert_eq!(cause(&error), "cannot decrypt peer's message");
        assert_eq!(io_kind(&error), Some(io::ErrorKind::InvalidData));
        assert!(has::<rustls::Error>(&error) && !has::<std::fmt::Error>(&error));
        assert_eq!(cause(&Error::invalid("alone")), "invalid argument: alone");
        assert_eq!(io_kind(&Error::invalid("alone")), None);
    }
}
