//! Counts what egress refuses, and what it would refuse if it were not in audit mode. The numbers go
//! to the metrics, and can be asked per plugin.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use inkstone_domain::outbound::{AuditedAddress, OutboundCounts, RefusedReason};

/// Addresses that are told apart for one plugin; the rest are counted together as [`OTHER`].
const MOST_ADDRESSES: usize = 100;
const OTHER: &str = "other";

/// The counts of all plugins.
#[derive(Default)]
pub(crate) struct Tally {
    by_plugin: Mutex<HashMap<String, OfPlugin>>,
}

#[derive(Default)]
struct OfPlugin {
    audited: BTreeMap<String, Audited>,
    refused: BTreeMap<&'static str, u64>,
}

#[derive(Default)]
struct Audited {
    methods: BTreeSet<String>,
    count: u64,
}

impl Tally {
    /// A call that was let through although no grant covers it. The first one to an address is logged.
    pub fn audited(&self, plugin: &str, address: &str, method: &str) {
        let (label, is_new) = self.with(plugin, |counts| {
            let is_known = counts.audited.contains_key(address);
            let named = counts.audited.len() - usize::from(counts.audited.contains_key(OTHER));
            let label = if is_known || named < MOST_ADDRESSES {
                address
            } else {
                OTHER
            };
            let is_new = !counts.audited.contains_key(label);
            let audited = counts.audited.entry(label.to_owned()).or_default();
            audited.methods.insert(method.to_owned());
            audited.count += 1;
            (label, is_new)
        });
        let (plugin, address) = (plugin.to_owned(), label.to_owned());
        if is_new {
            tracing::warn!(
                %plugin,
                %address,
                %method,
                "egress audit: no grant covers this call; `[egress] mode = \"enforce\"` would refuse it"
            );
        }
        metrics::counter!("inkstone_egress_audit_total", "plugin" => plugin, "address" => address)
            .increment(1);
    }

    /// A call that was refused, or ended at a limit.
    pub fn refused(&self, plugin: &str, reason: &'static str) {
        self.with(plugin, |counts| {
            *counts.refused.entry(reason).or_default() += 1;
        });
        metrics::counter!(
            "inkstone_egress_refused_total",
            "plugin" => plugin.to_owned(),
            "reason" => reason
        )
        .increment(1);
    }

    /// What was counted for a plugin since the start.
    pub fn of(&self, plugin: &str) -> OutboundCounts {
        let all = self
            .by_plugin
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(counts) = all.get(plugin) else {
            return OutboundCounts::default();
        };
        let audited = counts
            .audited
            .iter()
            .map(|(address, audited)| AuditedAddress {
                address: address.clone(),
                methods: audited.methods.clone(),
                count: audited.count,
            });
        let refused = counts.refused.iter().map(|(reason, count)| RefusedReason {
            reason,
            count: *count,
        });
        OutboundCounts {
            audited: audited.collect(),
            refused: refused.collect(),
        }
    }

    fn with<T>(&self, plugin: &str, change: impl FnOnce(&mut OfPlugin) -> T) -> T {
        let mut all = self
            .by_plugin
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(all.entry(plugin.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_up_to_a_bound() {
        let tally = Tally::default();
        for index in 0..MOST_ADDRESSES + 20 {
            tally.audited("p", &format!("https://h{index}.org:443"), "GET");
        }
        tally.audited("p", "https://h0.org:443", "POST");
        tally.refused("p", "not_granted");
        tally.refused("q", "not_granted");
        tally.refused("p", "not_granted");

        let counts = tally.of("p");
        assert_eq!(counts.audited.len(), MOST_ADDRESSES + 1);
        let of = |address: &str| {
            let found = counts.audited.iter().find(|a| a.address == address);
            found.cloned().expect(address)
        };
        assert_eq!(of(OTHER).count, 20);
        let first = of("https://h0.org:443");
        assert_eq!(first.count, 2);
        assert!(first.methods.iter().eq(["GET", "POST"]));
        assert_eq!(
            counts.refused,
            [RefusedReason {
                reason: "not_granted",
                count: 2
            }]
        );
        assert_eq!(tally.of("nobody"), OutboundCounts::default());
    }
}
