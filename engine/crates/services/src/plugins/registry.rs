//! What serves at one instant: an unchangeable snapshot behind one atomic pointer. Handlers get the
//! snapshot, never the pointer, so a call cannot see two configurations.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use inkstone_domain::capability::Permissions;
use inkstone_domain::plugin::{LoadedPlugin, PluginBody, PluginKind};
use inkstone_domain::ports::{Analytics, Generator, Provider, Research};
use inkstone_domain::{Error, Result, codes};

use super::reload::Installed;

/// Whether a plugin serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    Serving,
    Disabled,
    Failed,
}

/// Why the last attempt to load a plugin failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFault {
    /// A name of `codes.rs`.
    pub code: &'static str,
    pub message: String,
}

/// One configured plugin, for people. What is known only after loading is `None` before it.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginStatus {
    pub id: String,
    pub enabled: bool,
    pub state: PluginState,
    pub name: Option<String>,
    pub description: Option<String>,
    pub version: Option<String>,
    pub kind: Option<PluginKind>,
    /// SHA-256 of the component, hex.
    pub digest: Option<String>,
    pub asked: Option<Permissions>,
    pub effective: Option<Permissions>,
    /// Asked and not granted, in words.
    pub refused: Vec<String>,
    /// Of the last reload; the version before it may still be serving.
    pub error: Option<PluginFault>,
}

/// A plugin and the port to call it by.
pub struct Callable<T: ?Sized> {
    pub plugin: Arc<LoadedPlugin>,
    pub port: Arc<T>,
}

/// The one pointer to what serves.
#[derive(Default)]
pub(super) struct Registry(ArcSwap<Snapshot>);

impl Registry {
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    pub(super) fn swap(&self, next: Snapshot) {
        self.0.store(Arc::new(next));
    }
}

/// The plugins that serve at one instant. Never changes.
#[derive(Default)]
pub struct Snapshot {
    serving: BTreeMap<String, Arc<LoadedPlugin>>,
    statuses: Vec<PluginStatus>,
}

impl Snapshot {
    pub(super) fn new(installed: &[Installed]) -> Self {
        let serving = installed
            .iter()
            .filter(|one| one.spec.enabled)
            .filter_map(|one| Some((one.spec.id.clone(), Arc::clone(one.loaded.as_ref()?))))
            .collect();
        Self {
            serving,
            statuses: installed.iter().map(status_of).collect(),
        }
    }

    /// By id, or by the id without `provider-`.
    pub fn provider(&self, name: &str) -> Result<Callable<dyn Provider>> {
        let id = match self.serving.contains_key(name) {
            true => name.to_owned(),
            false => format!("{PROVIDER_PREFIX}{name}"),
        };
        self.find(name, &id, PluginKind::Provider, as_provider)
    }

    /// By id.
    pub fn generator(&self, id: &str) -> Result<Callable<dyn Generator>> {
        self.find(id, id, PluginKind::Generator, as_generator)
    }

    /// By id.
    pub fn research(&self, id: &str) -> Result<Callable<dyn Research>> {
        self.find(id, id, PluginKind::Research, as_research)
    }

    /// By id.
    pub fn analytics(&self, id: &str) -> Result<Callable<dyn Analytics>> {
        self.find(id, id, PluginKind::Analytics, as_analytics)
    }

    /// All that serve, by id.
    pub fn providers(&self) -> Vec<Callable<dyn Provider>> {
        self.all(as_provider)
    }

    /// All that serve, by id.
    pub fn generators(&self) -> Vec<Callable<dyn Generator>> {
        self.all(as_generator)
    }

    /// All that serve, by id.
    pub fn researchers(&self) -> Vec<Callable<dyn Research>> {
        self.all(as_research)
    }

    /// All that serve, by id.
    pub fn analysts(&self) -> Vec<Callable<dyn Analytics>> {
        self.all(as_analytics)
    }

    /// How many plugins serve.
    pub fn len(&self) -> usize {
        self.serving.len()
    }

    /// Whether none serves.
    pub fn is_empty(&self) -> bool {
        self.serving.is_empty()
    }

    /// All configured plugins, in the order of the configuration.
    pub fn statuses(&self) -> &[PluginStatus] {
        &self.statuses
    }

    /// One configured plugin; `unknown_plugin` names the known ones.
    pub fn status(&self, id: &str) -> Result<&PluginStatus> {
        self.statuses
            .iter()
            .find(|status| status.id == id)
            .ok_or_else(|| {
                let known = self.statuses.iter().map(|status| status.id.as_str());
                Error::new(
                    &codes::UNKNOWN_PLUGIN,
                    format!("there is no plugin `{id}`; {}", known_list(known)),
                )
            })
    }

    fn find<T: ?Sized>(
        &self,
        name: &str,
        id: &str,
        kind: PluginKind,
        port_of: fn(&PluginBody) -> Option<Arc<T>>,
    ) -> Result<Callable<T>> {
        if let Some(plugin) = self.serving.get(id)
            && let Some(port) = port_of(&plugin.body)
        {
            return Ok(Callable {
                plugin: Arc::clone(plugin),
                port,
            });
        }
        let why = match self.statuses.iter().find(|status| status.id == id) {
            Some(status) if !status.enabled => format!("the plugin `{id}` is disabled"),
            Some(status) if status.state == PluginState::Failed => {
                format!("the plugin `{id}` could not be loaded (see the list of plugins)")
            }
            Some(_) => format!("the plugin `{id}` is no {} plugin", kind.as_str()),
            None => format!("there is no {} plugin `{name}`", kind.as_str()),
        };
        let known = self
            .serving
            .iter()
            .filter(|(_, plugin)| port_of(&plugin.body).is_some())
            .map(|(id, _)| id.as_str());
        Err(Error::new(
            &codes::UNKNOWN_PLUGIN,
            format!("{why}; {}", known_list(known)),
        ))
    }

    fn all<T: ?Sized>(&self, port_of: fn(&PluginBody) -> Option<Arc<T>>) -> Vec<Callable<T>> {
        self.serving
            .values()
            .filter_map(|plugin| {
                Some(Callable {
                    plugin: Arc::clone(plugin),
                    port: port_of(&plugin.body)?,
                })
            })
            .collect()
    }
}

const PROVIDER_PREFIX: &str = "provider-";

/// How users name a provider: its id without `provider-`.
pub(crate) fn provider_name(id: &str) -> &str {
    id.strip_prefix(PROVIDER_PREFIX).unwrap_or(id)
}

fn status_of(installed: &Installed) -> PluginStatus {
    let loaded = installed.loaded.as_deref();
    let manifest = loaded.map(|plugin| &plugin.manifest);
    let state = match (installed.spec.enabled, loaded) {
        (false, _) => PluginState::Disabled,
        (true, Some(_)) => PluginState::Serving,
        (true, None) => PluginState::Failed,
    };
    PluginStatus {
        id: installed.spec.id.clone(),
        enabled: installed.spec.enabled,
        state,
        name: manifest.map(|m| m.name.clone()),
        description: manifest.map(|m| m.description.clone()),
        version: manifest.map(|m| m.version.clone()),
        kind: manifest.map(|m| m.kind),
        digest: loaded.map(|plugin| plugin.digest.clone()),
        asked: manifest.map(|m| m.permissions.clone()),
        effective: loaded.map(|plugin| plugin.effective.permissions.clone()),
        refused: loaded.map_or_else(Vec::new, |plugin| plugin.refused.clone()),
        error: installed.error.as_ref().map(|error| PluginFault {
            code: error.code().name,
            message: error.message().to_owned(),
        }),
    }
}

fn known_list<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: Vec<String> = ids.map(|id| format!("`{id}`")).collect();
    match ids.is_empty() {
        true => "there is none at the moment".to_owned(),
        false => format!("there are {}", ids.join(", ")),
    }
}

fn as_provider(body: &PluginBody) -> Option<Arc<dyn Provider>> {
    match body {
        PluginBody::Provider(port) => Some(Arc::clone(port)),
        _ => None,
    }
}

fn as_generator(body: &PluginBody) -> Option<Arc<dyn Generator>> {
    match body {
        PluginBody::Generator(port) => Some(Arc::clone(port)),
        _ => None,
    }
}

fn as_research(body: &PluginBody) -> Option<Arc<dyn Research>> {
    match body {
        PluginBody::Research(port) => Some(Arc::clone(port)),
        _ => None,
    }
}

fn as_analytics(body: &PluginBody) -> Option<Arc<dyn Analytics>> {
    match body {
        PluginBody::Analytics(port) => Some(Arc::clone(port)),
        _ => None,
    }
}
