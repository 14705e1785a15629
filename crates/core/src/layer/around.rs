//! What a uniform layer implements: one method around every operation.

use std::fmt::Debug;
use std::future::Future;

use futures::future::BoxFuture;

use super::op::Op;
use super::reply::Reply;
use crate::error::Result;

/// Which items of the request to send.
#[derive(Debug, Clone, Copy)]
pub enum Part<'p> {
    /// All.
    All,
    /// Those at these positions; a request without items is sent as it is.
    Items(&'p [usize]),
}

/// The rest of the stack, which may be called any number of times.
pub trait Call<T>: Sync {
    /// Sends the request, or a part of it.
    fn call<'c>(&'c self, part: Part<'c>) -> BoxFuture<'c, Result<T>>;
}

/// A layer that treats every operation alike.
pub trait Around: Debug + Send + Sync + 'static {
    /// Answers an operation, usually by calling the rest of the stack.
    fn around<T: Reply>(&self, op: Op<'_>, next: &dyn Call<T>) -> impl Future<Output = Result<T>> + Send;
}
