//! What goes wrong here, and what it is called outside.

use std::time::Duration;

use inkstone_domain::{Error, codes};
use thiserror::Error as ThisError;

#[derive(Debug, ThisError)]
pub(crate) enum Fault {
    #[error("it did not answer within {0:?}")]
    Silent(Duration),
    #[error("it failed a moment ago and is left alone")]
    Resting,
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    #[error("it answered with `{0}`")]
    Nonsense(String),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::new(
            &codes::REDIS_UNAVAILABLE,
            "the Redis that engines share cannot be used now",
        )
        .with_source(fault)
    }
}
