//! The list of plugins: the shipped one, and every key of an entry.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use inkstone_config::engine::PluginsConfig;
use inkstone_config::plugins;

#[test]
fn the_shipped_list_is_valid_and_grants_what_is_said() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/plugins.toml");
    let specs = plugins::load(&PluginsConfig {
        file: path,
        dir: "plugins/dist".into(),
        ..PluginsConfig::default()
    })
    .unwrap();
    let ids: Vec<&str> = specs.iter().map(|spec| spec.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "provider-local",
            "provider-openai",
            "generator-article",
            "research-web",
            "analytics-content"
        ]
    );
    for spec in &specs {
        assert!(spec.enabled);
        let want = Path::new("plugins/dist").join(format!("{}.wasm", spec.id));
        assert_eq!(spec.path, want);
    }
    let analytics = &specs[4].grants.permissions;
    assert_eq!(*analytics, Default::default());
    assert!(specs[0].grants.permissions.inference);
    assert!(specs[1].grants.permissions.credentials.contains("openai"));
}

#[test]
fn every_key_is_read() {
    let text = r#"
[[plugin]]
id = "research-x"
source = { path = "/opt/x.wasm" }
enabled = false
run_as = "Bot@example.org"
[plugin.grants]
outbound_hosts = ["https://a.org"]
credentials = ["a", "b"]
kv_quota_bytes = 1024
search = true
events = ["article.* in handbook", "job.failed"]
[plugin.limits]
memory_mib = 8
cpu_ms = 50
[plugin.settings]
base_url = "https://a.org"
depth = 2
ratio = 0.5
tags = ["x", { y = true }]
"#;
    let specs = plugins::parse(text, "plugins.toml", Path::new("dist"), 1_000).unwrap();
    let spec = &specs[0];
    assert_eq!(spec.path, Path::new("/opt/x.wasm"));
    assert!(!spec.enabled);
    let granted = &spec.grants.permissions;
    assert_eq!(granted.outbound_hosts[0].to_string(), "https://a.org:443");
    assert_eq!(granted.credentials.len(), 2);
    assert_eq!(granted.kv_quota_bytes, 1_024);
    assert!(granted.search && !granted.ai);
    let events = granted.events.iter().map(ToString::to_string);
    let events: Vec<String> = events.collect();
    assert_eq!(events, ["article.* in handbook", "job.failed"]);
    assert_eq!(spec.run_as.as_deref(), Some("bot@example.org"));
    assert_eq!(spec.limits.memory_mib, Some(8));
    assert_eq!(spec.limits.deadline_ms, None);
    assert_eq!(
        spec.settings,
        serde_json::json!({
            "base_url": "https://a.org", "depth": 2, "ratio": 0.5, "tags": ["x", { "y": true }]
        })
    );
}

#[test]
fn an_empty_list_is_no_fault() {
    assert!(
        plugins::parse("", "plugins.toml", Path::new("dist"), 1_000)
            .unwrap()
            .is_empty()
    );
}
