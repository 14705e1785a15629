//! The one error type of the port.

use std::error::Error as StdError;
use std::fmt::{self, Debug, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What every fallible operation returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarsely: two kinds differ only where a caller would act differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The index or record does not exist.
    NotFound,
    /// An index of that name exists, or exists with another spec.
    AlreadyExists,
    /// A vector's length is not the index's dimension.
    DimensionMismatch,
    /// The request breaks the contract; nothing was sent.
    InvalidArgument,
    /// This database cannot do that, and says so in its capability.
    Unsupported,
    /// The part of a filter that is checked on the client would read more records than the budget allows.
    ResidualLimit,
    /// One portable id stands for two native records.
    IdCollision,
    /// Credentials are missing or wrong.
    Unauthenticated,
    /// The credentials do not permit the operation.
    PermissionDenied,
    /// Too many requests; try again after [`Error::retry_after`].
    RateLimited,
    /// A quota or a configured maximum is used up.
    QuotaExceeded,
    /// A record, a metadata map or a request is too large.
    PayloadTooLarge,
    /// The store exists and does not serve yet, or is held by another process.
    NotReady,
    /// The database cannot be reached or failed for the moment.
    Unavailable,
    /// The time ran out; the effect of a write is unknown.
    Timeout,
    /// A circuit breaker refused the call without sending it.
    CircuitOpen,
    /// The caller cancelled the operation.
    Cancelled,
    /// The storage was closed; open it again.
    Closed,
    /// Stored data is damaged, or not of a format this version reads.
    Corrupt,
    /// Anything else: a defect here or in the database.
    Unexpected,
}

impl ErrorKind {
    /// The kind's name in `snake_case`, as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::DimensionMismatch => "dimension_mismatch",
            Self::InvalidArgument => "invalid_argument",
            Self::Unsupported => "unsupported",
            Self::ResidualLimit => "residual_limit",
            Self::IdCollision => "id_collision",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::PayloadTooLarge => "payload_too_large",
            Self::NotReady => "not_ready",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::CircuitOpen => "circuit_open",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::Corrupt => "corrupt",
            Self::Unexpected => "unexpected",
        }
    }

    fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::NotReady | Self::Unavailable | Self::Timeout)
    }
}

impl Display for ErrorKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}

/// An error of the port: a kind, a sentence that says what was wrong and what to do, and where it happened.
///
/// Cheap to clone. Never holds a secret.
///
/// ```
/// use portolan_core::{Error, ErrorKind};
///
/// let error = Error::invalid("top_k is 0, and must be 1 to 10000").with_operation("search").with_index("companies");
/// assert_eq!(error.kind(), ErrorKind::InvalidArgument);
/// assert!(!error.is_retryable());
/// assert_eq!(error.to_string(), "invalid argument: top_k is 0, and must be 1 to 10000 (search, index companies)");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    retryable: bool,
    position: Option<usize>,
    operation: Option<&'static str>,
    index: Option<String>,
    provider: Option<String>,
    context: Vec<(&'static str, String)>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    retry_after: Option<Duration>,
    partial: Option<Partial>,
}

/// How far a call came that changes many records and ended midway; to repeat it is safe, and does what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Partial {
    /// How many records are known to be deleted.
    pub deleted: u64,
    /// Whether more may be: the last request has had no answer.
    pub maybe_more: bool,
}

impl Partial {
    /// That many records are deleted, and maybe more.
    pub fn new(deleted: u64, maybe_more: bool) -> Self {
        Self { deleted, maybe_more }
    }
}

impl Display for Partial {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.deleted, self.maybe_more) {
            (0, _) => f.write_str("some records may be deleted")?,
            (n, true) => write!(f, "{n} records are deleted, and maybe more")?,
            (n, false) => write!(f, "{n} records are deleted")?,
        }
        f.write_str("; it is safe to repeat")
    }
}

impl Error {
    /// An error of `kind`; retryable if the kind usually is.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            retryable: kind.is_retryable(),
            position: None,
            operation: None,
            index: None,
            provider: None,
            context: Vec::new(),
            source: None,
            retry_after: None,
            partial: None,
        }))
    }

    /// An [`ErrorKind::InvalidArgument`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// An [`ErrorKind::Unsupported`].
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// An [`ErrorKind::Closed`].
    pub fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the storage is closed; open it again")
    }

    /// An [`ErrorKind::NotFound`] for an index.
    pub fn no_index(index: &str) -> Self {
        Self::new(
            ErrorKind::NotFound,
            format!("there is no index {index:?}; create it first, or list the indexes"),
        )
        .with_index(index)
    }

    /// An [`ErrorKind::InvalidArgument`] for a number outside its range.
    pub fn out_of_range(field: &str, value: impl Display, low: impl Display, high: impl Display) -> Self {
        Self::invalid(format!("{field} is {value}, and must be {low} to {high}"))
    }

    /// Names the input position of the offending item.
    #[must_use]
    pub fn with_position(mut self, position: usize) -> Self {
        self.0.position.get_or_insert(position);
        self
    }

    /// Names the operation, if none is named yet.
    #[must_use]
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Names the index, if none is named yet.
    #[must_use]
    pub fn with_index(mut self, index: impl Into<String>) -> Self {
        self.0.index.get_or_insert_with(|| index.into());
        self
    }

    /// Names the provider, if none is named yet.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.0.provider.get_or_insert_with(|| provider.into());
        self
    }

    /// Adds a fact, such as the server's own code.
    #[must_use]
    pub fn with_context(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.context.push((key, value.into()));
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Overrides whether the same call may succeed when repeated.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// How long the server asks to wait.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// How far the call came.
    #[must_use]
    pub fn with_partial(mut self, partial: Partial) -> Self {
        self.0.partial = Some(partial);
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was wrong, without the kind and where it happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the same call may succeed when repeated.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The input position of the offending item, counted from 0.
    pub fn position(&self) -> Option<usize> {
        self.0.position
    }

    /// The operation that failed, such as `search`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The index the operation was about.
    pub fn index(&self) -> Option<&str> {
        self.0.index.as_deref()
    }

    /// The provider that answered.
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// Further facts, in the order they were added.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// How long the server asks to wait before a further attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How far the call came, where it changes many records and ended midway.
    pub fn partial(&self) -> Option<Partial> {
        self.0.partial
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let e = &self.0;
        write!(f, "{}: {}", e.kind, e.message)?;
        let place = [
            e.operation.map(str::to_owned),
            e.index.as_ref().map(|i| format!("index {i}")),
            e.position.map(|p| format!("item {p}")),
            e.provider.clone(),
        ];
        let facts = e.context.iter().map(|(k, v)| Some(format!("{k}: {v}")));
        let place: Vec<String> = place.into_iter().chain(facts).flatten().collect();
        if !place.is_empty() {
            write!(f, " ({})", place.join(", "))?;
        }
        self.0.partial.map_or(Ok(()), |partial| write!(f, "; {partial}"))
    }
}

impl Debug for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut s = f.debug_struct("Error");
        s.field("kind", &self.0.kind)
            .field("message", &self.to_string())
            .field("retryable", &self.0.retryable);
        if let Some(source) = &self.0.source {
            s.field("source", source);
        }
        s.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}
