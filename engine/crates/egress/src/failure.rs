//! Everything that can go wrong on the way out, and the one conversion into the product's error.
//! Messages name hosts, never query strings and never secrets.

use std::error::Error as StdError;
use std::net::IpAddr;
use std::time::Duration;

use inkstone_domain::{Error, codes};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the request is not valid: {0}")]
    InvalidRequest(String),
    #[error(
        "the plugin `{plugin}` may not reach {address}; if it should, let an admin add \"{address}\" to `grants.outbound_hosts` of this plugin in plugins.toml (its manifest has to ask for it, too)"
    )]
    NotGranted { plugin: String, address: String },
    #[error(
        "{address} leads to {ip} ({network}), which plugins may not reach unless it is named exactly; if `{plugin}` should reach it, let an admin add \"{address}\" to `grants.outbound_hosts` of this plugin in plugins.toml"
    )]
    RefusedNetwork {
        plugin: String,
        address: String,
        ip: IpAddr,
        network: &'static str,
    },
    #[error(
        "the plugin `{plugin}` may not use the credential `{name}`; if it should, let an admin add \"{name}\" to `grants.credentials` of this plugin in plugins.toml (its manifest has to ask for it, too)"
    )]
    CredentialNotGranted { plugin: String, name: String },
    #[error("there is no credential `{name}`; define it under `credentials` in engine.toml")]
    UnknownCredential { name: String },
    #[error(
        "the credential `{name}` is not bound to {address}; if it should be sent there, let an admin add \"{address}\" to its `hosts` in engine.toml"
    )]
    CredentialNotBound { name: String, address: String },
    #[error("{address} cannot be reached; see that the address is right and that it is up")]
    Unreachable {
        address: String,
        #[source]
        source: BoxError,
    },
    #[error("{address} did not answer within {} ms", .after.as_millis())]
    NoAnswer { address: String, after: Duration },
    #[error("{address} sent nothing more for {} ms", .after.as_millis())]
    Stalled { address: String, after: Duration },
    #[error("the connection to {address} broke off before the answer was complete")]
    Broken {
        address: String,
        #[source]
        source: BoxError,
    },
    #[error("{address} redirected more than {limit} times")]
    TooManyRedirects { address: String, limit: u32 },
    #[error("{address} redirected to an address that is not valid")]
    InvalidRedirect { address: String },
    #[error(
        "the {what} for {address} is larger than the limit of {limit_bytes} bytes; `{key}` in [egress] of engine.toml sets it"
    )]
    RequestTooLarge {
        /// Such as `body`.
        what: &'static str,
        address: String,
        limit_bytes: u64,
        key: &'static str,
    },
    #[error("the answer of {address} is larger than the limit of {limit_bytes} bytes")]
    TooLarge { address: String, limit_bytes: u64 },
    #[error(
        "the answer of {address} has more headers than the limits allow, {max_headers} of them or {limit_bytes} bytes"
    )]
    HeadersTooLarge {
        address: String,
        max_headers: usize,
        limit_bytes: usize,
    },
    #[error(
        "the compressed answer of {address} grows to more than {ratio} times its size; `max_decompression_ratio` in [egress] of engine.toml sets the limit"
    )]
    Inflated { address: String, ratio: u64 },
    #[error("{address} answered in the encoding `{encoding}`, which was not asked for")]
    UnknownEncoding { address: String, encoding: String },
    #[error("the answer of {address} is damaged: its compression cannot be undone")]
    Damaged {
        address: String,
        #[source]
        source: BoxError,
    },
    #[error("the answer of {address} was not complete within {} ms", .after.as_millis())]
    TooSlow { address: String, after: Duration },
    #[error(transparent)]
    Fault(#[from] Error),
}

impl Failure {
    /// The word under which a refusal is counted; `None` where the fault is the network's.
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest(_) => Some("invalid_request"),
            Self::NotGranted { .. } => Some("not_granted"),
            Self::RefusedNetwork { .. } => Some("refused_network"),
            Self::CredentialNotGranted { .. } => Some("credential_not_granted"),
            Self::UnknownCredential { .. } => Some("unknown_credential"),
            Self::CredentialNotBound { .. } => Some("credential_not_bound"),
            Self::TooManyRedirects { .. } => Some("too_many_redirects"),
            Self::InvalidRedirect { .. } => Some("invalid_redirect"),
            Self::RequestTooLarge { .. } => Some("request_too_large"),
            Self::TooLarge { .. } => Some("response_too_large"),
            Self::HeadersTooLarge { .. } => Some("response_headers_too_large"),
            Self::Inflated { .. } => Some("decompression_ratio"),
            Self::UnknownEncoding { .. } => Some("unknown_encoding"),
            Self::NoAnswer { .. } | Self::Stalled { .. } | Self::TooSlow { .. } => Some("timeout"),
            Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Damaged { .. }
            | Self::Fault(_) => None,
        }
    }
}

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        let code = match &failure {
            Failure::InvalidRequest(_) | Failure::RequestTooLarge { .. } => &codes::INVALID_INPUT,
            Failure::NotGranted { .. } | Failure::RefusedNetwork { .. } => &codes::EGRESS_DENIED,
            Failure::CredentialNotGranted { .. }
            | Failure::UnknownCredential { .. }
            | Failure::CredentialNotBound { .. } => &codes::CREDENTIAL_DENIED,
            Failure::Unreachable { .. } => &codes::UPSTREAM_UNREACHABLE,
            Failure::NoAnswer { .. } | Failure::Stalled { .. } | Failure::TooSlow { .. } => {
                &codes::UPSTREAM_TIMEOUT
            }
            Failure::Broken { .. }
            | Failure::Damaged { .. }
            | Failure::TooManyRedirects { .. }
            | Failure::InvalidRedirect { .. }
            | Failure::TooLarge { .. }
            | Failure::HeadersTooLarge { .. }
            | Failure::Inflated { .. }
            | Failure::UnknownEncoding { .. } => &codes::UPSTREAM_ERROR,
            Failure::Fault(_) => &codes::INTERNAL,
        };
        let error = Error::new(code, message);
        match failure {
            Failure::Fault(error) => error,
            Failure::Unreachable { source, .. }
            | Failure::Broken { source, .. }
            | Failure::Damaged { source, .. } => error.with_source(source),
            _ => error,
        }
    }
}
