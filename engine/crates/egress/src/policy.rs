//! Whether a plugin may reach an address. Pure checks, tested as a table; nothing here resolves
//! names or opens connections.

use std::net::IpAddr;

use inkstone_domain::capability::Effective;
use url::{Host, Url};

use crate::failure::Failure;
use crate::networks::{Network, network_of};

/// A target whose form has been checked: http or https, with a host, without user name and fragment.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub url: Url,
    /// Lower case, IPv6 without brackets.
    pub host: String,
    pub port: u16,
}

/// By which door a permitted target is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Names must resolve to public addresses.
    Public,
    /// The grant names this very host, so it may lie in a private network.
    Named,
}

impl Target {
    pub fn parse(url: &str) -> Result<Self, Failure> {
        let url = Url::parse(url)
            .map_err(|error| Failure::InvalidRequest(format!("the URL is wrong: {error}")))?;
        Self::of(url)
    }

    pub fn of(mut url: Url) -> Result<Self, Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::InvalidRequest(format!(
                "`{}:` is neither http nor https",
                url.scheme()
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::InvalidRequest(
                "a URL must not carry a user name or password; use a credential".to_owned(),
            ));
        }
        url.set_fragment(None);
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            None => return Err(Failure::InvalidRequest("the URL has no host".to_owned())),
        };
        let port = url
            .port_or_known_default()
            .ok_or_else(|| Failure::InvalidRequest("the URL has no port".to_owned()))?;
        Ok(Self { url, host, port })
    }

    /// `scheme://host:port`, as grants are written. Safe to show: neither path nor query.
    pub fn address(&self) -> String {
        let scheme = self.url.scheme();
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{}", self.host, self.port)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }

    pub fn same_origin(&self, other: &Self) -> bool {
        self.url.scheme() == other.url.scheme()
            && self.host == other.host
            && self.port == other.port
    }
}

/// Checks a target against the powers, and addresses written as numbers against the networks.
/// Names are checked again when they are resolved.
pub(crate) fn admit(
    plugin: &str,
    powers: &Effective,
    target: &Target,
    method: &str,
) -> Result<Door, Failure> {
    let scheme = target.url.scheme();
    if !powers.allows(scheme, &target.host, target.port, method) {
        return Err(Failure::NotGranted {
            plugin: plugin.to_owned(),
            address: target.address(),
        });
    }
    if powers.names_exactly(scheme, &target.host, target.port, method) {
        return Ok(Door::Named);
    }
    beyond_grants(plugin, target)
}

/// The check of the networks alone, for what no grant names.
pub(crate) fn beyond_grants(plugin: &str, target: &Target) -> Result<Door, Failure> {
    if let Ok(ip) = target.host.parse::<IpAddr>()
        && let Network::Private(network) | Network::Special(network) = network_of(ip)
    {
        return Err(Failure::RefusedNetwork {
            plugin: plugin.to_owned(),
            address: target.address(),
            ip,
            network,
        });
    }
    Ok(Door::Public)
}

#[cfg(test)]
mod tests {
    use inkstone_domain::capability::Permissions;

    use super::*;

    fn powers(hosts: &[&str]) -> Effective {
        Effective {
            permissions: Permissions {
                outbound_hosts: hosts.iter().map(|text| text.parse().expect(text)).collect(),
                ..Permissions::default()
            },
        }
    }

    #[test]
    fn targets_are_admitted_by_grant_and_network() {
        let any = powers(&["*://*:*"]);
        let named = powers(&[
            "http://127.0.0.1:8080",
            "https://api.example.org",
            "http://[::1]:1",
        ]);
        for (powers, url, want) in [
            (&any, "https://example.org/a?b", "public"),
            (&any, "http://8.8.8.8/", "public"),
            (&any, "http://127.0.0.1/", "network"),
            (&any, "http://2130706433/", "network"),
            (&any, "http://0x7f.1/", "network"),
            (&any, "http://0177.0.0.1/", "network"),
            (&any, "http://[::1]/", "network"),
            (&any, "http://[::ffff:10.0.0.1]/", "network"),
            (&any, "http://169.254.169.254/latest/meta-data", "network"),
            (&any, "ftp://example.org/", "invalid"),
            (&any, "file:///etc/passwd", "invalid"),
            (&any, "data:text/plain,x", "invalid"),
            (&any, "https://user@example.org/", "invalid"),
            (&any, "https://u:p@example.org/", "invalid"),
            (&any, "example.org", "invalid"),
            (&named, "http://127.0.0.1:8080/x", "named"),
            (&named, "http://[::1]:1/x", "named"),
            (&named, "http://127.0.0.1:8081/x", "not granted"),
            (&named, "https://api.example.org/", "named"),
            (&named, "https://API.example.org./", "not granted"),
            (&named, "https://API.EXAMPLE.org/", "named"),
            (&named, "http://api.example.org/", "not granted"),
            (&named, "https://evil.org/api.example.org", "not granted"),
        ] {
            let got = match Target::parse(url).and_then(|target| admit("p", powers, &target, "GET"))
            {
                Ok(Door::Public) => "public",
                Ok(Door::Named) => "named",
                Err(Failure::InvalidRequest(_)) => "invalid",
                Err(Failure::NotGranted { .. }) => "not granted",
                Err(Failure::RefusedNetwork { .. }) => "network",
                Err(other) => panic!("{url}: {other}"),
            };
            assert_eq!(got, want, "{url}");
        }
    }

    #[test]
    fn an_address_is_what_a_grant_says() {
        for (url, want) in [
            (
                "https://Example.org/a?secret=1#f",
                "https://example.org:443",
            ),
            ("http://[::1]/", "http://[::1]:80"),
        ] {
            let target = Target::parse(url).expect(url);
            assert_eq!(target.address(), want);
            assert!(
                target
                    .address()
                    .parse::<inkstone_domain::capability::OutboundHost>()
                    .is_ok()
            );
        }
    }
}
