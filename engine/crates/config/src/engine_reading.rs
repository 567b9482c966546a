//! Reads the tree of `engine.toml` into `EngineConfig`, section by section, in the order of the file.

use std::collections::BTreeMap;

use inkstone_domain::engine::EngineRole;

use crate::credentials;
use crate::doors;
use crate::engine::{
    ContentConfig, EgressConfig, EgressMode, EngineConfig, EventsConfig, JobsConfig,
    LocalModelConfig, LogConfig, LogFormat, ModelsConfig, NotificationsConfig, PluginsConfig,
    QuarantineConfig, RegistryConfig, ServerConfig, StoreConfig, TransferConfig, TrustConfig,
    WebhooksConfig,
};
use crate::gateway;
use crate::media;
use crate::people;
use crate::permissions;
use crate::problem::Problems;
use crate::redis;
use crate::search;
use crate::section::Section;
use crate::tree::Table;

/// One day, the longest wait that makes sense anywhere.
pub(crate) const DAY_MS: u64 = 86_400_000;
/// What a connection string may begin with.
const STORE_SCHEMES: &[&str] = &["surrealkv://", "mem://", "ws://", "wss://"];
const EGRESS_MODES: &[(&str, EgressMode)] = &[
    ("enforce", EgressMode::Enforce),
    ("audit", EgressMode::Audit),
];
const LOG_FORMATS: &[(&str, LogFormat)] = &[
    ("auto", LogFormat::Auto),
    ("pretty", LogFormat::Pretty),
    ("json", LogFormat::Json),
];

pub(crate) fn read(tree: Table, problems: &Problems) -> EngineConfig {
    let mut config = EngineConfig::default();
    let mut top = Section::top(tree, problems);
    top.path_value("data_dir", &mut config.data_dir);
    top.path_value("cache_dir", &mut config.cache_dir);
    server(top.section("server"), &mut config.server);
    store(top.section("store"), &mut config.store);
    redis::read(top.section("redis"), &mut config.redis);
    search::read(top.section("search"), &mut config.search);
    local_model(top.section("local_model"), &mut config.local_model);
    people::auth(top.section("auth"), &mut config.auth);
    people::accounts(top.section("accounts"), &mut config.accounts);
    people::check_way_in(&top, &config);
    people::mail(top.section("mail"), &mut config.mail);
    models(top.section("models"), &mut config.models);
    gateway::read(top.section("gateway"), &mut config.gateway);
    plugins(top.section("plugins"), &mut config.plugins);
    jobs(top.section("jobs"), &mut config.jobs);
    events(top.section("events"), &mut config.events);
    webhooks(top.section("webhooks"), &mut config.webhooks);
    notifications(top.section("notifications"), &mut config.notifications);
    content(top.section("content"), &mut config.content);
    transfer(top.section("transfer"), &mut config.transfer);
    media::read(top.section("media"), &mut config.media);
    egress(top.section("egress"), &mut config.egress);
    credentials::read(&mut top, &config.data_dir, &mut config.credentials);
    log(top.section("log"), &mut config.log);
    top.finish();
    config
}

fn server(mut section: Section<'_>, config: &mut ServerConfig) {
    section.choice("role", &mut config.role, &EngineRole::ALL);
    section.parsed("listen", &mut config.listen, |text| {
        text.parse()
            .map_err(|_| format!("`{text}` is no address and port, such as 127.0.0.1:7700"))
    });
    section.parsed("public_url", &mut config.public_url, |text| {
        if text.starts_with("http://") || text.starts_with("https://") {
            Ok(Some(text.trim_end_matches('/').to_owned()))
        } else {
            Err(format!(
                "`{text}` is no address for a browser, such as https://inkstone.example.org"
            ))
        }
    });
    section.list("trusted_proxies", &mut config.trusted_proxies);
    section.number(
        "max_body_bytes",
        1_024..=1 << 30,
        &mut config.max_body_bytes,
    );
    section.number("grace_period_ms", 0..=DAY_MS, &mut config.grace_period_ms);
    section.number(
        "max_connections",
        1..=1_000_000,
        &mut config.max_connections,
    );
    section.number("head_timeout_ms", 100..=DAY_MS, &mut config.head_timeout_ms);
    section.number("body_timeout_ms", 100..=DAY_MS, &mut config.body_timeout_ms);
    doors::tls(section.section("tls"), &mut config.tls);
    doors::cors(section.section("cors"), &mut config.cors);
    section.finish();
}

fn store(mut section: Section<'_>, config: &mut StoreConfig) {
    section.parsed("url", &mut config.url, |text| {
        if STORE_SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            Ok(text.to_owned())
        } else {
            Err(format!(
                "`{text}` must begin with one of {}",
                STORE_SCHEMES.join(", ")
            ))
        }
    });
    section.parsed("namespace", &mut config.namespace, name);
    section.parsed("database", &mut config.database, name);
    section.sign_in("store", &mut config.username, &mut config.password);
    section.number("flush_mib", 1..=1_000, &mut config.flush_mib);
    section.number("cache_mib", 16..=1_000_000, &mut config.cache_mib);
    section.finish();
}

fn local_model(mut section: Section<'_>, config: &mut LocalModelConfig) {
    section.path_value("dir", &mut config.dir);
    section.path_value("generation_path", &mut config.generation_path);
    section.parsed("generation_id", &mut config.generation_id, name);
    section.path_value("embedding_path", &mut config.embedding_path);
    section.parsed("embedding_id", &mut config.embedding_id, name);
    section.finish();
}

fn models(mut section: Section<'_>, config: &mut ModelsConfig) {
    section.parsed("default", &mut config.default, name);
    section.parsed("default_embedding", &mut config.default_embedding, name);
    section.text_map("aliases", &mut config.aliases);
    section.finish();
}

fn plugins(mut section: Section<'_>, config: &mut PluginsConfig) {
    section.path_value("file", &mut config.file);
    section.path_value("dir", &mut config.dir);
    section.flag("watch", &mut config.watch);
    section.number("max_plugins", 1..=100_000, &mut config.max_plugins);
    section.number("max_package_mib", 1..=1_024, &mut config.max_package_mib);
    section.number("grace_ms", 0..=DAY_MS, &mut config.grace_ms);
    registries(&mut section, &mut config.registries);
    permissions::limits(section.section("limits"), &mut config.limits);
    let mut ceiling = section.section("ceiling");
    permissions::ceiling(ceiling.section("powers"), &mut config.power_ceiling);
    permissions::limits(ceiling, &mut config.ceiling);
    trust(section.section("trust"), &mut config.trust);
    section.number("look_every_ms", 10..=60_000, &mut config.look_every_ms);
    quarantine(section.section("quarantine"), &mut config.quarantine);
    section.finish();
}

fn quarantine(mut section: Section<'_>, config: &mut QuarantineConfig) {
    const DAY_S: u32 = 86_400;
    section.number("faults", 1..=1_000_000, &mut config.faults);
    section.decimal("fault_share", 0.0..=1.0, &mut config.fault_share);
    section.number("window_s", 1..=DAY_S, &mut config.window_s);
    section.number("rest_s", 1..=DAY_S, &mut config.rest_s);
    section.number("max_rest_s", 1..=DAY_S, &mut config.max_rest_s);
    section.finish();
}

fn trust(mut section: Section<'_>, config: &mut TrustConfig) {
    section.flag("require_signature", &mut config.require_signature);
    section.path_value("keys_file", &mut config.keys_file);
    let place = section.place_of("pins");
    section.text_map("pins", &mut config.pins);
    for (id, digest) in &config.pins {
        if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            section.fault(
                &place,
                format!("`pins` in [plugins.trust]: `{id}` must be a SHA-256, which is 64 hex digits, as `inkstone plugin inspect` prints it"),
            );
        }
    }
    section.finish();
}

fn registries(plugins: &mut Section<'_>, all: &mut BTreeMap<String, RegistryConfig>) {
    for (name, mut section) in plugins.named_sections("registries") {
        let mut registry = RegistryConfig {
            host: section.required_text("host"),
            username: None,
            password: None,
            plain_http: false,
        };
        let title = format!("plugins.registries.{name}");
        section.sign_in(&title, &mut registry.username, &mut registry.password);
        section.flag("plain_http", &mut registry.plain_http);
        section.finish();
        all.insert(name, registry);
    }
}

fn jobs(mut section: Section<'_>, config: &mut JobsConfig) {
    const MOST: u32 = 100_000;
    section.number("workers", 1..=256, &mut config.workers);
    section.number("lease_ms", 1_000..=DAY_MS, &mut config.lease_ms);
    section.number("max_attempts", 1..=100, &mut config.max_attempts);
    section.number("retry_delay_ms", 1..=DAY_MS, &mut config.retry_delay_ms);
    section.number_map("kind_limits", 1..=MOST, &mut config.kind_limits);
    section.number("project_limit", 0..=MOST, &mut config.project_limit);
    section.number_map("project_limits", 1..=MOST, &mut config.project_limits);
    section.number("kept_days", 0..=36_500, &mut config.kept_days);
    section.finish();
}

fn events(mut section: Section<'_>, config: &mut EventsConfig) {
    section.number("kept_days", 0..=36_500, &mut config.kept_days);
    section.number(
        "poll_interval_ms",
        10..=60_000,
        &mut config.poll_interval_ms,
    );
    section.number("lease_ms", 1_000..=DAY_MS, &mut config.lease_ms);
    section.finish();
}

fn webhooks(mut section: Section<'_>, config: &mut WebhooksConfig) {
    section.list("allowed_origins", &mut config.allowed_origins);
    section.number("timeout_ms", 100..=120_000, &mut config.timeout_ms);
    section.number("senders", 1..=64, &mut config.senders);
    section.number(
        "disable_after_hours",
        1..=8_760,
        &mut config.disable_after_hours,
    );
    section.number("kept_days", 1..=36_500, &mut config.kept_days);
    section.finish();
}

fn notifications(mut section: Section<'_>, config: &mut NotificationsConfig) {
    section.number("kept_days", 1..=36_500, &mut config.kept_days);
    section.finish();
}

fn content(mut section: Section<'_>, config: &mut ContentConfig) {
    section.number("trash_days", 0..=36_500, &mut config.trash_days);
    section.finish();
}

fn transfer(mut section: Section<'_>, config: &mut TransferConfig) {
    section.number("max_file_mib", 1..=1_048_576, &mut config.max_file_mib);
    section.number(
        "max_unpacked_mib",
        1..=1_048_576,
        &mut config.max_unpacked_mib,
    );
    section.number("max_entries", 1..=10_000_000, &mut config.max_entries);
    section.finish();
}

fn egress(mut section: Section<'_>, config: &mut EgressConfig) {
    section.choice("mode", &mut config.mode, EGRESS_MODES);
    section.number(
        "connect_timeout_ms",
        1..=DAY_MS,
        &mut config.connect_timeout_ms,
    );
    section.number("head_timeout_ms", 1..=DAY_MS, &mut config.head_timeout_ms);
    section.number("idle_timeout_ms", 1..=DAY_MS, &mut config.idle_timeout_ms);
    section.number("total_timeout_ms", 1..=DAY_MS, &mut config.total_timeout_ms);
    section.number("max_redirects", 0..=20, &mut config.max_redirects);
    section.number(
        "max_request_header_kib",
        1..=1_024,
        &mut config.max_request_header_kib,
    );
    section.number("max_request_mib", 1..=4_096, &mut config.max_request_mib);
    section.number(
        "max_response_headers",
        1..=1_000,
        &mut config.max_response_headers,
    );
    section.number(
        "max_response_header_kib",
        1..=1_024,
        &mut config.max_response_header_kib,
    );
    section.number("max_response_mib", 1..=4_096, &mut config.max_response_mib);
    section.number(
        "max_decompression_ratio",
        1..=10_000,
        &mut config.max_decompression_ratio,
    );
    section.finish();
}

fn log(mut section: Section<'_>, config: &mut LogConfig) {
    section.choice("format", &mut config.format, LOG_FORMATS);
    section.parsed("filter", &mut config.filter, name);
    section.finish();
}

/// Any text that is not empty.
fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("it is empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    const SHIPPED: &str = include_str!("../../../../config/engine.toml");

    /// Lines that are a key or a section behind `# ` become live.
    fn uncommented(text: &str) -> String {
        let mut live = String::new();
        for line in text.lines() {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let is_key = bare
                .split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            live.push_str(if is_key || bare.starts_with('[') {
                bare
            } else {
                line
            });
            live.push('\n');
        }
        live
    }

    /// Sections under names that the admin chooses.
    const NAMED: &[&str] = &[
        "credentials",
        "accounts.oidc",
        "plugins.registries",
        "gateway.models",
        "gateway.prices",
        "gateway.limits.of",
        "media.variants",
    ];

    fn read_text(text: &str) -> (EngineConfig, Problems) {
        let problems = Problems::default();
        let config = read(tree::parse(text, "engine.toml", &problems), &problems);
        (config, problems)
    }

    #[test]
    fn the_shipped_file_is_valid_and_says_the_built_in_defaults() {
        let (shipped, problems) = read_text(SHIPPED);
        problems.finish(()).unwrap();
        assert_eq!(shipped, EngineConfig::default());
    }

    #[test]
    fn every_key_stands_in_the_shipped_file_and_its_examples_are_valid() {
        let text = uncommented(SHIPPED);
        let (_, problems) = read_text(&text);
        let mut section = String::new();
        let mut documented = std::collections::BTreeSet::new();
        for line in text.lines() {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                section = name.trim_matches(['[', ']']).replace('"', "");
                documented.insert(section.clone());
            } else if let Some((key, _)) = line.split_once(" = ") {
                let is_top = section.is_empty();
                documented.insert(if is_top {
                    key.to_owned()
                } else {
                    format!("{section}.{key}")
                });
            }
        }
        let is_part_of_a_secret = |key: &String| {
            key.ends_with(".env") || key.ends_with(".file") || key.ends_with(".stored")
        };
        let missing: Vec<String> = problems
            .known()
            .into_iter()
            .filter(|key| key == "plugins.file" || !is_part_of_a_secret(key))
            .filter(|key| !NAMED.contains(&key.as_str()))
            .filter(|key| !documented.contains(key))
            .collect();
        assert_eq!(missing, Vec::<String>::new(), "undocumented keys");

        // The examples name variables that a test has no reason to set; nothing else may be wrong.
        let faults = problems.finish(()).unwrap_err().problems;
        for fault in faults {
            assert!(
                fault.message.contains("is not set") || fault.message.contains("belong together"),
                "{fault}"
            );
        }
    }

    #[test]
    fn the_documented_default_of_a_key_is_its_value() {
        let mut said: Option<&str> = None;
        for line in SHIPPED.lines() {
            if let Some(comment) = line.strip_prefix('#') {
                if let Some((_, default)) = comment.split_once("Default: ") {
                    said = Some(default);
                }
            } else if let Some((key, value)) = line.split_once(" = ") {
                let default = said
                    .take()
                    .unwrap_or_else(|| panic!("`{key}` names no default"));
                assert!(
                    default.starts_with(value),
                    "`{key}`: {value}, said to be {default}"
                );
            } else {
                said = None;
            }
        }
    }
}
