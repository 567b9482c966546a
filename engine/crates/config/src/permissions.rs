//! The words that a manifest's `[permissions]` and an admin's `grants` share, and the limits of a call.

use std::collections::BTreeSet;

use inkstone_domain::capability::{EventPattern, OutboundHost, Permissions, PowerCeiling};
use inkstone_domain::plugin::Limits;

use crate::section::Section;

/// Largest quota of a plugin's own key-value store, bytes.
const MAX_KV_QUOTA_BYTES: u64 = 1 << 40;
/// The longest wait that makes sense anywhere.
const DAY_MS: u64 = 86_400_000;

pub(crate) fn permissions(mut section: Section<'_>) -> Permissions {
    let mut read = Permissions::default();
    let mut credentials: Vec<String> = Vec::new();
    section.list("outbound_hosts", &mut read.outbound_hosts);
    section.list("credentials", &mut credentials);
    section.number(
        "kv_quota_bytes",
        0..=MAX_KV_QUOTA_BYTES,
        &mut read.kv_quota_bytes,
    );
    section.flag("ai", &mut read.ai);
    section.flag("tools", &mut read.tools);
    section.flag("search", &mut read.search);
    section.flag("inference", &mut read.inference);
    section.list("events", &mut read.events);
    section.finish();
    read.credentials = credentials.into_iter().collect::<BTreeSet<_>>();
    read
}

pub(crate) fn limits(mut section: Section<'_>, read: &mut Limits) {
    section.optional_number("memory_mib", 1..=4096, &mut read.memory_mib);
    section.optional_number("deadline_ms", 1..=DAY_MS, &mut read.deadline_ms);
    section.optional_number("first_item_ms", 1..=DAY_MS, &mut read.first_item_ms);
    section.optional_number("idle_ms", 1..=DAY_MS, &mut read.idle_ms);
    section.optional_number("stream_ms", 1..=DAY_MS, &mut read.stream_ms);
    section.optional_number("cpu_ms", 1..=3_600_000, &mut read.cpu_ms);
    section.optional_number("max_response_mib", 1..=1024, &mut read.max_response_mib);
    section.optional_number("max_host_calls", 1..=100_000_000, &mut read.max_host_calls);
    section.optional_number("max_open", 1..=10_000, &mut read.max_open);
    section.optional_number("max_log_lines", 0..=1_000_000, &mut read.max_log_lines);
    section.optional_number("max_log_kib", 0..=1_048_576, &mut read.max_log_kib);
    section.optional_number("max_concurrent", 1..=100_000, &mut read.max_concurrent);
    section.optional_number("max_queued", 0..=1_000_000, &mut read.max_queued);
    section.finish();
}

/// The highest powers of a deployment; a key that is absent sets no bound.
pub(crate) fn ceiling(mut section: Section<'_>, read: &mut PowerCeiling) {
    let mut hosts: Vec<OutboundHost> = Vec::new();
    let bounds_hosts = section.has("outbound_hosts");
    section.list("outbound_hosts", &mut hosts);
    read.outbound_hosts = bounds_hosts.then_some(hosts);
    let mut names: Vec<String> = Vec::new();
    let bounds_credentials = section.has("credentials");
    section.list("credentials", &mut names);
    read.credentials = bounds_credentials.then(|| names.into_iter().collect());
    section.optional_number(
        "kv_quota_bytes",
        0..=MAX_KV_QUOTA_BYTES,
        &mut read.kv_quota_bytes,
    );
    section.optional_flag("ai", &mut read.ai);
    section.optional_flag("tools", &mut read.tools);
    section.optional_flag("search", &mut read.search);
    section.optional_flag("inference", &mut read.inference);
    let mut events: Vec<EventPattern> = Vec::new();
    let bounds_events = section.has("events");
    section.list("events", &mut events);
    read.events = bounds_events.then_some(events);
    section.finish();
}
