//! What serves at one instant: an unchangeable snapshot behind one atomic pointer. Handlers get the
//! snapshot, never the pointer, so a call cannot see two configurations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use inkstone_domain::event::Told;
use inkstone_domain::plugin::{LoadedPlugin, PluginBody, PluginKind};
use inkstone_domain::ports::{Analytics, Clock, Generator, Provider, Research, Subscriber};
use inkstone_domain::{Error, Result, codes};

use super::choice::{Choice, Pins};
use super::routing::Routing;
use super::status::{PluginState, PluginStatus};

/// A plugin and the port to call it by.
pub struct Callable<T: ?Sized> {
    pub plugin: Arc<LoadedPlugin>,
    pub port: Arc<T>,
    /// Whether a rollout tries this version.
    pub is_canary: bool,
}

/// What a plugin gave, and which version it was.
#[derive(Debug)]
pub struct Answered<T> {
    pub plugin: Arc<LoadedPlugin>,
    pub value: T,
}

/// The one pointer to what serves.
pub(super) struct Registry(ArcSwap<Snapshot>);

impl Registry {
    pub(super) fn new(first: Snapshot) -> Self {
        Self(ArcSwap::from_pointee(first))
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Lets `next` serve. Calls of versions that are gone may go on for `grace`.
    pub(super) fn swap(&self, next: Snapshot, grace: Duration) {
        let next = Arc::new(next);
        let before = self.0.swap(Arc::clone(&next));
        for plugin in before.gone_in(&next) {
            plugin.probe.retire(grace);
        }
    }
}

/// The plugins that serve at one instant. Never changes.
pub struct Snapshot {
    /// Enabled ones of which something is loaded.
    routes: BTreeMap<String, Routing>,
    statuses: Vec<PluginStatus>,
    /// Tells how long a rest still takes.
    clock: Arc<dyn Clock>,
}

impl Snapshot {
    pub(super) fn new(
        routes: BTreeMap<String, Routing>,
        statuses: Vec<PluginStatus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            routes,
            statuses,
            clock,
        }
    }

    /// By id, or by the id without `provider-`.
    pub fn provider(&self, name: &str, choice: &Choice) -> Result<Callable<dyn Provider>> {
        let id = match self.routes.contains_key(name) {
            true => name.to_owned(),
            false => format!("{PROVIDER_PREFIX}{name}"),
        };
        self.find(name, &id, PluginKind::Provider, as_provider, choice)
    }

    /// By id.
    pub fn generator(&self, id: &str, choice: &Choice) -> Result<Callable<dyn Generator>> {
        self.find(id, id, PluginKind::Generator, as_generator, choice)
    }

    /// By id.
    pub fn research(&self, id: &str, choice: &Choice) -> Result<Callable<dyn Research>> {
        self.find(id, id, PluginKind::Research, as_research, choice)
    }

    /// By id.
    pub fn analytics(&self, id: &str, choice: &Choice) -> Result<Callable<dyn Analytics>> {
        self.find(id, id, PluginKind::Analytics, as_analytics, choice)
    }

    /// By id.
    pub fn subscriber(&self, id: &str, choice: &Choice) -> Result<Callable<dyn Subscriber>> {
        self.find(id, id, PluginKind::Subscriber, as_subscriber, choice)
    }

    /// Ids of all that are loaded, whether they rest or not.
    pub fn subscribers(&self) -> BTreeSet<String> {
        let subscribers = self.routes.iter().filter(|(_, routing)| {
            let mut versions = routing.versions();
            versions.any(|one| as_subscriber(&one.plugin.body).is_some())
        });
        subscribers.map(|(id, _)| id.clone()).collect()
    }

    /// Whether a loaded version of this subscriber is told of this. `None` where none is loaded.
    pub fn hears(&self, id: &str, told: &Told) -> Option<bool> {
        let routing = self.routes.get(id)?;
        let mut versions = routing.versions();
        Some(versions.any(|one| one.plugin.effective.hears(told)))
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

    /// Checks that every pinned version is loaded; else `unknown_plugin` or `unknown_version`.
    pub fn check_pins(&self, pins: &Pins) -> Result<()> {
        for pin in pins.iter() {
            match self.routes.get(&pin.plugin) {
                Some(routing) => drop(routing.pinned(&pin.plugin, &pin.version)?),
                None => return Err(self.not_serving(&pin.plugin)),
            }
        }
        Ok(())
    }

    /// The loaded versions of a plugin, in the order of its status.
    pub(super) fn loaded(&self, id: &str) -> Vec<Arc<LoadedPlugin>> {
        let routing = self.routes.get(id).into_iter();
        routing
            .flat_map(Routing::versions)
            .map(|version| Arc::clone(&version.plugin))
            .collect()
    }

    /// Every loaded version of every plugin.
    fn all_loaded(&self) -> impl Iterator<Item = &Arc<LoadedPlugin>> {
        let versions = self.routes.values().flat_map(Routing::versions);
        versions.map(|version| &version.plugin)
    }

    /// The versions that `next` no longer holds.
    fn gone_in<'own>(
        &'own self,
        next: &'own Self,
    ) -> impl Iterator<Item = &'own Arc<LoadedPlugin>> {
        self.all_loaded()
            .filter(move |plugin| next.all_loaded().all(|kept| !Arc::ptr_eq(kept, plugin)))
    }

    /// How many plugins are loaded.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether none is loaded.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
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
        choice: &Choice,
    ) -> Result<Callable<T>> {
        if let Some(routing) = self.routes.get(id)
            && routing
                .versions()
                .all(|one| port_of(&one.plugin.body).is_some())
            && let Some(plugin) = routing.pick(id, choice, || self.clock.now())?
            && let Some(port) = port_of(&plugin.body)
        {
            return Ok(Callable {
                plugin: Arc::clone(plugin),
                port,
                is_canary: routing.is_canary(plugin),
            });
        }
        let why = match self.statuses.iter().find(|status| status.id == id) {
            Some(status) if !status.enabled => format!("the plugin `{id}` is disabled"),
            Some(status) if status.state == PluginState::Failed => {
                format!("the plugin `{id}` could not be loaded (see the list of plugins)")
            }
            Some(status) if status.kind == Some(kind) => {
                format!(
                    "the stable version of the plugin `{id}` could not be loaded (see the list of plugins)"
                )
            }
            Some(_) => format!("the plugin `{id}` is no {} plugin", kind.as_str()),
            None => format!("there is no {} plugin `{name}`", kind.as_str()),
        };
        let known = self
            .routes
            .iter()
            .filter(|(_, routing)| {
                routing
                    .versions()
                    .any(|one| port_of(&one.plugin.body).is_some())
            })
            .map(|(id, _)| id.as_str());
        Err(Error::new(
            &codes::UNKNOWN_PLUGIN,
            format!("{why}; {}", known_list(known)),
        ))
    }

    fn not_serving(&self, id: &str) -> Error {
        match self.status(id) {
            Ok(_) => Error::new(
                &codes::UNKNOWN_VERSION,
                format!("no version of the plugin `{id}` is loaded (see the list of plugins)"),
            ),
            Err(unknown) => unknown,
        }
    }

    fn all<T: ?Sized>(&self, port_of: fn(&PluginBody) -> Option<Arc<T>>) -> Vec<Callable<T>> {
        let nobody = Choice::stable();
        self.routes
            .iter()
            .filter_map(|(id, routing)| {
                let picked = routing.pick(id, &nobody, || self.clock.now());
                let plugin = picked.ok().flatten()?;
                Some(Callable {
                    plugin: Arc::clone(plugin),
                    port: port_of(&plugin.body)?,
                    is_canary: routing.is_canary(plugin),
                })
            })
            .collect()
    }
}

const PROVIDER_PREFIX: &str = "provider-";

/// Whether the error says that the plugin is not there at this moment: it, or the version that was asked for, is
/// not loaded, disabled, or could not be loaded.
pub(crate) fn is_not_loaded(error: &Error) -> bool {
    [&codes::UNKNOWN_PLUGIN, &codes::UNKNOWN_VERSION].contains(&error.code())
}

/// How users name a provider: its id without `provider-`.
pub(crate) fn provider_name(id: &str) -> &str {
    id.strip_prefix(PROVIDER_PREFIX).unwrap_or(id)
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

fn as_subscriber(body: &PluginBody) -> Option<Arc<dyn Subscriber>> {
    match body {
        PluginBody::Subscriber(port) => Some(Arc::clone(port)),
        _ => None,
    }
}
