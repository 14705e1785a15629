//! A case, and how it ends.

use std::fmt::{self, Debug, Formatter};

use futures::future::BoxFuture;
use portolan_core::{Error, ErrorKind, Result};

use crate::context::Context;

/// One named statement about a store.
#[derive(Clone, Copy)]
pub struct Case {
    pub(crate) name: &'static str,
    pub(crate) checks: &'static [&'static str],
    pub(crate) run: for<'a> fn(&'a Context) -> BoxFuture<'a, Verdict>,
}

impl Case {
    /// The name, `operation::behaviour`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The numbers of the sentences of the contract that it checks.
    pub fn checks(&self) -> &'static [&'static str] {
        self.checks
    }
}

impl Debug for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// What ends a case before it has passed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A check failed: the store broke the contract.
    Failed(String),
    /// An error stood in the way of the checks.
    Broken(String),
    /// The store declares that it cannot do this, and has refused it as it must.
    Unsupported(String),
}

/// How a case, or a step of it, ends.
pub(crate) type Verdict<T = ()> = Result<T, Stop>;

impl From<Error> for Stop {
    fn from(e: Error) -> Self {
        Self::Broken(format!("an error where none is due: {e}"))
    }
}

/// Ends a case as unsupported, if what was declared so was really refused.
pub(crate) fn unsupported<T>(what: &str, refused: Result<T>) -> Stop {
    match refused {
        Err(e) if e.kind() == ErrorKind::Unsupported => Stop::Unsupported(what.to_owned()),
        Err(e) => Stop::Failed(format!("{what} is declared unsupported, and is refused otherwise: {e}")),
        Ok(_) => Stop::Failed(format!("{what} is declared unsupported, and was done")),
    }
}

/// What a call gives that must not fail.
pub(crate) fn granted<T>(what: &str, result: Result<T>) -> Verdict<T> {
    result.map_err(|e| Stop::Failed(format!("{what} must not be refused, and was so: {e}")))
}

/// The error of a call that must fail with this kind.
pub(crate) fn refusal<T>(what: &str, kind: ErrorKind, result: Result<T>) -> Verdict<Error> {
    match result {
        Err(e) if e.kind() == kind => Ok(e),
        Err(e) => Err(Stop::Failed(format!("{what} must be refused as {kind}, and was so: {e}"))),
        Ok(_) => Err(Stop::Failed(format!("{what} must be refused as {kind}, and was not"))),
    }
}

/// Fails the case unless the condition holds.
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        let holds: bool = $condition;
        if !holds {
            return Err($crate::case::Stop::Failed(format!($($message)+)));
        }
    };
}

/// Fails the case unless both are equal.
macro_rules! check_eq {
    ($found:expr, $expected:expr, $($message:tt)+) => {{
        let (found, expected) = (&$found, &$expected);
        if *found != *expected {
            let what = format!($($message)+);
            return Err($crate::case::Stop::Failed(format!("{what}: {found:?}, expected {expected:?}")));
        }
    }};
}

/// The table of a module's cases, in groups of those that check the same sentences of the contract. A case is a function
/// of the module, or a filter, which is compared over the mixed records.
macro_rules! cases {
    ($module:literal; $($checks:tt $($name:ident $(: $filter:expr)?),+ $(,)?;)+) => {
        $($($(async fn $name(ctx: &$crate::context::Context) -> $crate::case::Verdict {
            $crate::data::mixed_index(ctx).await?.filter(&$filter).await
        })?)+)+

        pub(crate) const CASES: &[$crate::case::Case] = &[$($($crate::case::Case {
            name: concat!($module, "::", stringify!($name)),
            checks: $crate::case::sentences!($checks),
            run: |ctx| Box::pin($name(ctx)),
        }),+),+];
    };
}

/// The numbers of sentences, as text.
macro_rules! sentences {
    ([$($number:ident)+]) => { &[$(stringify!($number)),+] };
}

pub(crate) use {cases, check, check_eq, sentences};
