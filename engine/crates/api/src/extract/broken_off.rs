//! Bodies that ended before they were read to their end: the client went away, or was too slow.

use inkstone_domain::{Error, codes};

use crate::steady::TooSlow;

/// The error of a body that could not be read.
pub(crate) fn broken_off(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let broken = match TooSlow::is_cause_of(&error) {
        true => Error::new(
            &codes::BODY_TOO_SLOW,
            "too little of the body came for too long; send it again over a faster connection, or a large file in pieces",
        ),
        false => Error::new(
            &codes::INVALID_INPUT,
            "the body ended before it was read to its end",
        ),
    };
    broken.with_source(error)
}
