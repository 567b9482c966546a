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
    #[error("the answer of {address} is larger than the limit of {limit_bytes} bytes")]
    TooLarge { address: String, limit_bytes: u64 },
}

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        let code = match &failure {
            Failure::InvalidRequest(_) => &codes::INVALID_INPUT,
            Failure::NotGranted { .. } | Failure::RefusedNetwork { .. } => &codes::EGRESS_DENIED,
            Failure::CredentialNotGranted { .. }
            | Failure::UnknownCredential { .. }
            | Failure::CredentialNotBound { .. } => &codes::CREDENTIAL_DENIED,
            Failure::Unreachable { .. } => &codes::UPSTREAM_UNREACHABLE,
            Failure::NoAnswer { .. } | Failure::Stalled { .. } => &codes::UPSTREAM_TIMEOUT,
            Failure::Broken { .. }
            | Failure::TooManyRedirects { .. }
            | Failure::InvalidRedirect { .. }
            | Failure::TooLarge { .. } => &codes::UPSTREAM_ERROR,
        };
        let error = Error::new(code, message);
        match failure {
            Failure::Unreachable { source, .. } | Failure::Broken { source, .. } => {
                error.with_source(source)
            }
            _ => error,
        }
    }
}
