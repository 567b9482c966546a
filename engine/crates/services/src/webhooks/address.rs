//! Where webhooks may be: public addresses over TLS, and what the admin allows beside them.

use inkstone_domain::Result;
use inkstone_domain::capability::{Effective, OutboundHost, Permissions};
use url::Url;

/// What the door to the network is asked with.
pub(super) struct Addresses {
    pub powers: Effective,
}

impl Addresses {
    /// Names resolve to public addresses only, unless `allowed` names the very origin.
    pub fn new(allowed: &[OutboundHost]) -> Result<Self> {
        let mut hosts = allowed.to_vec();
        hosts.push("https://*:*".parse()?);
        Ok(Self {
            powers: Effective {
                permissions: Permissions {
                    outbound_hosts: hosts,
                    ..Permissions::default()
                },
            },
        })
    }

    /// Why it is no address for a webhook. What its name leads to shows when it is told.
    pub fn check(&self, url: &str) -> std::result::Result<(), String> {
        let parsed = Url::parse(url).map_err(|error| format!("is no URL: {error}"))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err("must have no user name and no password".to_owned());
        }
        if parsed.fragment().is_some() {
            return Err("must have no fragment".to_owned());
        }
        let host = parsed.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = parsed.port_or_known_default().unwrap_or_default();
        match self.powers.allows(parsed.scheme(), host, port, "POST") {
            true => Ok(()),
            false => Err(
                "must begin with `https://`; an admin allows others by `[webhooks] allowed_origins`"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_or_named() {
        let addresses = Addresses::new(&["http://127.0.0.1:9000".parse().unwrap()]).unwrap();
        for (url, is_allowed) in [
            ("https://example.org/hook?a=b", true),
            ("https://example.org:8443/", true),
            ("http://127.0.0.1:9000/hook", true),
            ("http://127.0.0.1:9001/hook", false),
            ("http://example.org/", false),
            ("ftp://example.org/", false),
            ("https://user@example.org/", false),
            ("https://example.org/#a", false),
            ("example.org", false),
            ("", false),
        ] {
            assert_eq!(addresses.check(url).is_ok(), is_allowed, "{url}");
        }
    }
}
