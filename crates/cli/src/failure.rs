//! How a run ends other than well: what is printed on stderr, and the exit status.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use portolan::{Error, ErrorKind};
use serde_json::{Value as Json, json};

use crate::options::Format;

/// Why a run ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error, the exit status if it is not the usual one of its kind, and what the user can do.
    Error { error: Error, status: Option<u8>, hints: Vec<String> },
    /// Whoever reads stdout has had enough.
    ClosedPipe,
}

/// Not found.
pub(crate) const NOT_FOUND: u8 = 3;
const FAILED: u8 = 1;
const USAGE: u8 = 2;
const PARTLY: u8 = 4;

impl Failure {
    /// Wrong usage.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::with_status(Error::invalid(message), USAGE)
    }

    /// Something was done and something was not.
    pub(crate) fn partly(error: Error) -> Self {
        Self::with_status(error, PARTLY)
    }

    /// A signal ended the run; the status is that of a program which the signal itself ended.
    pub(crate) fn interrupted(message: impl Into<String>, status: u8) -> Self {
        Self::with_status(Error::new(ErrorKind::Cancelled, message), status)
    }

    /// A failure while working, whatever the kind.
    pub(crate) fn failed(error: Error) -> Self {
        Self::with_status(error, FAILED)
    }

    /// A file that cannot be opened, read or written.
    pub(crate) fn file(path: &Path, doing: &str, error: &io::Error) -> Self {
        file_error(path, doing, error).into()
    }

    /// The same failure, after something was done.
    pub(crate) fn partly_done(mut self) -> Self {
        if let Self::Error { status, .. } = &mut self {
            *status = Some(PARTLY);
        }
        self
    }

    /// The kind of its error, if there is one.
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Error { error, .. } => Some(error.kind()),
            Self::ClosedPipe => None,
        }
    }

    /// Adds what the user can do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Error { hints, .. } = &mut self {
            hints.push(hint.into());
        }
        self
    }

    /// Prints the failure on stderr and gives the exit status.
    pub(crate) fn report(&self, format: Format) -> ExitCode {
        let Self::Error { error, status, hints } = self else { return ExitCode::SUCCESS };
        match format {
            Format::Table => {
                say(&format!("error: {}", sentence(error)));
                for hint in hints {
                    say(&format!("  hint: {hint}"));
                }
            }
            Format::Json | Format::Jsonl => {
                let mut object = to_json(error);
                if !hints.is_empty() {
                    object["hints"] = json!(hints);
                }
                say(&json!({ "error": object }).to_string());
            }
        }
        ExitCode::from(status.unwrap_or_else(|| usual_status(error)))
    }

    fn with_status(error: Error, status: u8) -> Self {
        Self::Error { error, status: Some(status), hints: Vec::new() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error { error, status: None, hints: Vec::new() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Error::new(ErrorKind::Unexpected, error.to_string()).with_source(error).into(),
        }
    }
}

/// Prints a line on stderr.
pub(crate) fn say(text: &str) {
    // Nothing is left to do where nobody listens on stderr.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The error of a file that cannot be opened, read or written.
pub(crate) fn file_error(path: &Path, doing: &str, error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::QuotaExceeded,
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => ErrorKind::InvalidArgument,
        _ => ErrorKind::Unexpected,
    };
    Error::new(kind, format!("cannot {doing} {}: {error}", path.display()))
}

/// An error as JSON, names as in the Rust type.
pub(crate) fn to_json(error: &Error) -> Json {
    let mut object = json!({
        "kind": error.kind(),
        "message": error.message(),
        "retryable": error.is_retryable(),
    });
    let mut set = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            object[key] = value;
        }
    };
    set("operation", error.operation().map(Json::from));
    set("index", error.index().map(Json::from));
    set("position", error.position().map(Json::from));
    set("provider", error.provider().map(Json::from));
    set("retry_after_ms", error.retry_after().map(|t| json!(t.as_secs_f64() * 1e3)));
    if let Some(partial) = error.partial() {
        object["partial"] = true.into();
        object["safe_to_repeat"] = true.into();
        object["deleted"] = partial.deleted.into();
        object["maybe_more"] = partial.maybe_more.into();
    }
    let context: serde_json::Map<String, Json> =
        error.context().iter().map(|(k, v)| ((*k).to_owned(), Json::from(v.as_str()))).collect();
    if !context.is_empty() {
        object["context"] = Json::Object(context);
    }
    object
}

/// Prints what clap says: help, the version, or what is wrong with the arguments.
pub(crate) fn report_usage(error: &clap::Error, format: Format) -> ExitCode {
    if !error.use_stderr() || format == Format::Table {
        // Nothing is left to do where neither stream can be written.
        let _ = error.print();
    } else {
        let text = error.render().to_string();
        let message = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default();
        let mut failure = Failure::usage(message.trim());
        if let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested) {
            failure = tips.iter().fold(failure, |failure, tip| failure.hint(tip.to_string()));
        } else if let Some(suggested) =
            error.get(ContextKind::SuggestedSubcommand).or(error.get(ContextKind::SuggestedArg))
        {
            failure = failure.hint(format!("did you mean {suggested}?"));
        }
        return failure.report(format);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// The error as a sentence. Where kind and index add nothing to what the user typed, they are left out; file and line
/// are part of the message.
fn sentence(error: &Error) -> String {
    if !matches!(
        error.kind(),
        ErrorKind::InvalidArgument
            | ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::DimensionMismatch
            | ErrorKind::Cancelled
    ) {
        return error.to_string();
    }
    let is_in_message = |key: &str| matches!(key, "file" | "line");
    let facts: Vec<String> =
        error.context().iter().filter(|(k, _)| !is_in_message(k)).map(|(k, v)| format!("{k}: {v}")).collect();
    if facts.is_empty() {
        return error.message().to_owned();
    }
    format!("{} ({})", error.message(), facts.join(", "))
}

fn usual_status(error: &Error) -> u8 {
    match error.kind() {
        _ if error.partial().is_some() => PARTLY,
        ErrorKind::NotFound => NOT_FOUND,
        ErrorKind::InvalidArgument | ErrorKind::DimensionMismatch => USAGE,
        _ => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use portolan::Partial;

    use super::*;

    #[test]
    fn a_deletion_that_ended_midway_says_how_far_it_came_and_is_partly_done() {
        let error = Error::new(ErrorKind::Timeout, "no answer within 10s");
        assert_eq!((usual_status(&error), to_json(&error).get("partial")), (FAILED, None));
        let error = error.with_partial(Partial::new(12_000, true));
        assert_eq!(usual_status(&error), PARTLY);
        assert_eq!(
            to_json(&error),
            json!({
                "kind": "timeout", "message": "no answer within 10s", "retryable": true,
                "partial": true, "deleted": 12_000, "maybe_more": true, "safe_to_repeat": true,
            })
        );
    }
}
