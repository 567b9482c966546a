//! The world outside: network and time.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::capability::Effective;
use crate::outbound::{OutboundRequest, OutboundResponse};

/// The only door to the network. Checks the target against the powers, refuses private networks
/// that no grant names exactly, and attaches credentials by name.
#[async_trait]
pub trait Egress: Send + Sync {
    async fn send(
        &self,
        plugin: &str,
        powers: &Effective,
        request: OutboundRequest,
    ) -> Result<OutboundResponse>;
}

/// Wall-clock time, injected so that tests can move it.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
