//! HTTP as plugins see it: what egress is asked, and what it answers.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use crate::{Error, Result, codes};

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
    pub redirects: Redirects,
}

/// What becomes of an answer that sends the caller elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Redirects {
    /// It is followed, each step checked like the first.
    #[default]
    Follow,
    /// It is the answer, and nothing is sent anywhere else.
    Answer,
}

pub struct OutboundResponse {
    pub status: u16,
    /// Names in lower case. Hop-by-hop headers and cookies are not passed on.
    pub headers: Vec<(String, String)>,
    /// The address that answered, after redirects.
    pub url: String,
    pub body: BodyStream,
}

/// How much of a call's work an upstream has taken: it may bill for that, whatever becomes of the answer.
#[derive(Debug, Default)]
pub struct Handed(AtomicUsize);

impl Handed {
    /// A request is on its way. Whoever leaves it there leaves it with the upstream.
    pub fn begun(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// What was answered to it: a refusal by its status, and an upstream that was not reached, cost nothing.
    pub fn answered(&self, answer: &Result<OutboundResponse>) {
        let has_taken = match answer {
            Ok(response) => response.status < 400,
            Err(error) => is_late_or_broken(error),
        };
        if !has_taken {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether an upstream has something of it, or is about to.
    pub fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// After the connection was there.
fn is_late_or_broken(error: &Error) -> bool {
    let code = error.code();
    code == &codes::UPSTREAM_TIMEOUT || code == &codes::UPSTREAM_ERROR
}

/// Dropping it closes the connection.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>;

/// What became of a plugin's calls that its grants do not cover, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundCounts {
    /// What would be refused if egress were enforced, by address.
    pub audited: Vec<AuditedAddress>,
    /// What was refused, by reason.
    pub refused: Vec<RefusedReason>,
}

/// Calls to an address that no grant covers, let through in audit mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedAddress {
    /// `scheme://host:port`, as a grant is written, or `other`.
    pub address: String,
    pub methods: BTreeSet<String>,
    pub count: u64,
}

/// Calls that ended for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedReason {
    /// A word such as `not_granted`; the label of the metric.
    pub reason: &'static str,
    pub count: u64,
}
