//! Powers: effective = what the manifest asks ∩ what the admin grants ∩ the deployment's ceiling. Pure functions, tested as a table.

mod events;
mod methods;
mod outbound;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use events::EventPattern;
pub use outbound::OutboundHost;

use crate::event::Told;

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
    /// What a subscriber is told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventPattern>,
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
    pub events: Option<Vec<EventPattern>>,
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
            events: match &self.events {
                Some(events) => both(events, &granted.events),
                None => granted.events.clone(),
            },
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

/// What both name, each pattern once.
fn both(asked: &[EventPattern], granted: &[EventPattern]) -> Vec<EventPattern> {
    let shared = asked
        .iter()
        .flat_map(|a| granted.iter().filter_map(|g| a.intersect(g)));
    shared.collect::<BTreeSet<_>>().into_iter().collect()
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
                events: both(&asked.events, &granted.events),
            },
        }
    }

    /// What was asked and is not held, in the words of the manifest.
    pub fn refused(&self, asked: &Permissions) -> Vec<String> {
        let held = &self.permissions;
        let mut refused = Vec::new();
        for host in &asked.outbound_hosts {
            if let Some(missing) = host.missing_from(&held.outbound_hosts) {
                refused.push(format!("outbound_hosts: {missing}"));
            }
        }
        // One of which a part is held is held: an author does not know the projects.
        for pattern in &asked.events {
            if held
                .events
                .iter()
                .all(|own| own.intersect(pattern).is_none())
            {
                refused.push(format!("events: {pattern}"));
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

    /// Whether a subscriber is told of this.
    pub fn hears(&self, told: &Told) -> bool {
        let patterns = &self.permissions.events;
        patterns.iter().any(|pattern| pattern.matches(told))
    }

    /// Whether a request to this address is allowed. `host` in lower case, IPv6 without brackets;
    /// `method` in upper case.
    pub fn allows(&self, scheme: &str, host: &str, port: u16, method: &str) -> bool {
        self.permissions
            .outbound_hosts
            .iter()
            .any(|pattern| pattern.matches(scheme, host, port, method))
    }

    /// Whether the admin named this very host for this method (no wildcard), so that it may lie in a
    /// private network.
    pub fn names_exactly(&self, scheme: &str, host: &str, port: u16, method: &str) -> bool {
        self.permissions
            .outbound_hosts
            .iter()
            .any(|pattern| pattern.is_named() && pattern.matches(scheme, host, port, method))
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
            (
                &["https://a.org"],
                &["GET,HEAD https://*.org"],
                &["GET,HEAD https://a.org:443"],
            ),
            (
                &["GET,POST https://a.org"],
                &["POST,PUT https://a.org"],
                &["POST https://a.org:443"],
            ),
            (&["GET https://a.org"], &["POST https://a.org"], &[]),
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
    fn allows_matches_scheme_host_port_and_method() {
        let all = effective(
            &["*://*:*"],
            &[
                "https://*.a.org",
                "http://127.0.0.1:8080",
                "GET https://b.org",
            ],
        );
        for (scheme, host, port, method, want) in [
            ("https", "x.a.org", 443, "POST", true),
            ("https", "x.y.a.org", 443, "POST", true),
            ("https", "a.org", 443, "POST", false),
            ("https", "evila.org", 443, "POST", false),
            ("http", "x.a.org", 80, "POST", false),
            ("https", "x.a.org", 8443, "POST", false),
            ("http", "127.0.0.1", 8080, "POST", true),
            ("https", ".a.org", 443, "POST", false),
            ("https", "b.org", 443, "POST", false),
            ("https", "b.org", 443, "GET", true),
            ("https", "b.org", 443, "get", false),
            ("https", "x.a.org", 443, "CONNECT", false),
            ("ftp", "x.a.org", 443, "POST", false),
        ] {
            assert_eq!(
                all.allows(scheme, host, port, method),
                want,
                "{method} {scheme}://{host}:{port}"
            );
        }
        assert!(all.names_exactly("http", "127.0.0.1", 8080, "PUT"));
        assert!(!all.names_exactly("https", "x.a.org", 443, "GET"));
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
            assert!(
                powers.allows("http", host, 80, "GET"),
                "{asked:?} {granted:?}"
            );
            let got = powers.names_exactly("http", host, 80, "GET");
            assert_eq!(got, want, "{asked:?} with {granted:?}");
            assert_eq!(powers.permissions.outbound_hosts.len(), 1, "{granted:?}");
        }
    }

    #[test]
    fn a_host_is_named_for_the_methods_of_its_grant() {
        let powers = effective(&["*://*:*"], &["GET http://10.0.0.1", "*://*:*"]);
        for (method, named) in [("GET", true), ("POST", false)] {
            assert!(powers.allows("http", "10.0.0.1", 80, method));
            assert_eq!(powers.names_exactly("http", "10.0.0.1", 80, method), named);
        }
    }

    #[test]
    fn refused_methods_are_named() {
        let asked = Permissions {
            outbound_hosts: hosts(&["GET,POST https://a.org", "*://*:*"]),
            ..Permissions::default()
        };
        let held = effective(&["*://*:*"], &["GET https://a.org", "https://b.org"]);
        assert_eq!(
            held.refused(&asked),
            ["outbound_hosts: POST https://a.org:443"]
        );
    }

    #[test]
    fn refused_names_what_is_missing() {
        let asked = Permissions {
            outbound_hosts: hosts(&["https://a.org"]),
            credentials: ["openai".to_owned()].into(),
            kv_quota_bytes: 10,
            ai: true,
            events: vec!["article.*".parse().unwrap()],
            ..Permissions::default()
        };
        let held = Effective::of(&asked, &Grants::default(), &PowerCeiling::default());
        assert_eq!(
            held.refused(&asked),
            [
                "outbound_hosts: https://a.org:443",
                "events: article.*",
                "credentials: openai",
                "kv_quota_bytes: 10 asked, 0 granted",
                "ai"
            ]
        );
    }

    #[test]
    fn events_are_those_that_are_asked_granted_and_below_the_ceiling() {
        let events = |list: &[&str]| Permissions {
            events: list.iter().map(|text| text.parse().expect(text)).collect(),
            ..Permissions::default()
        };
        let ceiling = PowerCeiling {
            events: Some(events(&["* in a"]).events),
            ..PowerCeiling::default()
        };
        for (asked, granted, bound, want) in [
            (&["article.*"][..], &[][..], false, &[][..]),
            (&["article.*"], &["*"], false, &["article.*"]),
            (
                &["article.*"],
                &["* in a", "* in b"],
                false,
                &["article.* in a", "article.* in b"],
            ),
            (&["article.*"], &["*"], true, &["article.* in a"]),
            (&["article.*"], &["* in b"], true, &[]),
            (&[], &["*"], false, &[]),
        ] {
            let none = PowerCeiling::default();
            let ceiling = if bound { &ceiling } else { &none };
            let granted = Grants {
                permissions: events(granted),
            };
            let held = Effective::of(&events(asked), &granted, ceiling);
            assert_eq!(held.permissions, events(want), "{asked:?} with {granted:?}");
            let is_refused = !asked.is_empty() && want.is_empty();
            assert_eq!(!held.refused(&events(asked)).is_empty(), is_refused);
        }
    }
}
