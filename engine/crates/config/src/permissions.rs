//! The words that a manifest's `[permissions]` and an admin's `grants` share, and the limits of a call.

use std::collections::BTreeSet;

use inkstone_domain::capability::Permissions;
use inkstone_domain::plugin::Limits;

use crate::section::Section;

/// Largest quota of a plugin's own key-value store, bytes.
const MAX_KV_QUOTA_BYTES: u64 = 1 << 40;

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
    section.finish();
    read.credentials = credentials.into_iter().collect::<BTreeSet<_>>();
    read
}

pub(crate) fn limits(mut section: Section<'_>, read: &mut Limits) {
    section.optional_number("memory_mib", 1..=4096, &mut read.memory_mib);
    section.optional_number("deadline_ms", 1..=86_400_000, &mut read.deadline_ms);
    section.optional_number("cpu_ms", 1..=3_600_000, &mut read.cpu_ms);
    section.optional_number("max_response_mib", 1..=1024, &mut read.max_response_mib);
    section.finish();
}
