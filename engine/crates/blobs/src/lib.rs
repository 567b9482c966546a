//! [`BlobStore`](inkstone_domain::ports::BlobStore) twice: in a folder, and in a bucket of a server that
//! speaks S3. What the bytes are, and whose, stands in records elsewhere.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod local;
mod s3;

pub use local::LocalBlobs;
pub use s3::{S3Blobs, S3Config};

use inkstone_domain::{Error, codes};

/// `media_unavailable`; `source` is logged.
fn unavailable(
    message: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(&codes::MEDIA_UNAVAILABLE, message).with_source(source)
}
