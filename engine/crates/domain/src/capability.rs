//! Powers: effective = what the manifest asks ∩ what the admin grants ∩ the deployment's ceiling. Pure functions, tested as a table.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, codes};

/// What a manifest asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    #[serde(default)]
    pub outbound_hosts: Vec<OutboundHost>,
    /// Names of credentials.
    #[serde(default)]
    pub credentials: BTreeSet<String>,
    #[serde(default)]
    pub kv_quota_bytes: u64,
    #[serde(default)]
    pub ai: bool,
    #[serde(default)]
    pub tools: bool,
    #[serde(default)]
    pub search: bool,
    #[serde(default)]
    pub inference: bool,
}

/// What an admin grants. Same words; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants {
    pub permissions: Permissions,
}

/// What a plugin may really do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Effective {
    pub permissions: Permissions,
}

/// What no plugin of this deployment gets beyond, whatever is asked and granted. `None` sets no bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PowerCeiling {
    pub outbound_hosts: Option<Vec<OutboundHost>>,
    pub credentials: Option<BTreeSet<String>>,
    pub kv_quota_bytes: Option<u64>,
    pub ai: Option<bool>,
    pub tools: Option<bool>,
    pub search: Option<bool>,
    pub inference: Option<bool>,
}

impl PowerCeiling {
    /// What of `granted` lies below the ceiling.
    fn lower(&self, granted: &Permissions) -> Permissions {
        Permissions {
            outbound_hosts: match &self.outbound_hosts {
                Some(hosts) => intersection(hosts, &granted.outbound_hosts),
                None => granted.outbound_hosts.clone(),
            },
            credentials: match &self.credentials {
                Some(names) => names.intersection(&granted.credentials).cloned().collect(),
                None => granted.credentials.clone(),
            },
            kv_quota_bytes: granted
                .kv_quota_bytes
                .min(self.kv_quota_bytes.unwrap_or(u64::MAX)),
            ai: granted.ai && self.ai.unwrap_or(true),
            tools: granted.tools && self.tools.unwrap_or(true),
            search: granted.search && self.search.unwrap_or(true),
            inference: granted.inference && self.inference.unwrap_or(true),
        }
    }
}

/// What of `asked` the grants leave, each pattern once.
fn intersection(asked: &[OutboundHost], granted: &[OutboundHost]) -> Vec<OutboundHost> {
    let mut hosts: Vec<OutboundHost> = asked
        .iter()
        .flat_map(|a| granted.iter().filter_map(|g| a.intersect(g)))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    // `named` sorts last by field order, so of two alike the one with more power is kept.
    hosts.reverse();
    hosts.dedup_by(|a, b| a.same_pattern(b));
    hosts.reverse();
    hosts
}

impl Effective {
    /// The one place where powers are joined.
    pub fn of(asked: &Permissions, granted: &Grants, ceiling: &PowerCeiling) -> Self {
        let granted = &ceiling.lower(&granted.permissions);
        Self {
            permissions: Permissions {
                outbound_hosts: intersection(&asked.outbound_hosts, &granted.outbound_hosts),
                credentials: asked
                    .credentials
                    .intersection(&granted.credentials)
                    .cloned()
                    .collect(),
                kv_quota_bytes: asked.kv_quota_bytes.min(granted.kv_quota_bytes),
                ai: asked.ai && granted.ai,
                tools: asked.tools && granted.tools,
                search: asked.search && granted.search,
                inference: asked.inference && granted.inference,
            },
        }
    }

    /// What was asked and is not held, in the words of the manifest.
    pub fn refused(&self, asked: &Permissions) -> Vec<String> {
        let held = &self.permissions;
        let mut refused = Vec::new();
        for host in &asked.outbound_hosts {
            let covered = held
                .outbound_hosts
                .iter()
                .any(|h| host.intersect(h).is_some());
            if !covered {
                refused.push(format!("outbound_hosts: {host}"));
            }
        }
        for name in asked.credentials.difference(&held.credentials) {
            refused.push(format!("credentials: {name}"));
        }
        if held.kv_quota_bytes < asked.kv_quota_bytes {
            refused.push(format!(
                "kv_quota_bytes: {} asked, {} granted",
                asked.kv_quota_bytes, held.kv_quota_bytes
            ));
        }
        for (name, asked, held) in [
            ("ai", asked.ai, held.ai),
            ("tools", asked.tools, held.tools),
            ("search", asked.search, held.search),
            ("inference", asked.inference, held.inference),
        ] {
            if asked && !held {
                refused.push(name.to_owned());
            }
        }
        refused
    }

    /// Whether a request to this address is allowed. `host` in lower case, IPv6 without brackets.
    pub fn allows(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.permissions
            .outbound_hosts
            .iter()
            .any(|pattern| pattern.matches(scheme, host, port))
    }

    /// Whether the admin named this very host (no wildcard), so that it may lie in a private network.
    pub fn names_exactly(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.permissions
            .outbound_hosts
            .iter()
            .any(|pattern| pattern.named && pattern.matches(scheme, host, port))
    }
}

/// `scheme://host:port`, such as `https://api.openai.com:443`, `https://*.example.org` or `http://127.0.0.1:8080`.
/// `*` alone is any host; `*.` stands for one or more labels; scheme and port may be `*`;
/// without a port the scheme's own is meant (443, 80, any for `*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboundHost {
    /// `None` is any of http and https.
    scheme: Option<Scheme>,
    host: HostPattern,
    /// `None` is any.
    port: Option<u16>,
    /// Whether the host was named exactly; after an intersection, by the grant: what a manifest
    /// asks for must not open a private network that the admin only covered by a wildcard.
    named: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum HostPattern {
    Any,
    /// `*.example.org`, kept as `.example.org`.
    Suffix(String),
    Exact(String),
}

impl OutboundHost {
    fn matches(&self, scheme: &str, host: &str, port: u16) -> bool {
        let scheme_fits = match self.scheme {
            None => scheme == "http" || scheme == "https",
            Some(Scheme::Http) => scheme == "http",
            Some(Scheme::Https) => scheme == "https",
        };
        let host_fits = match &self.host {
            HostPattern::Any => true,
            HostPattern::Suffix(suffix) => host.ends_with(suffix.as_str()),
            HostPattern::Exact(exact) => host == exact,
        };
        scheme_fits && host_fits && self.port.is_none_or(|own| own == port)
    }

    fn same_pattern(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// What the grant leaves of it; `None` where nothing is.
    fn intersect(&self, granted: &Self) -> Option<Self> {
        let scheme = match (self.scheme, granted.scheme) {
            (None, scheme) | (scheme, None) => scheme,
            (Some(a), Some(b)) if a == b => Some(a),
            _ => return None,
        };
        let port = match (self.port, granted.port) {
            (None, port) | (port, None) => port,
            (Some(a), Some(b)) if a == b => Some(a),
            _ => return None,
        };
        let host = match (&self.host, &granted.host) {
            (HostPattern::Any, host) | (host, HostPattern::Any) => host.clone(),
            (HostPattern::Exact(a), HostPattern::Exact(b)) if a == b => self.host.clone(),
            (HostPattern::Exact(exact), HostPattern::Suffix(suffix))
            | (HostPattern::Suffix(suffix), HostPattern::Exact(exact))
                if exact.ends_with(suffix.as_str()) =>
            {
                HostPattern::Exact(exact.clone())
            }
            (HostPattern::Suffix(a), HostPattern::Suffix(b)) if a.ends_with(b.as_str()) => {
                HostPattern::Suffix(a.clone())
            }
            (HostPattern::Suffix(a), HostPattern::Suffix(b)) if b.ends_with(a.as_str()) => {
                HostPattern::Suffix(b.clone())
            }
            _ => return None,
        };
        let named = granted.named;
        Some(Self {
            scheme,
            host,
            port,
            named,
        })
    }
}

impl FromStr for OutboundHost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::new(
                &codes::INVALID_CONFIG,
                format!(
                    "`{text}` is no outbound host ({why}); write `scheme://host:port`, such as `https://api.example.org:443`"
                ),
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("no scheme"))?;
        let scheme = match scheme {
            "*" => None,
            "http" => Some(Scheme::Http),
            "https" => Some(Scheme::Https),
            _ => return Err(wrong("the scheme is none of http, https, *")),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match (port, scheme) {
            (Some("*"), _) | (None, None) => None,
            (Some(number), _) => Some(
                number
                    .parse::<u16>()
                    .map_err(|_| wrong("the port is no number from 0 to 65535"))?,
            ),
            (None, Some(Scheme::Http)) => Some(80),
            (None, Some(Scheme::Https)) => Some(443),
        };
        let host = host.to_ascii_lowercase();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(&host);
        let host = if bare == "*" {
            HostPattern::Any
        } else if let Some(suffix) = bare.strip_prefix('*') {
            if !suffix.starts_with('.') || suffix.len() < 2 || suffix.contains('*') {
                return Err(wrong(
                    "a wildcard stands for whole labels, as in *.example.org",
                ));
            }
            HostPattern::Suffix(suffix.to_owned())
        } else {
            let is_name = !bare.is_empty()
                && bare
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
            if !is_name && bare.parse::<IpAddr>().is_err() {
                return Err(wrong("the host is neither a name nor an address"));
            }
            HostPattern::Exact(bare.to_owned())
        };
        let named = matches!(host, HostPattern::Exact(_));
        Ok(Self {
            scheme,
            host,
            port,
            named,
        })
    }
}

impl fmt::Display for OutboundHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            None => f.write_str("*://")?,
            Some(Scheme::Http) => f.write_str("http://")?,
            Some(Scheme::Https) => f.write_str("https://")?,
        }
        match &self.host {
            HostPattern::Any => f.write_str("*")?,
            HostPattern::Suffix(suffix) => write!(f, "*{suffix}")?,
            HostPattern::Exact(host) if host.contains(':') => write!(f, "[{host}]")?,
            HostPattern::Exact(host) => f.write_str(host)?,
        }
        match self.port {
            None => f.write_str(":*"),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

impl Serialize for OutboundHost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OutboundHost {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: Error| serde::de::Error::custom(error.message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> Vec<OutboundHost> {
        list.iter().map(|text| text.parse().expect(text)).collect()
    }

    fn effective(asked: &[&str], granted: &[&str]) -> Effective {
        let asked = Permissions {
            outbound_hosts: hosts(asked),
            ..Permissions::default()
        };
        let granted = Grants {
            permissions: Permissions {
                outbound_hosts: hosts(granted),
                ..Permissions::default()
            },
        };
        Effective::of(&asked, &granted, &PowerCeiling::default())
    }

    #[test]
    fn effective_is_the_intersection() {
        for (asked, granted, want) in [
            (
                &["https://a.org"][..],
                &["https://a.org"][..],
                &["https://a.org:443"][..],
            ),
            (&["https://a.org"], &[], &[]),
            (&[], &["https://a.org"], &[]),
            (
                &["*://*:*"],
                &["http://127.0.0.1:8080"],
                &["http://127.0.0.1:8080"],
            ),
            (
                &["https://*.a.org"],
                &["https://b.a.org"],
                &["https://b.a.org:443"],
            ),
            (&["https://*.a.org"], &["https://a.org"], &[]),
            (
                &["https://*.a.org"],
                &["https://*.b.a.org"],
                &["https://*.b.a.org:443"],
            ),
            (&["https://a.org"], &["http://a.org"], &[]),
            (&["https://a.org:8443"], &["https://a.org"], &[]),
            (&["*://*:*"], &["https://[::1]:9"], &["https://[::1]:9"]),
        ] {
            let got: Vec<String> = effective(asked, granted)
                .permissions
                .outbound_hosts
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(got, want, "{asked:?} with {granted:?}");
        }
    }

    #[test]
    fn allows_matches_scheme_host_and_port() {
        let all = effective(&["*://*:*"], &["https://*.a.org", "http://127.0.0.1:8080"]);
        for (scheme, host, port, want) in [
            ("https", "x.a.org", 443, true),
            ("https", "x.y.a.org", 443, true),
            ("https", "a.org", 443, false),
            ("https", "evila.org", 443, false),
            ("http", "x.a.org", 80, false),
            ("https", "x.a.org", 8443, false),
            ("http", "127.0.0.1", 8080, true),
            ("ftp", "x.a.org", 443, false),
        ] {
            assert_eq!(
                all.allows(scheme, host, port),
                want,
                "{scheme}://{host}:{port}"
            );
        }
        assert!(all.names_exactly("http", "127.0.0.1", 8080));
        assert!(!all.names_exactly("https", "x.a.org", 443));
    }

    #[test]
    fn only_a_grant_names_a_host_exactly() {
        for (asked, granted, want) in [
            (&["http://10.0.0.1"][..], &["*://*:*"][..], false),
            (&["*://*:*"], &["http://10.0.0.1"], true),
            (&["http://10.0.0.1"], &["http://10.0.0.1"], true),
            (&["http://10.0.0.1"], &["*://*:*", "http://10.0.0.1"], true),
            (&["http://a.b.org"], &["http://*.b.org"], false),
        ] {
            let powers = effective(asked, granted);
            let host = if asked[0].ends_with("b.org") {
                "a.b.org"
            } else {
                "10.0.0.1"
            };
            assert!(powers.allows("http", host, 80), "{asked:?} {granted:?}");
            let got = powers.names_exactly("http", host, 80);
            assert_eq!(got, want, "{asked:?} with {granted:?}");
            assert_eq!(powers.permissions.outbound_hosts.len(), 1, "{granted:?}");
        }
    }

    #[test]
    fn refused_names_what_is_missing() {
        let asked = Permissions {
            outbound_hosts: hosts(&["https://a.org"]),
            credentials: ["openai".to_owned()].into(),
            kv_quota_bytes: 10,
            ai: true,
            ..Permissions::default()
        };
        let held = Effective::of(&asked, &Grants::default(), &PowerCeiling::default());
        assert_eq!(
            held.refused(&asked),
            [
                "outbound_hosts: https://a.org:443",
                "credentials: openai",
                "kv_quota_bytes: 10 asked, 0 granted",
                "ai"
            ]
        );
    }

    #[test]
    fn bad_hosts_say_what_to_write() {
        for text in [
            "a.org",
            "ftp://a.org",
            "https://",
            "https://a*b.org",
            "https://*a.org",
            "https://a.org:99999",
            "https://a org",
        ] {
            let error = text.parse::<OutboundHost>().expect_err(text);
            assert!(error.message().contains("scheme://host:port"), "{error}");
        }
    }
}
