//! The only door to the network: [`HttpEgress`] sends what plugins ask for, after checking the
//! target against their powers, and attaches credentials by name. [`client::ApiClient`] is the
//! plain client with which the command line talks to an engine; it stands here because reqwest may
//! stand nowhere else.

pub mod client;
mod config;
mod credentials;
mod decode;
mod failure;
mod forms;
mod headers;
mod networks;
pub mod packages;
mod policy;
mod pools;
mod redact;
mod redirect;
mod resolve;
mod response;
mod scrubber;
mod secret;
mod send;
mod tally;
mod transport;

pub use config::{CredentialBinding, EgressConfig, EgressMode};
pub use resolve::{NameResolver, SystemResolver};
pub use scrubber::Scrubber;
pub use secret::Secret;
pub use send::HttpEgress;
