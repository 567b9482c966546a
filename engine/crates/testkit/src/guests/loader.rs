//! A loader that hands out what the test put there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use inkstone_domain::capability::Effective;
use inkstone_domain::plugin::{
    Limits, LoadedPlugin, Manifest, PluginBody, PluginKind, PluginSpec, SettingsDeclaration,
};
use inkstone_domain::ports::{PluginLoader, Probe};
use inkstone_domain::{Error, Result, codes};

/// Knows plugins by id.
#[derive(Default)]
pub struct FakeLoader(Mutex<State>);

#[derive(Default)]
struct State {
    plugins: HashMap<String, Result<Arc<LoadedPlugin>>>,
    prepared: Vec<String>,
}

impl FakeLoader {
    /// Knows nothing yet: every plugin is `plugin_rejected`.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on its id is prepared to this.
    pub fn put(&self, plugin: Arc<LoadedPlugin>) {
        self.put_as(&plugin.manifest.id.clone(), plugin);
    }

    /// From now on this id is prepared to the plugin, whatever that calls itself.
    pub fn put_as(&self, id: &str, plugin: Arc<LoadedPlugin>) {
        self.state().plugins.insert(id.to_owned(), Ok(plugin));
    }

    /// From now on preparing this plugin fails.
    pub fn fail(&self, id: &str, error: Error) {
        self.state().plugins.insert(id.to_owned(), Err(error));
    }

    /// Ids of all plugins prepared so far, failed ones too, in order.
    pub fn prepared(&self) -> Vec<String> {
        self.state().prepared.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PluginLoader for FakeLoader {
    async fn prepare(&self, spec: &PluginSpec) -> Result<Arc<LoadedPlugin>> {
        let mut state = self.state();
        state.prepared.push(spec.id.clone());
        state.plugins.get(&spec.id).cloned().unwrap_or_else(|| {
            Err(Error::new(
                &codes::PLUGIN_REJECTED,
                format!("the fake loader has no plugin `{}`", spec.id),
            ))
        })
    }
}

/// A plugin that is ready, without powers; its digest follows from id and version.
pub fn loaded_plugin(id: &str, version: &str, body: PluginBody) -> Arc<LoadedPlugin> {
    let kind = match &body {
        PluginBody::Provider(_) => PluginKind::Provider,
        PluginBody::Generator(_) => PluginKind::Generator,
        PluginBody::Research(_) => PluginKind::Research,
        PluginBody::Analytics(_) => PluginKind::Analytics,
    };
    Arc::new(LoadedPlugin {
        manifest: Manifest {
            id: id.to_owned(),
            name: id.to_owned(),
            version: version.to_owned(),
            kind,
            api: "0.1.0".to_owned(),
            authors: Vec::new(),
            description: format!("The fake {id}."),
            license: "Apache-2.0".to_owned(),
            repository: String::new(),
            permissions: Default::default(),
            limits: Limits::default(),
            settings: SettingsDeclaration::default(),
        },
        digest: format!("digest-of-{id}-{version}"),
        effective: Effective::default(),
        refused: Vec::new(),
        stats: Arc::default(),
        body,
        probe: Arc::new(Healthy),
    })
}

/// A probe that finds nothing wrong.
struct Healthy;

#[async_trait]
impl Probe for Healthy {
    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// An enabled plugin without grants and settings, at a path that does not exist.
pub fn plugin_spec(id: &str) -> PluginSpec {
    PluginSpec::new(id, format!("no-such-folder/{id}.wasm"))
}
