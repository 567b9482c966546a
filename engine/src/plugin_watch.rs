//! Takes up changes of the list of plugins, of its packages, and packages dropped into its folders.
//! Whoever writes such a file slowly is no trouble: each further piece is one more reason to look.

use std::sync::Arc;

use inkstone_config::engine::PluginsConfig;
use inkstone_config::plugins;
use inkstone_config::watch::{FileWatch, WatchError, Watched};
use inkstone_services::Services;
use tokio_util::sync::CancellationToken;

/// Ends of the names of packages.
const PACKAGES: &[&str] = &["inkplug", "wasm"];

pub(crate) struct PluginWatch {
    config: PluginsConfig,
    watch: FileWatch,
}

impl PluginWatch {
    /// From now on nothing is missed.
    pub(crate) fn start(config: PluginsConfig) -> Result<Self, WatchError> {
        Ok(Self {
            watch: FileWatch::start(watched(&config))?,
            config,
        })
    }

    /// Reloads at every change, until `stop`. A list that is wrong changes nothing.
    pub(crate) async fn run(mut self, services: Arc<Services>, stop: CancellationToken) {
        loop {
            let changed = tokio::select! {
                changed = self.watch.changed() => changed,
                () = stop.cancelled() => return,
            };
            if changed.is_none() {
                tracing::warn!(
                    "changes of plugins are no longer told; reload by hand to take them up"
                );
                return;
            }
            self.reload(&services).await;
        }
    }

    /// Once more where the list led to files that were not watched while it was read.
    async fn reload(&mut self, services: &Services) {
        loop {
            // What became of each plugin is logged there.
            if let Err(error) = services.plugins.reload().await {
                tracing::error!(
                    %error,
                    "the list of plugins is wrong; what served before goes on serving"
                );
            }
            match self.watch.follow(watched(&self.config)) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "some changes of plugins will not be told; reload by hand to take them up");
                    return;
                }
            }
        }
    }
}

/// The list, what it names, and every folder a package may be dropped into.
fn watched(config: &PluginsConfig) -> Watched {
    let mut watched = Watched::default();
    watched.files.insert(config.file.clone());
    // A key that is revoked counts at once.
    watched.files.insert(config.trust.keys_file.clone());
    watched.folders.insert(config.dir.clone(), PACKAGES);
    // A wrong list is watched until it is right.
    for spec in plugins::load(config).unwrap_or_default() {
        let canary = spec.rollout.map(|rollout| rollout.path);
        let stable = spec.remote.is_none().then_some(spec.path);
        for path in canary.into_iter().chain(stable) {
            if let Some(folder) = path.parent() {
                watched.folders.insert(folder.to_owned(), PACKAGES);
            }
            watched.files.insert(path);
        }
    }
    watched
}
