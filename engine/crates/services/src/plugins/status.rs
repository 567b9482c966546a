//! The plugins as people see them: what is configured, what of it serves, and what is wrong.

use inkstone_domain::Error;
use inkstone_domain::capability::Permissions;
use inkstone_domain::plugin::{LoadedPlugin, PluginKind, Signer};

use super::quarantine::Rest;
use super::reload::{Installed, Slot};
use super::routing::{Routing, Version};

/// Whether a plugin serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    Serving,
    /// Its stable version failed too often and rests.
    Quarantined,
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

impl From<&Error> for PluginFault {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().name,
            message: error.message().to_owned(),
        }
    }
}

/// One configured plugin, for people. What is known only after loading is `None` before it.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginStatus {
    pub id: String,
    pub enabled: bool,
    pub state: PluginState,
    pub name: Option<String>,
    pub description: Option<String>,
    /// Of the stable version, like everything down to `refused`; of the canary where that is alone.
    pub version: Option<String>,
    pub kind: Option<PluginKind>,
    /// SHA-256 of the component, hex.
    pub digest: Option<String>,
    pub asked: Option<Permissions>,
    pub effective: Option<Permissions>,
    /// Asked and not granted, in words.
    pub refused: Vec<String>,
    /// E-mail of the account in whose name a subscriber acts.
    pub run_as: Option<String>,
    /// Of the last reload; the version before it may still be serving.
    pub error: Option<PluginFault>,
    /// The stable one first, then the canary, then one that waits for consent.
    pub versions: Vec<VersionStatus>,
}

/// What a version is to its plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionRole {
    Stable,
    Canary,
    /// It asks for more than it was granted, and serves once an admin has consented.
    Waiting,
}

/// One version of a configured plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionStatus {
    pub role: VersionRole,
    pub version: String,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// SHA-256 of the file it came in, hex.
    pub package_digest: String,
    /// Empty for a bare component, and for a package that nobody signed.
    pub signed_by: Vec<Signer>,
    /// Share of the calls it gets now, 0 to 1.
    pub share: f64,
    pub asked: Permissions,
    pub effective: Permissions,
    /// Asked and not granted, in words.
    pub refused: Vec<String>,
    /// Why it is out of routing.
    pub quarantine: Option<Rest>,
}

pub(super) fn status_of(installed: &Installed, routing: &Routing) -> PluginStatus {
    let enabled = installed.spec.enabled;
    let stable_rests = routing
        .stable
        .as_ref()
        .is_some_and(|stable| stable.rest.is_some());
    let state = match (enabled, routing.is_loaded()) {
        (false, _) => PluginState::Disabled,
        (true, false) => PluginState::Failed,
        (true, true) if stable_rests => PluginState::Quarantined,
        (true, true) => PluginState::Serving,
    };
    let versions = versions(installed, routing);
    let first = routing.versions().next().map(|version| &version.plugin);
    let manifest = first.map(|plugin| &plugin.manifest);
    PluginStatus {
        id: installed.spec.id.clone(),
        enabled,
        state,
        name: manifest.map(|m| m.name.clone()),
        description: manifest.map(|m| m.description.clone()),
        version: manifest.map(|m| m.version.clone()),
        kind: manifest.map(|m| m.kind),
        digest: first.map(|plugin| plugin.digest.clone()),
        asked: manifest.map(|m| m.permissions.clone()),
        effective: first.map(|plugin| plugin.effective.permissions.clone()),
        refused: first.map_or_else(Vec::new, |plugin| plugin.refused.clone()),
        run_as: installed.spec.run_as.clone(),
        error: installed.error().as_ref().map(PluginFault::from),
        versions,
    }
}

fn versions(installed: &Installed, routing: &Routing) -> Vec<VersionStatus> {
    let shares = routing.shares();
    let share_of = |version: &Version| {
        let found = shares
            .iter()
            .find(|(plugin, _)| std::sync::Arc::ptr_eq(plugin, &version.plugin));
        found.map_or(0.0, |(_, share)| *share)
    };
    let stable = routing.stable.iter().map(|version| {
        let share = share_of(version);
        version_status(VersionRole::Stable, &version.plugin, share, &version.rest)
    });
    let canary = routing.canary.iter().map(|canary| {
        let version = &canary.version;
        let share = share_of(version);
        version_status(VersionRole::Canary, &version.plugin, share, &version.rest)
    });
    let waiting = installed
        .slots()
        .filter_map(|slot: &Slot| slot.waiting.as_ref())
        .map(|plugin| version_status(VersionRole::Waiting, plugin, 0.0, &None));
    stable.chain(canary).chain(waiting).collect()
}

fn version_status(
    role: VersionRole,
    plugin: &LoadedPlugin,
    share: f64,
    rest: &Option<Rest>,
) -> VersionStatus {
    VersionStatus {
        role,
        version: plugin.manifest.version.clone(),
        digest: plugin.digest.clone(),
        package_digest: plugin.package_digest.clone(),
        signed_by: plugin.signed_by.clone(),
        share,
        asked: plugin.manifest.permissions.clone(),
        effective: plugin.effective.permissions.clone(),
        refused: plugin.refused.clone(),
        quarantine: rest.clone(),
    }
}
