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
    #[error("the index did not catch up within {0:?}")]
    Behind(std::time::Duration),
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        let message = match &error {
            SearchError::Behind(_) => {
                "The search index is behind; what you wrote is safe and will be found soon"
            }
            _ => "The search index cannot be used now; it rebuilds itself when the engine restarts",
        };
        Error::new(&codes::SEARCH_UNAVAILABLE, message).with_source(error)
    }
}
