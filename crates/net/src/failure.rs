//! What a failed request means.

use std::error::Error as StdError;
use std::io;

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind};

use crate::cause::{cause, find, io_kind};
use crate::certificate::refusal;
use crate::endpoint::Endpoint;

/// What became of requests to an endpoint. Each error names the server, once.
impl Endpoint {
    /// An error of a request for which no connection could be made: it was surely not sent.
    pub fn not_sent(&self, error: impl StdError + Send + Sync + 'static) -> WriteError {
        let timed_out = io_kind(&error) == Some(io::ErrorKind::TimedOut);
        self.unreached(error, timed_out)
    }

    pub(crate) fn unreached(
        &self,
        error: impl StdError + Send + Sync + 'static,
        timed_out: bool,
    ) -> WriteError {
        let (name, port, why) = (self.server.name, self.server.port, cause(&error));
        let by_tls = find::<rustls::Error>(&error).is_some();
        let kind = if timed_out { ErrorKind::Timeout } else { ErrorKind::Unavailable };
        let message = match refusal(&error) {
            Some(refusal) => format!("{name} cannot be reached by TLS: {refusal} ({why})"),
            None if by_tls => format!("{name} cannot be reached by TLS: {why}; check tls and tls_ca"),
            None => format!(
                "{name} cannot be reached: {why}; is it running, and is this its port ({port} by default)?"
            ),
        };
        self.located(Error::new(kind, message).with_retryable(!by_tls).with_source(error)).into()
    }

    /// An error of a request that was sent, or may have been, and whose answer did not come.
    pub fn lost(&self, error: impl StdError + Send + Sync + 'static) -> WriteError {
        let message = format!(
            "the connection to {} was lost: {}; if it always is, check the port ({} by default) and to tls",
            self.server.name,
            cause(&error),
            self.server.port
        );
        WriteError::InDoubt(self.located(Error::new(ErrorKind::Unavailable, message).with_source(error)))
    }

    /// An error that the server tells, with what to do about it.
    pub fn answered(&self, kind: ErrorKind, words: &str) -> Error {
        let advice = self.server.advice_for(kind);
        let end = if advice.is_empty() { "" } else { "; " };
        self.located(Error::new(kind, format!("{} answers: {words}{end}{advice}", self.server.name)))
    }

    /// An answer that holds what no such server says, or not what it must: the request may have been applied.
    pub fn rubbish(&self, what: &str) -> WriteError {
        let message = format!(
            "the answer {what}; is this a {} server, and its port ({} by default)?",
            self.server.name, self.server.port
        );
        WriteError::InDoubt(self.located(Error::new(ErrorKind::Unexpected, message)))
    }

    fn located(&self, error: Error) -> Error {
        error.with_context("server", self.authority())
    }
}

#[cfg(test)]
mod tests;
