//! The native filter: the port's own.

use std::fmt::{self, Display, Formatter};

use portolan_core::Filter;

/// The filter of the embedded store, which is the port's own; its text is the port's notation.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeFilter(pub(crate) Filter);

impl Display for NativeFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}
