//! Changes of the list of plugins, and its one way into service: read the list, bring what lies
//! elsewhere, apply. First boot, the watcher and the admin's requests all come through `reload`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::capability::{Effective, Grants, Permissions, PowerCeiling};
use inkstone_domain::plugin::{LoadedPlugin, PackageInfo, PluginSpec, RemoteSource};
use inkstone_domain::ports::{NewEntry, PluginLoader};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use serde_json::json;

use super::{PluginStatus, Plugins, ReloadReport};
use crate::policy::{Act, check_open};

/// How many packages are fetched at a time.
const FETCHED_AT_ONCE: usize = 4;

/// What is to be installed.
#[derive(Debug, Clone)]
pub enum InstallSource {
    /// The package itself.
    Package(Bytes),
    Remote(RemoteSource),
}

/// What an installed plugin is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallGrants {
    /// What the list grants already, which is nothing for a new plugin.
    Present,
    /// Everything its manifest asks for, beside what the list grants already.
    Asked,
}

/// A plugin that was put on the list.
#[derive(Debug, Clone)]
pub struct Installation {
    pub plugin: PluginStatus,
    pub package: PackageInfo,
    /// Asked by its manifest and not granted by the list, in words; the ceiling may refuse more.
    pub consent: Vec<String>,
    pub report: ReloadReport,
}

impl Plugins {
    /// Reads the list anew and makes it the wanted state. `invalid_config` where the list is wrong,
    /// and then nothing changes; what fails for one plugin alone stands in the report.
    pub async fn reload(&self) -> Result<ReloadReport> {
        let _one_at_a_time = self.changes.lock().await;
        self.reload_now().await
    }

    /// [`Plugins::reload`] as somebody's wish.
    pub async fn reload_for(&self, principal: &Principal) -> Result<ReloadReport> {
        Self::may_change(principal)?;
        let action = actions::PLUGINS_RELOADED;
        let audit = AuditRecord::by(principal, self.clock.now(), action, "plugins");
        self.audit.around(audit, self.reload()).await
    }

    /// Changes `enabled` in the list, and reloads. `unknown_plugin` where the list does not have it.
    pub async fn set_enabled(
        &self,
        principal: &Principal,
        id: &str,
        enabled: bool,
    ) -> Result<(PluginStatus, ReloadReport)> {
        Self::may_change(principal)?;
        let _one_at_a_time = self.changes.lock().await;
        let action = match enabled {
            true => actions::PLUGIN_ENABLED,
            false => actions::PLUGIN_DISABLED,
        };
        let change = self.ports.list.set_enabled(id, enabled);
        self.audit
            .around(self.intent(principal, action, id), change)
            .await?;
        let report = self.reload_now().await?;
        Ok((self.get(id)?, report))
    }

    /// Checks a package, puts it into the folder of plugins and on the list, and reloads. A package
    /// that is refused changes nothing. What only shows when the plugin is made ready, such as
    /// settings that are missing, stands in the report; the plugin is on the list then.
    pub async fn install(
        &self,
        principal: &Principal,
        source: InstallSource,
        grants: InstallGrants,
    ) -> Result<Installation> {
        Self::may_change(principal)?;
        let package = match source {
            InstallSource::Package(package) => package,
            InstallSource::Remote(remote) => self.ports.fetcher.fetch(&remote).await?,
        };
        let info = self.ports.loader.inspect(package.clone()).await?;
        check_names(&info)?;

        let _one_at_a_time = self.changes.lock().await;
        let listed = self.ports.list.read().await?;
        let before = listed.iter().find(|spec| spec.id == info.manifest.id);
        let present = before.map(|spec| spec.grants.clone()).unwrap_or_default();
        let wanted = match grants {
            InstallGrants::Present => present.clone(),
            InstallGrants::Asked => joined(&present, &info.manifest.permissions),
        };
        let audit = self
            .intent(principal, actions::PLUGIN_INSTALLED, &info.manifest.id)
            .with_detail(format!("version {}", info.manifest.version))
            .with_states(
                before.map(|spec| json!(spec.grants)).as_ref(),
                Some(&json!(wanted)),
            );
        let file = info.file_name();
        let is_new_file = self.ports.packages.put(&file, package).await?;
        // The canary of a rollout has its own place in the entry; the stable version stays.
        let is_canary = before
            .and_then(|spec| spec.rollout.as_ref())
            .is_some_and(|rollout| rollout.canary == info.manifest.version);
        let entry = NewEntry {
            id: info.manifest.id.clone(),
            file: (!is_canary).then(|| file.clone()),
            grants: (wanted != present).then(|| wanted.clone()),
        };
        let listed = self.audit.around(audit, self.ports.list.put(entry)).await;
        if let Err(error) = listed {
            // Whoever takes the newest of the folder must not find what was not installed.
            if is_new_file {
                self.ports.packages.discard(&file).await?;
            }
            return Err(error);
        }
        let report = self.reload_now().await?;
        Ok(Installation {
            plugin: self.get(&info.manifest.id)?,
            consent: Effective::of(
                &info.manifest.permissions,
                &wanted,
                &PowerCeiling::default(),
            )
            .refused(&info.manifest.permissions),
            package: info,
            report,
        })
    }

    /// Takes a plugin off the list, and reloads. Its file stays; calls under way finish.
    pub async fn remove(&self, principal: &Principal, id: &str) -> Result<ReloadReport> {
        Self::may_change(principal)?;
        let _one_at_a_time = self.changes.lock().await;
        let audit = self.intent(principal, actions::PLUGIN_REMOVED, id);
        self.audit.around(audit, self.ports.list.remove(id)).await?;
        self.reload_now().await
    }

    /// Which plugins there are is for admins. Ask before a package is taken in.
    pub fn may_change(principal: &Principal) -> Result<()> {
        let why = "which plugins serve is the admins' business; this needs the role `admin`";
        check_open(principal, Act::ChangePlugins, why)
    }

    /// The list of plugins is a file: what happens to it is written down before it does.
    pub(super) fn intent(&self, principal: &Principal, action: &str, id: &str) -> AuditRecord {
        AuditRecord::by(principal, self.clock.now(), action, format!("plugin:{id}"))
    }

    async fn reload_now(&self) -> Result<ReloadReport> {
        let mut specs = self.ports.list.read().await?;
        let unfetched = self.fetch_missing(&mut specs).await;
        let loader = Fetched {
            loader: Arc::clone(&self.ports.loader),
            unfetched,
        };
        Ok(self.apply_with(&loader, specs).await)
    }

    /// Points specs of packages from elsewhere at the copies on this machine. Returns what could not
    /// be fetched, by plugin.
    async fn fetch_missing(&self, specs: &mut [PluginSpec]) -> BTreeMap<String, Error> {
        let mut wanted = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            if let Some(remote) = spec.remote.clone().filter(|_| spec.enabled) {
                wanted.push(async move { (index, self.local_copy(&remote).await) });
            }
        }
        let copies: Vec<_> = stream::iter(wanted)
            .buffer_unordered(FETCHED_AT_ONCE)
            .collect()
            .await;
        let mut unfetched = BTreeMap::new();
        for (index, copy) in copies {
            match copy {
                Ok(path) => specs[index].path = path,
                Err(error) => drop(unfetched.insert(specs[index].id.clone(), error)),
            }
        }
        unfetched
    }

    async fn local_copy(&self, remote: &RemoteSource) -> Result<PathBuf> {
        if let Some(path) = self.ports.packages.find(remote).await? {
            return Ok(path);
        }
        let package = self.ports.fetcher.fetch(remote).await?;
        self.ports.packages.keep(remote, package).await
    }
}

/// The loader of one reload: what could not be fetched fails with that reason.
struct Fetched {
    loader: Arc<dyn PluginLoader>,
    unfetched: BTreeMap<String, Error>,
}

#[async_trait]
impl PluginLoader for Fetched {
    async fn prepare(&self, spec: &PluginSpec) -> Result<Arc<LoadedPlugin>> {
        match self.unfetched.get(&spec.id) {
            Some(error) => Err(error.clone()),
            None => self.loader.prepare(spec).await,
        }
    }

    async fn inspect(&self, package: Bytes) -> Result<PackageInfo> {
        self.loader.inspect(package).await
    }

    async fn recheck(&self, plugin: &LoadedPlugin) -> Result<()> {
        self.loader.recheck(plugin).await
    }
}

/// Both become parts of a file name, and the id a key of the list.
fn check_names(info: &PackageInfo) -> Result<()> {
    let id = &info.manifest.id;
    let version = &info.manifest.version;
    let is_id = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let is_version = version.starts_with(|c: char| c.is_ascii_digit())
        && version
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+'));
    if is_id && is_version && id.len() <= 64 && version.len() <= 64 {
        return Ok(());
    }
    Err(Error::new(
        &codes::PLUGIN_REJECTED,
        format!(
            "the package calls itself {id:?} {version:?}; an id has small letters, digits and `-`, a version is semantic, such as 1.2.0"
        ),
    ))
}

/// `present` and everything in `asked`.
fn joined(present: &Grants, asked: &Permissions) -> Grants {
    let mut permissions = present.permissions.clone();
    for host in &asked.outbound_hosts {
        if !permissions.outbound_hosts.contains(host) {
            permissions.outbound_hosts.push(host.clone());
        }
    }
    for events in &asked.events {
        if !permissions.events.contains(events) {
            permissions.events.push(events.clone());
        }
    }
    permissions
        .credentials
        .extend(asked.credentials.iter().cloned());
    permissions.kv_quota_bytes = permissions.kv_quota_bytes.max(asked.kv_quota_bytes);
    permissions.ai |= asked.ai;
    permissions.tools |= asked.tools;
    permissions.search |= asked.search;
    permissions.inference |= asked.inference;
    Grants { permissions }
}
