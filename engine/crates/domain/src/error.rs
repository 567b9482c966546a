//! The one error of the product: a closed kind, a stable public code, a message that may be shown
//! and says what would help, and a source that is only ever logged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::allowance::RateInfo;
use crate::codes::Code;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong. Closed and small: the API maps each kind to one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// 400: the request itself is wrong; repeating it unchanged cannot help.
    InvalidInput,
    /// 401: no valid identity was shown.
    Unauthenticated,
    /// 403: the identity is known and may not do this.
    Forbidden,
    /// 404
    NotFound,
    /// 409: it clashes with the present state.
    Conflict,
    /// 412: `If-Match` names another version.
    PreconditionFailed,
    /// 413
    TooLarge,
    /// 429
    RateLimited,
    /// 499: the caller went away or asked to stop.
    Cancelled,
    /// 500: a fault of ours or of a plugin.
    Internal,
    /// 502: an upstream answered with an error or with nonsense.
    Upstream,
    /// 503: something needed is down, full or shutting down.
    Unavailable,
    /// 504: a deadline passed.
    Timeout,
}

/// One wrong field of an input.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the value.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: &'static Code,
    message: String,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    upstream_code: Option<String>,
    rate: Option<RateInfo>,
    revision: Option<u64>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// `message` may be shown to anybody: no secrets, and say what would help.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            fields: Vec::new(),
            retry_after: None,
            upstream_code: None,
            rate: None,
            revision: None,
            source: None,
        }))
    }

    /// What led here. Logged, never shown.
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.0.fields = fields;
        self
    }

    pub fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    /// The code that a provider's own upstream gave, such as `insufficient_quota`. It may be shown.
    pub fn with_upstream_code(mut self, code: Option<String>) -> Self {
        self.0.upstream_code = code;
        self
    }

    /// What is left of the rates that hold for the caller.
    pub fn with_rate(mut self, rate: RateInfo) -> Self {
        self.0.rate = Some(rate);
        self
    }

    /// The revision that is stored, where the caller meant another.
    pub fn with_revision(mut self, revision: Option<u64>) -> Self {
        self.0.revision = revision;
        self
    }

    /// Puts words before the message: `context: message`.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.0.code.kind
    }

    /// The stable public code, such as `unknown_model`.
    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The upstream's own code, where a provider told it. Ours is [`Error::code`].
    pub fn upstream_code(&self) -> Option<&str> {
        self.0.upstream_code.as_deref()
    }

    /// Where the caller's own rates were asked.
    pub fn rate(&self) -> Option<&RateInfo> {
        self.0.rate.as_ref()
    }

    /// Of `revision_mismatch`, where it is known.
    pub fn revision(&self) -> Option<u64> {
        self.0.revision
    }

    /// Whether the same call may succeed later without a change by the caller.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::RateLimited
                | ErrorKind::Upstream
                | ErrorKind::Unavailable
                | ErrorKind::Timeout
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.0.message, self.0.code.name)
    }
}

/// For logs: the message, the code and the whole chain of sources.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
