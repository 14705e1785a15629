//! What a failed request means.

use std::error::Error as StdError;
use std::future::Future;
use std::io;

use portolan_core::{Error, ErrorKind};
use tokio::time::{Instant, timeout_at};

use crate::cause::{cause, has, io_kind};
use crate::endpoint::Endpoint;

/// When a request must have been answered, if ever.
pub type Deadline = Option<Instant>;

/// A request that failed, and whether it may have been applied all the same.
#[derive(Debug, Clone)]
pub struct CallError {
    /// What went wrong.
    pub error: Error,
    /// Whether the server may have done what was asked: it was sent, and no answer tells.
    pub in_doubt: bool,
}

impl CallError {
    /// Changes the error, and not whether the request may have been applied.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Error) -> Error) -> Self {
        Self { error: change(self.error), ..self }
    }
}

/// An error before anything was sent.
impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self { error, in_doubt: false }
    }
}

impl From<CallError> for Error {
    fn from(failed: CallError) -> Self {
        failed.error
    }
}

/// What became of requests to an endpoint. Each error names the server, once.
impl Endpoint {
    /// Bounds one request. Past the deadline nothing is sent; a request that is given up midway is in doubt.
    ///
    /// # Errors
    /// Those of the request; `Timeout`.
    pub async fn within<T>(
        &self,
        deadline: Deadline,
        request: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let Some(end) = deadline else { return request.await };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let error =
                self.error(ErrorKind::Timeout, "the time of the call ran out before the request was sent");
            return Err(error.into());
        }
        timeout_at(end, request).await.unwrap_or_else(|_| {
            let error = self.error(ErrorKind::Timeout, &format!("no answer within {left:.1?}"));
            Err(CallError { error, in_doubt: true })
        })
    }

    /// An error of a request for which no connection could be made: it was surely not sent.
    pub fn not_sent(&self, error: impl StdError + Send + Sync + 'static) -> CallError {
        let timed_out = io_kind(&error) == Some(io::ErrorKind::TimedOut);
        self.unreached(error, timed_out)
    }

    pub(crate) fn unreached(
        &self,
        error: impl StdError + Send + Sync + 'static,
        timed_out: bool,
    ) -> CallError {
        let (name, port, why) = (self.server.name, self.server.port, cause(&error));
        let by_tls = has::<rustls::Error>(&error);
        let kind = if timed_out { ErrorKind::Timeout } else { ErrorKind::Unavailable };
        let message = if by_tls {
            format!("{name} cannot be reached by TLS: {why}; see to tls and tls_ca")
        } else {
            format!(
                "{name} cannot be reached: {why}; is it running, and is this its port ({port} by default)?"
            )
        };
        self.located(Error::new(kind, message).with_retryable(!by_tls).with_source(error)).into()
    }

    /// An error of a request that was sent, or may have been, and whose answer did not come.
    pub fn lost(&self, error: impl StdError + Send + Sync + 'static) -> CallError {
        let message = format!(
            "the connection to {} was lost: {}; if it always is, see to the port ({} by default) and to tls",
            self.server.name,
            cause(&error),
            self.server.port
        );
        let error = self.located(Error::new(ErrorKind::Unavailable, message).with_source(error));
        CallError { error, in_doubt: true }
    }

    /// An error that the server tells, with what to do about it.
    pub fn answered(&self, kind: ErrorKind, words: &str) -> Error {
        self.error(kind, &format!("{} answers: {words}", self.server.name))
    }

    /// An answer that holds what no such server says, or not what it must: the request may have been applied.
    pub fn rubbish(&self, what: &str) -> CallError {
        let message = format!(
            "the answer {what}; is this a {} server, and its port ({} by default)?",
            self.server.name, self.server.port
        );
        CallError { error: self.located(Error::new(ErrorKind::Unexpected, message)), in_doubt: true }
    }

    fn error(&self, kind: ErrorKind, what: &str) -> Error {
        let advice = self.server.advice_for(kind);
        let end = if advice.is_empty() { "" } else { "; " };
        self.located(Error::new(kind, format!("{what}{end}{advice}")))
    }

    fn located(&self, error: Error) -> Error {
        error.with_context("server", self.authority())
    }
}

#[cfg(test)]
mod tests;
