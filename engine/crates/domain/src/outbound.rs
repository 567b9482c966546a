//! HTTP as plugins see it: what egress is asked, and what it answers.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use crate::Result;

#[derive(Clone)]
pub struct OutboundRequest {
    /// Upper case.
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Bytes>,
    /// Name of a credential; attached by egress if the target is bound to it.
    pub credential: Option<String>,
    /// For the head of the response; egress has a ceiling of its own.
    pub timeout: Option<Duration>,
}

pub struct OutboundResponse {
    pub status: u16,
    /// Names in lower case. Hop-by-hop headers and cookies are not passed on.
    pub headers: Vec<(String, String)>,
    /// The address that answered, after redirects.
    pub url: String,
    pub body: BodyStream,
}

/// Dropping it closes the connection.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;
