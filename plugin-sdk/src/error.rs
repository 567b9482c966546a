//! The one error of the contract and short ways to make it. Messages may be shown to end users: they say what
//! would help, and never hold a secret.

pub use crate::bindings::imports::inkstone::plugin::types::{Error, ErrorKind};

/// What nearly every function of the SDK returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(ErrorKind::$kind, message)
        })*
    };
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after_ms: None,
            upstream_status: None,
            code: None,
        }
    }

    constructors! {
        /// The request itself is wrong; repeating it unchanged cannot help.
        invalid_input => InvalidInput;
        /// The upstream refused the credential, or there was none.
        unauthorized => Unauthorized;
        /// The plugin, or the caller, lacks the right.
        forbidden => Forbidden;
        /// What was named does not exist.
        not_found => NotFound;
        /// It clashes with the present state.
        conflict => Conflict;
        /// Too many requests.
        rate_limited => RateLimited;
        /// A deadline passed.
        timeout => Timeout;
        /// The upstream answered with an error or with nonsense.
        upstream => Upstream;
        /// The upstream cannot be reached, or is overloaded.
        unavailable => Unavailable;
        /// The caller went away, or asked to stop.
        cancelled => Cancelled;
        /// This plugin or model cannot do what was asked; name the field.
        unsupported => Unsupported;
        /// A fault of the plugin.
        internal => Internal;
    }

    /// Milliseconds to wait before another try.
    pub fn with_retry_after_ms(mut self, milliseconds: u32) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }

    /// The upstream's HTTP status.
    pub fn with_upstream_status(mut self, status: u16) -> Self {
        self.upstream_status = Some(status);
        self
    }

    /// The upstream's own code, such as `insufficient_quota`: a short word of letters, digits and `_.:-`. Clients of
    /// the OpenAI-compatible routes see it.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Says what was being done: `context: message`.
    pub fn context(mut self, context: impl AsRef<str>) -> Self {
        self.message = format!("{}: {}", context.as_ref(), self.message);
        self
    }
}

/// JSON that the plugin itself made or chose is a fault of the plugin. For JSON from elsewhere use [`crate::json`].
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(format!("JSON: {error}"))
    }
}
