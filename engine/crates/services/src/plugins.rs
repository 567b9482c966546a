//! The loaded plugins: what serves now, and how a new configuration takes over. How a plugin is made
//! ready is the loader's business; which calls are made is that of the other services.

mod registry;
mod reload;

use std::sync::Arc;

use inkstone_domain::Result;
use inkstone_domain::plugin::PluginSpec;
use inkstone_domain::ports::PluginLoader;
use tokio::sync::Mutex;

use self::registry::Registry;
pub(crate) use self::registry::provider_name;
pub use self::registry::{Callable, PluginFault, PluginState, PluginStatus, Snapshot};
use self::reload::Installed;
pub use self::reload::{ReloadFailure, ReloadReport};

/// The plugins of this engine.
pub struct Plugins {
    loader: Arc<dyn PluginLoader>,
    registry: Registry,
    /// What the last reload left. Held through a reload, so reloads happen one after the other.
    installed: Mutex<Vec<Installed>>,
}

impl Plugins {
    /// Nothing serves before the first [`Plugins::apply`].
    pub fn new(loader: Arc<dyn PluginLoader>) -> Self {
        Self {
            loader,
            registry: Registry::default(),
            installed: Mutex::new(Vec::new()),
        }
    }

    /// What serves at this instant. A call holds on to one snapshot to its end.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.registry.snapshot()
    }

    /// Makes `specs` the wanted state. What has changed, in its spec or its file, is prepared first,
    /// which may fail for each plugin on its own: then its version before goes on serving. The rest
    /// takes over in one step. Calls under way end with the version they began with.
    pub async fn apply(&self, specs: Vec<PluginSpec>) -> ReloadReport {
        let mut installed = self.installed.lock().await;
        let (next, report) = reload::prepare(self.loader.as_ref(), &installed, specs).await;
        self.registry.swap(Snapshot::new(&next));
        *installed = next;
        drop(installed);
        reload::log(&report);
        report
    }

    /// All configured plugins, in the order of the configuration.
    pub fn list(&self) -> Vec<PluginStatus> {
        self.snapshot().statuses().to_vec()
    }

    /// One configured plugin; `unknown_plugin` names the known ones.
    pub fn get(&self, id: &str) -> Result<PluginStatus> {
        self.snapshot().status(id).cloned()
    }
}
