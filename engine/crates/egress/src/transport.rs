//! HTTP clients, made one way: no proxies from the environment, no redirects and no decompression of
//! reqwest's own, and roots of trust from the system or, where it has none, Mozilla's.

use std::time::Duration;

use inkstone_domain::{Error, Result, codes};
use reqwest::{Certificate, Client, ClientBuilder, redirect};

use crate::config::EgressConfig;
use crate::resolve::GuardedResolver;

const IDLE_CONNECTION: Duration = Duration::from_secs(60);
const IDLE_CONNECTIONS_PER_HOST: usize = 32;

/// A client whose connections only ever lead where its resolver's door allows. Bodies come as they
/// are sent; undoing their compression is counted elsewhere.
pub(crate) fn guarded_client(config: &EgressConfig, resolver: GuardedResolver) -> Result<Client> {
    let max_header_bytes = u32::try_from(config.max_response_header_bytes).unwrap_or(u32::MAX);
    let resolver = std::sync::Arc::new(resolver);
    built(|| {
        plain_builder()
            .dns_resolver(std::sync::Arc::clone(&resolver))
            .connect_timeout(config.connect_timeout)
            .user_agent(&config.user_agent)
            .http1_max_headers(config.max_response_headers)
            .http2_max_header_list_size(max_header_bytes)
            .no_gzip()
            .no_brotli()
    })
}

/// A client for our own engine.
pub(crate) fn unguarded_client(user_agent: &str, connect_timeout: Duration) -> Result<Client> {
    built(|| {
        plain_builder()
            .connect_timeout(connect_timeout)
            .user_agent(user_agent)
    })
}

fn plain_builder() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST)
}

/// Building fails where the system has no certificate store, as in a bare container.
fn built(builder: impl Fn() -> ClientBuilder) -> Result<Client> {
    if let Ok(client) = builder().build() {
        return Ok(client);
    }
    let roots: Vec<Certificate> = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect();
    builder().tls_certs_only(roots).build().map_err(|error| {
        Error::new(
            &codes::INTERNAL,
            "the HTTP client cannot be made; look at the log for the reason",
        )
        .with_source(error)
    })
}
