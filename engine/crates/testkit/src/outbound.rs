//! The network and what egress has counted of it, as a test says it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::capability::Effective;
use inkstone_domain::outbound::{OutboundCounts, OutboundRequest, OutboundResponse};
use inkstone_domain::ports::{Egress, OutboundTally};
use inkstone_domain::{Error, Result, codes};
use tokio::sync::Notify;

/// Counts that are set by hand.
#[derive(Debug, Default)]
pub struct MemOutboundTally(Mutex<HashMap<String, OutboundCounts>>);

impl MemOutboundTally {
    pub fn set(&self, plugin: &str, counts: OutboundCounts) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(plugin.to_owned(), counts);
    }
}

impl OutboundTally for MemOutboundTally {
    fn counts(&self, plugin: &str) -> OutboundCounts {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(plugin).cloned().unwrap_or_default()
    }
}

/// A network in which one address answers.
#[derive(Default)]
pub struct FakeEgress {
    /// `None` where nothing is ever said.
    answers: Mutex<HashMap<String, Option<(u16, Bytes)>>>,
    sent: Mutex<Vec<OutboundRequest>>,
    given_up: Notify,
}

impl FakeEgress {
    /// What was asked of addresses that answer or hang, in order.
    pub fn sent(&self) -> Vec<OutboundRequest> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.clone()
    }

    /// From now on this address answers so; all others cannot be reached.
    pub fn will_answer(&self, url: &str, status: u16, body: impl Into<Bytes>) {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(url.to_owned(), Some((status, body.into())));
    }

    /// From now on this address takes what is sent, and says nothing.
    pub fn will_hang(&self, url: &str) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(url.to_owned(), None);
    }

    /// Whoever waits for an address that hangs has waited long enough.
    pub fn give_up(&self) {
        self.given_up.notify_waiters();
    }

    fn asked(&self, request: &OutboundRequest) -> Option<Option<(u16, Bytes)>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(&request.url).cloned()?;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(request.clone());
        Some(answer)
    }
}

#[async_trait]
impl Egress for FakeEgress {
    async fn send(
        &self,
        _plugin: &str,
        _powers: &Effective,
        request: OutboundRequest,
    ) -> Result<OutboundResponse> {
        let Some(answer) = self.asked(&request) else {
            return Err(Error::new(&codes::UPSTREAM_UNREACHABLE, "nobody is there"));
        };
        let Some((status, body)) = answer else {
            self.given_up.notified().await;
            return Err(Error::new(&codes::UPSTREAM_TIMEOUT, "nobody says anything"));
        };
        Ok(OutboundResponse {
            status,
            headers: Vec::new(),
            url: request.url,
            body: Box::pin(futures::stream::iter([Ok(body)])),
        })
    }
}
