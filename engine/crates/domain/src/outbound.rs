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
pub struct Handed {
    requests: AtomicUsize,
    body_bytes: AtomicUsize,
}

impl Handed {
    /// A request with a body of so many bytes is on its way. Whoever leaves it there leaves it with the upstream.
    pub fn begun(&self, body_bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.body_bytes.fetch_add(body_bytes, Ordering::Relaxed);
    }

    /// What was answered to it: a refusal by its status, and an upstream that was not reached, cost nothing.
    pub fn answered(&self, body_bytes: usize, answer: &Result<OutboundResponse>) {
        let has_taken = match answer {
            Ok(response) => response.status < 400,
            Err(error) => is_late_or_broken(error),
        };
        if !has_taken {
            self.requests.fetch_sub(1, Ordering::Relaxed);
            self.body_bytes.fetch_sub(body_bytes, Ordering::Relaxed);
        }
    }

    /// Whether an upstream has something of it, or is about to.
    pub fn is_taken(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    /// Of the bodies that an upstream has. A call in several requests may have ended after the first.
    pub fn body_bytes(&self) -> usize {
        self.body_bytes.load(Ordering::Relaxed)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Result<OutboundResponse> {
        Ok(OutboundResponse {
            status,
            headers: Vec::new(),
            url: String::new(),
            body: Box::pin(futures::stream::empty()),
        })
    }

    #[test]
    fn an_upstream_has_what_it_did_not_refuse() {
        let late = || Err(Error::new(&codes::UPSTREAM_TIMEOUT, "late"));
        let far = || Err(Error::new(&codes::UPSTREAM_UNREACHABLE, "far"));
        let handed = Handed::default();
        let mut taken = Vec::new();
        for (bytes, answer) in [
            (1, answer(500)),
            (10, answer(200)),
            (100, far()),
            (1_000, late()),
            (10_000, answer(429)),
        ] {
            handed.begun(bytes);
            assert!(handed.is_taken(), "it is on its way");
            handed.answered(bytes, &answer);
            taken.push((handed.is_taken(), handed.body_bytes()));
        }
        let none = (false, 0);
        assert_eq!(
            taken,
            [none, (true, 10), (true, 10), (true, 1_010), (true, 1_010)]
        );
    }
}
