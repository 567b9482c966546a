//! What can go wrong on the way from source to package.

use std::path::{Path, PathBuf};

use inkstone_config::ConfigError;
use inkstone_domain::{Error, codes};

/// A fault of building or packaging; its text says what would help.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("{0}")]
    Manifest(#[from] ConfigError),
    #[error("no compiler for wasm32-unknown-unknown was found: {0}")]
    NoToolchain(String),
    #[error("`{program}` cannot be started: {source}")]
    Start {
        program: String,
        source: std::io::Error,
    },
    #[error("{what} failed; its own words stand above")]
    Failed { what: String },
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {why}", path.display())]
    Rejected { path: PathBuf, why: String },
}

impl PackageError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    pub(crate) fn rejected(path: &Path, why: impl Into<String>) -> Self {
        Self::Rejected {
            path: path.to_owned(),
            why: why.into(),
        }
    }
}

impl From<PackageError> for Error {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::Manifest(error) => error.into(),
            PackageError::Rejected { .. } => Self::new(&codes::PLUGIN_REJECTED, error.to_string()),
            _ => Self::new(&codes::UNSUPPORTED, error.to_string()),
        }
    }
}
