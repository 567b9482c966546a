//! A loader that hands out what the test put there.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::capability::Effective;
use inkstone_domain::plugin::{
    Limits, LoadedPlugin, Manifest, PackageFormat, PackageInfo, PluginBody, PluginKind, PluginSpec,
    SettingsDeclaration,
};
use inkstone_domain::ports::{PluginLoader, Probe};
use inkstone_domain::{Error, Result, codes};

/// Knows plugins by id.
#[derive(Default)]
pub struct FakeLoader(Mutex<State>);

#[derive(Default)]
struct State {
    plugins: HashMap<String, Result<Arc<LoadedPlugin>>>,
    /// Before those by id.
    at_paths: HashMap<PathBuf, Result<Arc<LoadedPlugin>>>,
    prepared: Vec<String>,
    distrusted: HashSet<String>,
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

    /// From now on this path is prepared to the plugin, whatever the id: for a second version.
    pub fn put_at(&self, path: impl Into<PathBuf>, plugin: Arc<LoadedPlugin>) {
        self.state().at_paths.insert(path.into(), Ok(plugin));
    }

    /// From now on preparing this path fails.
    pub fn fail_at(&self, path: impl Into<PathBuf>, error: Error) {
        self.state().at_paths.insert(path.into(), Err(error));
    }

    /// From now on preparing this plugin fails.
    pub fn fail(&self, id: &str, error: Error) {
        self.state().plugins.insert(id.to_owned(), Err(error));
    }

    /// From now on this plugin may not go on serving, as if the key that signed it were revoked.
    pub fn distrust(&self, id: &str) {
        self.state().distrusted.insert(id.to_owned());
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
        if let Some(prepared) = state.at_paths.get(&spec.path) {
            return prepared.clone();
        }
        state.plugins.get(&spec.id).cloned().unwrap_or_else(|| {
            Err(Error::new(
                &codes::PLUGIN_REJECTED,
                format!("the fake loader has no plugin `{}`", spec.id),
            ))
        })
    }

    /// Of what [`fake_package`] makes.
    async fn inspect(&self, package: Bytes) -> Result<PackageInfo> {
        let manifest: Manifest = serde_json::from_slice(&package).map_err(|error| {
            Error::new(
                &codes::PLUGIN_REJECTED,
                format!("this is no fake package: {error}"),
            )
        })?;
        Ok(PackageInfo {
            digest: digest(&manifest.id, &manifest.version),
            package_digest: digest(&manifest.id, &manifest.version),
            format: PackageFormat::Package,
            signed_by: Vec::new(),
            manifest,
        })
    }

    async fn recheck(&self, plugin: &LoadedPlugin) -> Result<()> {
        let id = &plugin.manifest.id;
        if !self.state().distrusted.contains(id) {
            return Ok(());
        }
        Err(Error::new(
            &codes::PLUGIN_UNTRUSTED,
            format!("the fake loader distrusts `{id}`"),
        ))
    }
}

/// A plugin that is ready, without powers; its digest follows from id and version.
pub fn loaded_plugin(id: &str, version: &str, body: PluginBody) -> Arc<LoadedPlugin> {
    let kind = match &body {
        PluginBody::Provider(_) => PluginKind::Provider,
        PluginBody::Generator(_) => PluginKind::Generator,
        PluginBody::Research(_) => PluginKind::Research,
        PluginBody::Analytics(_) => PluginKind::Analytics,
        PluginBody::Subscriber(_) => PluginKind::Subscriber,
    };
    Arc::new(LoadedPlugin {
        manifest: fake_manifest(id, version, kind),
        digest: digest(id, version),
        package_digest: digest(id, version),
        format: PackageFormat::Package,
        signed_by: Vec::new(),
        effective: Effective::default(),
        refused: Vec::new(),
        stats: Arc::default(),
        recording: Arc::default(),
        body,
        probe: Arc::new(Healthy),
    })
}

/// A manifest that asks for nothing.
pub fn fake_manifest(id: &str, version: &str, kind: PluginKind) -> Manifest {
    Manifest {
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
        prices: None,
    }
}

/// A package that [`FakeLoader`] can look into.
pub fn fake_package(manifest: &Manifest) -> Bytes {
    serde_json::to_vec(manifest).unwrap().into()
}

fn digest(id: &str, version: &str) -> String {
    format!("digest-of-{id}-{version}")
}

/// A probe that finds nothing wrong.
struct Healthy;

#[async_trait]
impl Probe for Healthy {
    async fn check(&self) -> Result<()> {
        Ok(())
    }

    fn retire(&self, _grace: Duration) {}
}

/// An enabled plugin without grants and settings, at a path that does not exist.
pub fn plugin_spec(id: &str) -> PluginSpec {
    PluginSpec::new(id, format!("no-such-folder/{id}.wasm"))
}
