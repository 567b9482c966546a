//! As many small plugins as a list may hold, all loaded in one host: they take a bounded place each,
//! and the one that is called is as quick as if it were alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::plugin::{LoadedPlugin, PluginBody, PluginSpec};
use inkstone_domain::ports::{GuestCall, PluginLoader};
use serde_json::json;

use super::handmade;
use super::neighbour::Neighbour;
use super::resident;
use super::stage::Stage;

/// What one small plugin may keep in memory: its code, its linked form, its manifest and counters.
const MOST_KIB_EACH: i64 = 256;
const WATCHED: Duration = Duration::from_millis(500);

/// What was measured.
pub struct Crowd {
    pub plugins: usize,
    pub each_kib: i64,
    /// The neighbour's p99 before they were loaded, and among them.
    pub alone: Duration,
    pub among_them: Duration,
}

/// Loads so many components, each different from the others, calls every one, and lets them go.
pub async fn gather(plugins: usize) -> Crowd {
    let stage = Stage::new();
    let folder = tempfile::tempdir().unwrap();
    let neighbour = Neighbour::load(&stage.host).await;
    let alone = neighbour.watch_for(WATCHED).await;
    // The first brings what all share.
    let mut crowd = vec![load(&stage, folder.path(), 0).await];
    let before_kib = resident::kib();
    for number in 1..=plugins {
        crowd.push(load(&stage, folder.path(), number).await);
    }
    for plugin in &crowd {
        let PluginBody::Analytics(analytics) = &plugin.body else {
            panic!("{plugin:?} is no analytics plugin");
        };
        let call = GuestCall::default();
        let blocks = analytics.run(&call, "harm", json!({})).await.unwrap();
        assert!(blocks.is_empty());
    }
    let full_kib = resident::kib();
    let among_them = neighbour.watch_for(WATCHED).await;
    drop(crowd);
    let kept_kib = resident::kib() - before_kib;
    let each_kib = (full_kib - before_kib) / plugins as i64;
    assert!(each_kib > 0, "nothing was measured");
    assert!(each_kib < MOST_KIB_EACH, "{each_kib} KiB each");
    assert!(
        kept_kib < (full_kib - before_kib) / 2,
        "{kept_kib} KiB of {} were not given back",
        full_kib - before_kib
    );
    Crowd {
        plugins,
        each_kib,
        alone: alone.p99(),
        among_them: among_them.p99(),
    }
}

async fn load(stage: &Stage, folder: &Path, number: usize) -> Arc<LoadedPlugin> {
    let id = format!("analytics-n{number}");
    let path = handmade::write(folder, "honest", &id);
    let spec = PluginSpec::new(id, path);
    stage.host.prepare(&spec).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_plugins_take_little_each() {
    let crowd = gather(150).await;
    println!(
        "{} plugins take {} KiB each; the neighbour's p99 went from {:?} to {:?}",
        crowd.plugins, crowd.each_kib, crowd.alone, crowd.among_them
    );
}
