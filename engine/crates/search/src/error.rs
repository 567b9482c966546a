//! What can go wrong in the index, and its one conversion at the border.

use inkstone_domain::{Error, codes};

#[derive(Debug, thiserror::Error)]
pub(crate) enum SearchError {
    #[error("tantivy: {0}")]
    Tantivy(#[from] tantivy::TantivyError),
    #[error("index folder: {0}")]
    Folder(#[from] std::io::Error),
    #[error("a search task ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error("a search panicked")]
    Panicked,
    #[error("a stored document lacks `{0}`")]
    Document(&'static str),
    #[error("the index follower is not running")]
    NotFollowing,
}

impl SearchError {
    /// The index is at fault, not the query or the moment.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Tantivy(error) => !matches!(
                error,
                tantivy::TantivyError::InvalidArgument(_) | tantivy::TantivyError::LockFailure(..)
            ),
            Self::Folder(_) | Self::Document(_) | Self::Panicked => true,
            Self::Task(error) => error.is_panic(),
            Self::NotFollowing => false,
        }
    }
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        Error::new(
            &codes::SEARCH_UNAVAILABLE,
            "The search index cannot be used now; it rebuilds itself; try again later",
        )
        .with_source(error)
    }
}
