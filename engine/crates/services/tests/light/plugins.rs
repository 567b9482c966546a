//! Reload: difference, failure, swap.

use std::sync::Arc;

use crate::world::plugin_ports;
use inkstone_domain::plugin::{PluginBody, PluginSpec};
use inkstone_domain::{Error, codes};
use inkstone_services::plugins::{Choice, PluginState};
use inkstone_services::{Plugins, PluginsConfig};
use inkstone_testkit::{
    FakeLoader, FakeProvider, FakeResearch, ManualClock, loaded_plugin, plugin_spec,
};

fn research() -> PluginBody {
    PluginBody::Research(Arc::new(FakeResearch::new()))
}

fn setup(ids: &[&str]) -> (Arc<FakeLoader>, Plugins, Vec<PluginSpec>) {
    let loader = Arc::new(FakeLoader::new());
    for id in ids {
        loader.put(loaded_plugin(id, "1.0.0", research()));
    }
    let specs = ids.iter().map(|id| plugin_spec(id)).collect();
    let plugins = Plugins::new(
        plugin_ports(loader.clone()),
        Arc::new(ManualClock::new()),
        PluginsConfig::default(),
    );
    (loader, plugins, specs)
}

#[tokio::test]
async fn only_what_changed_is_prepared_again() {
    let (loader, plugins, mut specs) = setup(&["a", "b"]);
    let report = plugins.apply(specs.clone()).await;
    assert_eq!(report.added, ["a", "b"]);

    let before = plugins.snapshot();
    loader.put(loaded_plugin("b", "2.0.0", research()));
    specs[1].settings = serde_json::json!({ "depth": 2 });
    let report = plugins.apply(specs).await;
    assert_eq!(
        (report.updated, report.unchanged),
        (vec!["b".to_owned()], vec!["a".to_owned()])
    );
    // Plugins are prepared side by side, so only how often counts.
    let mut prepared = loader.prepared();
    prepared.sort();
    assert_eq!(prepared, ["a", "b", "b"]);

    // Who holds the old snapshot ends with it.
    let old = before.research("b", &Choice::stable()).unwrap().plugin;
    let new = plugins
        .snapshot()
        .research("b", &Choice::stable())
        .unwrap()
        .plugin;
    assert_eq!(
        (old.manifest.version.as_str(), new.manifest.version.as_str()),
        ("1.0.0", "2.0.0")
    );
    let kept = plugins
        .snapshot()
        .research("a", &Choice::stable())
        .unwrap()
        .plugin;
    assert!(Arc::ptr_eq(
        &before.research("a", &Choice::stable()).unwrap().plugin,
        &kept
    ));
}

#[tokio::test]
async fn a_failure_keeps_the_version_before_and_stops_nobody_else() {
    let (loader, plugins, mut specs) = setup(&["a", "b"]);
    plugins.apply(specs.clone()).await;
    loader.fail("a", Error::new(&codes::PLUGIN_REJECTED, "no manifest"));
    specs[0].settings = serde_json::json!({ "new": true });
    specs.push(plugin_spec("c"));
    specs.remove(1);
    let report = plugins.apply(specs.clone()).await;
    let failed: Vec<(&str, bool)> = report
        .failed
        .iter()
        .map(|failure| (failure.id.as_str(), failure.still_serving))
        .collect();
    assert_eq!(failed, [("a", true), ("c", false)]);
    assert_eq!(report.removed, ["b"]);

    let status = plugins.get("a").unwrap();
    assert_eq!(status.state, PluginState::Serving);
    assert_eq!(status.error.unwrap().message, "no manifest");
    assert!(plugins.snapshot().research("a", &Choice::stable()).is_ok());
    assert_eq!(plugins.get("c").unwrap().state, PluginState::Failed);

    // What failed is tried again, even where nothing changed.
    loader.put(loaded_plugin("a", "2.0.0", research()));
    loader.put(loaded_plugin("c", "1.0.0", research()));
    let report = plugins.apply(specs).await;
    assert_eq!(
        (report.added, report.updated),
        (vec!["c".to_owned()], vec!["a".to_owned()])
    );
    assert_eq!(plugins.get("a").unwrap().error, None);
}

#[tokio::test]
async fn disabling_takes_out_and_enabling_brings_back() {
    let (_, plugins, mut specs) = setup(&["a"]);
    plugins.apply(specs.clone()).await;
    specs[0].enabled = false;
    assert_eq!(plugins.apply(specs.clone()).await.removed, ["a"]);
    let error = plugins
        .snapshot()
        .research("a", &Choice::stable())
        .err()
        .unwrap();
    assert!(error.message().contains("disabled"), "{error}");
    assert_eq!(plugins.get("a").unwrap().state, PluginState::Disabled);
    specs[0].enabled = true;
    assert_eq!(plugins.apply(specs).await.added, ["a"]);
}

#[tokio::test]
async fn a_replaced_file_is_noticed_and_a_touched_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (loader, plugins, mut specs) = setup(&["a"]);
    specs[0].path = folder.path().join("a.wasm");
    std::fs::write(&specs[0].path, "one").unwrap();
    plugins.apply(specs.clone()).await;
    let before = plugins
        .snapshot()
        .research("a", &Choice::stable())
        .unwrap()
        .plugin;
    assert_eq!(plugins.apply(specs.clone()).await.unchanged, ["a"]);
    assert_eq!(loader.prepared().len(), 1);

    // Another file of the same digest.
    std::fs::write(&specs[0].path, "longer").unwrap();
    loader.put(loaded_plugin("a", "1.0.0", research()));
    assert_eq!(plugins.apply(specs.clone()).await.unchanged, ["a"]);
    assert!(Arc::ptr_eq(
        &before,
        &plugins
            .snapshot()
            .research("a", &Choice::stable())
            .unwrap()
            .plugin
    ));

    std::fs::write(&specs[0].path, "longer still").unwrap();
    loader.put(loaded_plugin("a", "2.0.0", research()));
    assert_eq!(plugins.apply(specs).await.updated, ["a"]);
}

#[tokio::test]
async fn names_must_agree_and_be_unique() {
    let (loader, plugins, mut specs) = setup(&["a"]);
    specs.push(plugin_spec("a"));
    specs.push(plugin_spec("b"));
    // A loader that gives another plugin than the configuration names.
    let wrong = loaded_plugin("a", "1.0.0", research());
    loader.put_as("b", wrong);
    let report = plugins.apply(specs).await;
    let codes: Vec<(&str, &str)> = report
        .failed
        .iter()
        .map(|failure| (failure.id.as_str(), failure.error.code().name))
        .collect();
    assert_eq!(codes, [("a", "invalid_config"), ("b", "plugin_rejected")]);
    assert_eq!(report.added, ["a"]);
}

#[tokio::test]
async fn lookups_know_aliases_and_name_what_there_is() {
    let (loader, plugins, mut specs) = setup(&["research-web"]);
    let provider = PluginBody::Provider(Arc::new(FakeProvider::new(&["tiny"])));
    loader.put(loaded_plugin("provider-fake", "1.0.0", provider));
    specs.push(plugin_spec("provider-fake"));
    plugins.apply(specs).await;
    let snapshot = plugins.snapshot();
    for name in ["fake", "provider-fake"] {
        assert_eq!(
            snapshot
                .provider(name, &Choice::stable())
                .unwrap()
                .plugin
                .manifest
                .id,
            "provider-fake"
        );
    }
    let error = snapshot
        .provider("openai", &Choice::stable())
        .err()
        .unwrap();
    assert_eq!(error.code().name, "unknown_plugin");
    assert_eq!(
        error.message(),
        "there is no provider plugin `openai`; there are `provider-fake`"
    );
    let error = snapshot
        .generator("research-web", &Choice::stable())
        .err()
        .unwrap();
    assert_eq!(
        error.message(),
        "the plugin `research-web` is no generator plugin; there is none at the moment"
    );
    assert!(plugins.get("nothing").is_err());
    assert_eq!(plugins.list().len(), 2);
}

#[tokio::test]
async fn a_plugin_whose_key_was_revoked_stops_though_its_file_is_the_same() {
    let (loader, plugins, specs) = setup(&["a", "b"]);
    plugins.apply(specs.clone()).await;
    loader.distrust("a");
    loader.fail("a", Error::new(&codes::PLUGIN_UNTRUSTED, "revoked"));
    let report = plugins.apply(specs).await;
    let failed: Vec<(&str, bool)> = report
        .failed
        .iter()
        .map(|failure| (failure.id.as_str(), failure.still_serving))
        .collect();
    assert_eq!(failed, [("a", false)]);
    assert_eq!(report.unchanged, ["b"]);
    assert!(plugins.snapshot().research("a", &Choice::stable()).is_err());
    assert_eq!(
        plugins.get("a").unwrap().error.unwrap().code,
        "plugin_untrusted"
    );
}
