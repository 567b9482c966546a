//! What egress is told at start. Plain values with defaults; reading files is the config crate's work.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::capability::OutboundHost;

use crate::resolve::{NameResolver, SystemResolver};
use crate::secret::Secret;

/// Limits of outgoing calls, and the credentials that may be attached to them.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    pub mode: EgressMode,
    pub credentials: Vec<CredentialBinding>,
    /// For name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// For the head of the response, redirects included. A plugin may ask for less, never for more.
    pub head_timeout: Duration,
    /// Between two pieces of a body.
    pub idle_timeout: Duration,
    /// For a whole call, from its beginning to the end of the response's body.
    pub total_timeout: Duration,
    /// Hops that are followed before the call fails.
    pub max_redirects: u32,
    /// Of the URL and all headers that a plugin sends.
    pub max_request_header_bytes: usize,
    /// Of the body that a plugin sends.
    pub max_request_bytes: u64,
    /// How many headers an answer may have.
    pub max_response_headers: usize,
    /// Of all headers of an answer.
    pub max_response_header_bytes: usize,
    /// Of one body, after decompression.
    pub max_response_bytes: u64,
    /// How many times its compressed size a body may grow to, once it is longer than one MiB.
    pub max_decompression_ratio: u64,
    pub user_agent: String,
    /// How names become addresses.
    pub resolver: Arc<dyn NameResolver>,
}

/// What becomes of a call that no grant covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EgressMode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is counted and let through. Refused networks and credentials stay as they are.
    Audit,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            mode: EgressMode::Enforce,
            credentials: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(120),
            total_timeout: Duration::from_secs(1800),
            max_redirects: 5,
            max_request_header_bytes: 64 * 1024,
            max_request_bytes: 64 * 1024 * 1024,
            max_response_headers: 100,
            max_response_header_bytes: 64 * 1024,
            max_response_bytes: 64 * 1024 * 1024,
            max_decompression_ratio: 100,
            user_agent: concat!("inkstone/", env!("CARGO_PKG_VERSION")).to_owned(),
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// A secret, and where it may be sent.
#[derive(Debug, Clone)]
pub struct CredentialBinding {
    /// As plugins name it.
    pub name: String,
    /// The header that carries it.
    pub header: String,
    /// Before the secret, such as `Bearer ` with its blank.
    pub prefix: String,
    pub secret: Secret,
    /// The only targets that ever see it.
    pub hosts: Vec<OutboundHost>,
}

impl CredentialBinding {
    /// A bearer token in the `authorization` header.
    pub fn bearer(name: impl Into<String>, secret: Secret, hosts: Vec<OutboundHost>) -> Self {
        Self {
            name: name.into(),
            header: "authorization".to_owned(),
            prefix: "Bearer ".to_owned(),
            secret,
            hosts,
        }
    }
}
