//! How a new configuration becomes a new state: the difference, the preparing of what changed, and
//! the report. Nothing here changes what serves.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use futures::StreamExt;
use futures::stream;
use inkstone_domain::plugin::{LoadedPlugin, PluginSpec};
use inkstone_domain::ports::PluginLoader;
use inkstone_domain::{Error, codes};

use super::consent;

/// What a reload did; plugin ids throughout.
#[derive(Debug, Clone, Default)]
pub struct ReloadReport {
    pub added: Vec<String>,
    pub updated: Vec<String>,
    pub removed: Vec<String>,
    pub unchanged: Vec<String>,
    pub failed: Vec<ReloadFailure>,
}

/// A plugin that could not be made ready.
#[derive(Debug, Clone)]
pub struct ReloadFailure {
    pub id: String,
    pub error: Error,
    /// Whether the version before it goes on serving.
    pub still_serving: bool,
}

/// One configured plugin after a reload.
#[derive(Clone)]
pub(super) struct Installed {
    pub(super) spec: PluginSpec,
    pub(super) stable: Slot,
    /// Where the spec has a rollout.
    pub(super) canary: Option<Slot>,
}

/// A place for one version of a plugin.
#[derive(Clone)]
pub(super) struct Slot {
    /// What it was prepared from: the plugin's spec with this version's path, and no rollout.
    spec: PluginSpec,
    /// What serves, where it is enabled: of this spec, or of an earlier one where this one failed.
    pub(super) loaded: Option<Arc<LoadedPlugin>>,
    /// Why the spec could not be loaded, or may not take over.
    pub(super) error: Option<Error>,
    /// Made ready, and not to serve before an admin consents.
    pub(super) waiting: Option<Arc<LoadedPlugin>>,
    stamp: Option<FileStamp>,
}

impl Installed {
    /// What is wrong, of the stable version first.
    pub(super) fn error(&self) -> Option<Error> {
        let of_canary = || {
            let plan = self.spec.rollout.as_ref()?;
            let error = self.canary.as_ref()?.error.clone()?;
            Some(error.context(format!("the canary {}", plan.canary)))
        };
        self.stable.error.clone().or_else(of_canary)
    }

    /// Takes the canary out, because nobody can say how far it had come.
    pub(super) fn drop_canary(&mut self, error: Error) {
        if let Some(slot) = &mut self.canary {
            slot.loaded = None;
            slot.error = Some(error.context("how far its rollout had come cannot be read"));
        }
    }

    /// The stable version's place first.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        std::iter::once(&self.stable).chain(&self.canary)
    }

    /// What is loaded, where it is enabled: stable, and canary.
    fn serving(&self) -> [Option<&Arc<LoadedPlugin>>; 2] {
        match self.spec.enabled {
            true => [
                self.stable.loaded.as_ref(),
                self.canary.as_ref().and_then(|slot| slot.loaded.as_ref()),
            ],
            false => [None, None],
        }
    }
}

/// Tells whether a file was replaced without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    size_bytes: u64,
    modified: Option<SystemTime>,
}

/// How many plugins are prepared at a time: compiling fills the processors by itself.
const PREPARED_AT_ONCE: usize = 2;

/// The state after `specs`, and how it differs from `installed`.
pub(super) async fn prepare(
    loader: &dyn PluginLoader,
    installed: &[Installed],
    specs: Vec<PluginSpec>,
) -> (Vec<Installed>, ReloadReport) {
    let mut report = ReloadReport::default();
    let specs = without_duplicates(specs, &mut report);
    let next: Vec<Installed> = stream::iter(specs)
        .map(|spec| {
            let before = installed.iter().find(|one| one.spec.id == spec.id);
            install(loader, before, spec)
        })
        .buffered(PREPARED_AT_ONCE)
        .collect()
        .await;

    for now in &next {
        let id = now.spec.id.clone();
        let before = installed.iter().find(|one| one.spec.id == id);
        let served = before.map_or([None, None], Installed::serving);
        let serves = now.serving();
        let is_loaded = |versions: &[Option<_>; 2]| versions.iter().any(Option::is_some);
        if let Some(error) = now.error() {
            report.failed.push(ReloadFailure {
                id,
                error,
                still_serving: is_loaded(&serves),
            });
            continue;
        }
        match (is_loaded(&served), is_loaded(&serves)) {
            (false, true) => report.added.push(id),
            (true, false) => report.removed.push(id),
            _ if is_same(served, serves) => report.unchanged.push(id),
            _ => report.updated.push(id),
        }
    }
    let gone = installed
        .iter()
        .filter(|one| one.serving().iter().any(Option::is_some))
        .filter(|one| next.iter().all(|now| now.spec.id != one.spec.id));
    report.removed.extend(gone.map(|one| one.spec.id.clone()));
    (next, report)
}

/// One line for the reload and one for each failure.
pub(super) fn log(report: &ReloadReport) {
    for failure in &report.failed {
        tracing::error!(
            plugin.id = failure.id,
            error = ?failure.error,
            still_serving = failure.still_serving,
            "the plugin could not be loaded"
        );
    }
    tracing::info!(
        added = ?report.added,
        updated = ?report.updated,
        removed = ?report.removed,
        unchanged = report.unchanged.len(),
        failed = report.failed.len(),
        "the plugins were reloaded"
    );
}

fn is_same(before: [Option<&Arc<LoadedPlugin>>; 2], now: [Option<&Arc<LoadedPlugin>>; 2]) -> bool {
    before.iter().zip(&now).all(|pair| match pair {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        (None, None) => true,
        _ => false,
    })
}

async fn install(
    loader: &dyn PluginLoader,
    before: Option<&Installed>,
    spec: PluginSpec,
) -> Installed {
    let mut own = spec.clone();
    own.rollout = None;
    if !spec.enabled {
        return Installed {
            stable: Slot::empty(own),
            canary: None,
            spec,
        };
    }
    let before = before.filter(|before| before.spec.enabled);
    let stable = load(
        loader,
        before.map(|before| &before.stable),
        own.clone(),
        Wanted::Stable,
    )
    .await;
    let canary = match &spec.rollout {
        None => None,
        Some(plan) => {
            own.path.clone_from(&plan.path);
            own.remote = None;
            let wanted = Wanted::Canary {
                version: &plan.canary,
                stable: stable.loaded.as_deref(),
            };
            let before = before.and_then(|before| before.canary.as_ref());
            Some(load(loader, before, own, wanted).await)
        }
    };
    Installed {
        spec,
        stable,
        canary,
    }
}

/// What a place is for.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Stable,
    Canary {
        version: &'a str,
        stable: Option<&'a LoadedPlugin>,
    },
}

impl Slot {
    fn empty(spec: PluginSpec) -> Self {
        Self {
            spec,
            loaded: None,
            error: None,
            waiting: None,
            stamp: None,
        }
    }
}

async fn load(
    loader: &dyn PluginLoader,
    before: Option<&Slot>,
    spec: PluginSpec,
    wanted: Wanted<'_>,
) -> Slot {
    let stamp = file_stamp(&spec.path).await;
    // A canary of another plan is none any more, whatever becomes of the new one.
    let serving = before
        .and_then(|before| before.loaded.as_ref())
        .filter(|loaded| fits(loaded, &spec, wanted).is_ok());
    let serving = match serving {
        Some(loaded) if is_distrusted(loader, loaded).await => None,
        serving => serving,
    };
    if let Some(before) = before
        && before.error.is_none()
        && serving.is_some()
        && before.spec == spec
        && before.stamp == stamp
    {
        return before.clone();
    }
    let mut slot = Slot {
        loaded: serving.cloned(),
        stamp,
        ..Slot::empty(spec)
    };
    let fresh = match loader.prepare(&slot.spec).await {
        Ok(fresh) => fresh,
        Err(error) => {
            slot.error = Some(error);
            return slot;
        }
    };
    if let Err(error) = fits(&fresh, &slot.spec, wanted) {
        slot.error = Some(error);
        return slot;
    }
    let serves_now = match wanted {
        Wanted::Stable => slot.loaded.as_deref(),
        Wanted::Canary { stable, .. } => stable.or(slot.loaded.as_deref()),
    };
    if let Some(old) = serves_now
        && let Err(error) = consent::check(old, &fresh, &slot.spec)
    {
        slot.error = Some(error);
        slot.waiting = Some(fresh);
        return slot;
    }
    // A file that was only touched is the same plugin: its instances stay warm.
    let is_same = before.is_some_and(|before| before.spec == slot.spec && before.error.is_none());
    match &slot.loaded {
        Some(old) if is_same && old.package_digest == fresh.package_digest => {}
        _ => slot.loaded = Some(fresh),
    }
    slot
}

/// Whether a key that signed it was revoked since. A list of keys that cannot be read stops nothing.
async fn is_distrusted(loader: &dyn PluginLoader, loaded: &LoadedPlugin) -> bool {
    match loader.recheck(loaded).await {
        Ok(()) => false,
        Err(error) => *error.code() == codes::PLUGIN_UNTRUSTED,
    }
}

fn fits(loaded: &LoadedPlugin, spec: &PluginSpec, wanted: Wanted<'_>) -> Result<(), Error> {
    let manifest = &loaded.manifest;
    named_alike(loaded, spec)?;
    let Wanted::Canary { version, stable } = wanted else {
        return Ok(());
    };
    if manifest.version != version {
        return Err(Error::new(
            &codes::PLUGIN_REJECTED,
            format!(
                "the file is version {}, the rollout names {version}; let `canary` and `path` mean the same",
                manifest.version
            ),
        ));
    }
    match stable {
        Some(stable) if stable.manifest.kind != manifest.kind => Err(Error::new(
            &codes::PLUGIN_REJECTED,
            format!(
                "it is a {} plugin, the stable version is a {} plugin; a canary must be of the same kind",
                manifest.kind.as_str(),
                stable.manifest.kind.as_str()
            ),
        )),
        _ => Ok(()),
    }
}

fn named_alike(loaded: &LoadedPlugin, spec: &PluginSpec) -> Result<(), Error> {
    if loaded.manifest.id == spec.id {
        return Ok(());
    }
    Err(Error::new(
        &codes::PLUGIN_REJECTED,
        format!(
            "the component calls itself `{}`, the configuration calls it `{}`; use one name in both",
            loaded.manifest.id, spec.id
        ),
    ))
}

fn without_duplicates(specs: Vec<PluginSpec>, report: &mut ReloadReport) -> Vec<PluginSpec> {
    let mut seen = HashSet::new();
    let mut kept = Vec::with_capacity(specs.len());
    for spec in specs {
        if seen.insert(spec.id.clone()) {
            kept.push(spec);
            continue;
        }
        report.failed.push(ReloadFailure {
            error: Error::new(
                &codes::INVALID_CONFIG,
                format!(
                    "the plugin `{}` is configured twice; the first one counts",
                    spec.id
                ),
            ),
            id: spec.id,
            still_serving: true,
        });
    }
    kept
}

async fn file_stamp(path: &Path) -> Option<FileStamp> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some(FileStamp {
        size_bytes: metadata.len(),
        modified: metadata.modified().ok(),
    })
}
