//! As many small plugins as a list may hold, all loaded in one host: they take a bounded place each,
//! and the one that is called is as quick as if it were alone.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::plugin::{LoadedPlugin, PluginBody, PluginSpec};
use inkstone_domain::ports::{GuestCall, PluginLoader};
use serde_json::json;

use super::neighbour::Neighbour;
use super::resident;
use super::stage::Stage;
use super::{handmade, table};

/// What one small plugin may keep in memory: its code, its linked form, its manifest and counters.
const MOST_KIB_EACH: i64 = 512;

async fn load(stage: &Stage, folder: &std::path::Path, number: usize) -> Arc<LoadedPlugin> {
    let id = format!("analytics-n{number}");
    let path = handmade::write(folder, "honest", &id);
    stage
        .host
        .prepare(&PluginSpec::new(id, path))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_plugins_take_little_each() {
    let stage = Stage::new();
    let folder = tempfile::tempdir().unwrap();
    let neighbour = Neighbour::load(&stage.host).await;
    let alone = neighbour.watch_for(Duration::from_millis(300)).await;
    // The first brings what all share.
    let mut crowd = vec![load(&stage, folder.path(), 0).await];
    let before_kib = resident::kib();
    let plugins = if table::is_thorough() { 1_000 } else { 150 };
    for number in 1..=plugins {
        crowd.push(load(&stage, folder.path(), number as usize).await);
    }
    let each_kib = (resident::kib() - before_kib) / plugins;
    let among_them = neighbour.watch_for(Duration::from_millis(300)).await;
    println!(
        "{plugins} plugins: {each_kib} KiB each; the neighbour's p99 {:?} -> {:?}",
        alone.p99(),
        among_them.p99()
    );
    assert!(each_kib < MOST_KIB_EACH, "{each_kib} KiB each");
    for plugin in &crowd {
        let PluginBody::Analytics(analytics) = &plugin.body else {
            panic!("{plugin:?} is no analytics plugin");
        };
        let blocks = analytics
            .run(&GuestCall::default(), "harm", json!({}))
            .await;
        assert_eq!(blocks.unwrap().len(), 0);
    }
    let full_kib = resident::kib();
    drop(crowd);
    let freed_kib = full_kib - resident::kib();
    assert!(
        freed_kib >= each_kib * plugins / 2,
        "{freed_kib} KiB of {} were given back",
        each_kib * plugins
    );
}
