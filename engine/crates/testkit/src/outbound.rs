//! The network and what egress has counted of it, as a test says it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::capability::Effective;
use inkstone_domain::outbound::{OutboundCounts, OutboundRequest, OutboundResponse};
use inkstone_domain::ports::{Egress, OutboundTally};
use inkstone_domain::{Error, Result, codes};

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
    answers: Mutex<HashMap<String, (u16, Bytes)>>,
    sent: Mutex<Vec<OutboundRequest>>,
}

impl FakeEgress {
    /// What was asked of addresses that answer, in order.
    pub fn sent(&self) -> Vec<OutboundRequest> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.clone()
    }

    /// From now on this address answers so; all others cannot be reached.
    pub fn will_answer(&self, url: &str, status: u16, body: impl Into<Bytes>) {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(url.to_owned(), (status, body.into()));
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
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((status, body)) = answers.get(&request.url).cloned() else {
            return Err(Error::new(&codes::UPSTREAM_UNREACHABLE, "nobody is there"));
        };
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(request.clone());
        Ok(OutboundResponse {
            status,
            headers: Vec::new(),
            url: request.url,
            body: Box::pin(futures::stream::iter([Ok(body)])),
        })
    }
}
