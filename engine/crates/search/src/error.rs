//! What can go wrong in the index, and its one conversion at the border.

use std::time::Duration;

use inkstone_domain::{Error, codes};

const MIB: u64 = 1024 * 1024;

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
    #[error("the index is being filled")]
    Filling,
    #[error("the index has {size} bytes of {budget}")]
    NoRoom { size: u64, budget: u64 },
}

const RETRY_AFTER: Duration = Duration::from_secs(5);

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
            Self::NotFollowing | Self::Filling | Self::NoRoom { .. } => false,
        }
    }
}

impl From<SearchError> for Error {
    fn from(error: SearchError) -> Self {
        let message = match &error {
            SearchError::NoRoom { size, budget } => {
                let message = format!(
                    "a second index beside this one of {} MiB would take more than the {} MiB of \
                     `search.disk_mib`; raise that, or stop the engine and remove the folder of the index: \
                     it is built again at the next start",
                    size / MIB,
                    budget / MIB
                );
                return Error::new(&codes::CONFLICT, message);
            }
            SearchError::Filling => {
                "The search index is being built and finds nothing yet; try again later"
            }
            damaged if damaged.is_damage() => {
                "The search index cannot be read; it rebuilds itself; try again later"
            }
            _ => "The search index cannot be used now; try again later",
        };
        Error::new(&codes::SEARCH_UNAVAILABLE, message)
            .with_retry_after(Some(RETRY_AFTER))
            .with_source(error)
    }
}
