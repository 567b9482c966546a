//! What egress is told at start. Plain values with defaults; reading files is the config crate's work.

use std::time::Duration;

use inkstone_domain::capability::OutboundHost;

use crate::secret::Secret;

/// Limits of outgoing calls, and the credentials that may be attached to them.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    pub credentials: Vec<CredentialBinding>,
    /// For name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// For the head of the response, redirects included. A plugin may ask for less, never for more.
    pub head_timeout: Duration,
    /// Between two pieces of a body.
    pub idle_timeout: Duration,
    /// Hops that are followed before the call fails.
    pub max_redirects: u32,
    /// Of one body, after decompression.
    pub max_response_bytes: u64,
    pub user_agent: String,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            credentials: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(120),
            max_redirects: 5,
            max_response_bytes: 64 * 1024 * 1024,
            user_agent: concat!("inkstone/", env!("CARGO_PKG_VERSION")).to_owned(),
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
