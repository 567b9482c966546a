//! Answers that are kept: in the cache, and for callers who ask again with the same `Idempotency-Key`.
//! What is in them is the business of the gateway.

use bytes::Bytes;
use chrono::{DateTime, Utc};

/// An answer in the cache.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedReply {
    /// Whose cache it is; nobody finds what is in another's.
    pub scope: String,
    /// SHA-256 of the request, hex.
    pub key: String,
    pub body: Bytes,
    /// What the request means, for those that mean the same. Unit length.
    pub meaning: Option<Meaning>,
    pub stored_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A request as a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// Everything of the request but the words that are compared, as SHA-256, hex: only requests that
    /// agree in it can mean the same.
    pub frame: String,
    pub vector: Vec<f32>,
}

/// Someone who calls with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose key it is.
    pub scope: String,
    pub key: String,
    /// SHA-256 of the request, hex: the same key with another request is a fault.
    pub digest: String,
    /// Who works on it: `engine/call`, so that a call that comes to itself late cannot answer for the
    /// next one of its engine.
    pub holder: String,
    /// Until when nobody else may begin, unless it is renewed.
    pub lease_until: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The call may be made.
    Mine,
    /// Somebody else is at it.
    Busy,
    /// It was made before; this was the answer.
    Done(Bytes),
    /// The key was used for another request.
    OtherRequest,
}
