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
    #[error("a stored document lacks `{0}`")]
    Document(&'static str),
    #[error("the index follower is not running")]
    NotFollowing,
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        Error::new(
            &codes::SEARCH_UNAVAILABLE,
            "The search index cannot be used now; it rebuilds itself when the engine restarts",
        )
        .with_source(error)
    }
}
