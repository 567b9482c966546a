//! The only door to the network: [`HttpEgress`] sends what plugins ask for, after checking the
//! target against their powers, and attaches credentials by name. [`client::ApiClient`] is the
//! plain client with which the command line talks to an engine; it stands here because reqwest may
//! stand nowhere else.

pub mod client;
mod config;
mod credentials;
mod failure;
mod headers;
mod networks;
mod policy;
mod redact;
mod redirect;
mod resolve;
mod response;
mod secret;
mod send;
mod transport;

pub use config::{CredentialBinding, EgressConfig};
pub use secret::Secret;
pub use send::HttpEgress;
