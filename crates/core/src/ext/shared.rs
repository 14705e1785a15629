//! The storage of a handle.

use std::ops::Deref;
use std::sync::Arc;

/// A storage, borrowed or kept alive.
#[derive(Debug)]
pub(super) enum Shared<'a, S: ?Sized> {
    Borrowed(&'a S),
    Owned(Arc<S>),
}

impl<S: ?Sized> Deref for Shared<'_, S> {
    type Target = S;

    fn deref(&self) -> &S {
        match self {
            Self::Borrowed(storage) => storage,
            Self::Owned(storage) => storage,
        }
    }
}

impl<S: ?Sized> Clone for Shared<'_, S> {
    fn clone(&self) -> Self {
        match self {
            Self::Borrowed(storage) => Self::Borrowed(storage),
            Self::Owned(storage) => Self::Owned(Arc::clone(storage)),
        }
    }
}
