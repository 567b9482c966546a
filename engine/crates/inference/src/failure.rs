//! Everything that can go wrong with a local model, and the one conversion into the product's
//! error. Messages name models and file names; whole paths stand in the source, for the log.

use std::path::{Path, PathBuf};

use inkstone_domain::{Error, codes};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("there is no local model `{asked}`; there is {known}")]
    UnknownModel { asked: String, known: String },
    #[error("the local model `{model}` cannot do this: {reason}")]
    WrongKind { model: String, reason: &'static str },
    #[error(
        "the file `{}` of the local model `{model}` is missing; `make setup` (or `cargo xtask setup`) fetches it, or name another under `[local_model]` in engine.toml",
        file_name(.path)
    )]
    Missing { model: String, path: PathBuf },
    #[error(
        "the local model `{model}` cannot be used: {reason}; `cargo xtask setup` fetches it anew, or name another under `[local_model]` in engine.toml"
    )]
    Unusable {
        model: String,
        reason: String,
        #[source]
        source: BoxError,
    },
    #[error("the local model `{model}` failed while it was running")]
    Broken {
        model: String,
        #[source]
        source: BoxError,
    },
    #[error("the local model `{model}` stopped unexpectedly; trying again may help")]
    Stopped { model: String },
    #[error(
        "the local model `{model}` is busy and {waiting} calls are waiting already; try again soon"
    )]
    Overloaded { model: String, waiting: usize },
    #[error(
        "the prompt has {tokens} tokens, and the local model `{model}` takes at most {limit}; shorten it"
    )]
    TooLong {
        model: String,
        tokens: usize,
        limit: usize,
    },
    #[error("{0}")]
    InvalidRequest(String),
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Failure {
    pub fn unusable(model: &str, reason: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Unusable {
            model: model.to_owned(),
            reason: reason.into(),
            source: source.into(),
        }
    }

    pub fn broken(model: &str, source: impl Into<BoxError>) -> Self {
        Self::Broken {
            model: model.to_owned(),
            source: source.into(),
        }
    }

    /// Tells a missing file from one that cannot be opened.
    pub fn opening(model: &str, path: &Path, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::NotFound {
            return Self::Missing {
                model: model.to_owned(),
                path: path.to_owned(),
            };
        }
        let reason = format!("the file `{}` cannot be read", file_name(path));
        Self::unusable(model, reason, source)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let code = match &failure {
            Failure::UnknownModel { .. } => &codes::UNKNOWN_MODEL,
            Failure::WrongKind { .. } => &codes::UNSUPPORTED,
            Failure::Missing { .. } | Failure::Unusable { .. } | Failure::Stopped { .. } => {
                &codes::MODEL_UNAVAILABLE
            }
            Failure::Broken { .. } => &codes::INTERNAL,
            Failure::Overloaded { .. } => &codes::OVERLOADED,
            Failure::TooLong { .. } => &codes::CONTEXT_TOO_LONG,
            Failure::InvalidRequest(_) => &codes::INVALID_INPUT,
        };
        let error = Error::new(code, failure.to_string());
        match failure {
            Failure::Unusable { source, .. } | Failure::Broken { source, .. } => {
                error.with_source(source)
            }
            Failure::Missing { path, .. } => {
                error.with_source(format!("no such file: {}", path.display()))
            }
            _ => error,
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_else(|| path.display().to_string())
}
