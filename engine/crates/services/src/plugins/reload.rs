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
    /// What serves, where it is enabled: of this spec, or of an earlier one where this one failed.
    pub(super) loaded: Option<Arc<LoadedPlugin>>,
    /// Why the spec could not be loaded.
    pub(super) error: Option<Error>,
    stamp: Option<FileStamp>,
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
        let served = before.and_then(serving);
        if let Some(error) = &now.error {
            report.failed.push(ReloadFailure {
                id,
                error: error.clone(),
                still_serving: now.loaded.is_some(),
            });
            continue;
        }
        match (served, serving(now)) {
            (None, Some(_)) => report.added.push(id),
            (Some(_), None) => report.removed.push(id),
            (Some(old), Some(new)) if !Arc::ptr_eq(old, new) => report.updated.push(id),
            _ => report.unchanged.push(id),
        }
    }
    let gone = installed
        .iter()
        .filter(|one| serving(one).is_some())
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

fn serving(installed: &Installed) -> Option<&Arc<LoadedPlugin>> {
    installed.loaded.as_ref().filter(|_| installed.spec.enabled)
}

async fn install(
    loader: &dyn PluginLoader,
    before: Option<&Installed>,
    spec: PluginSpec,
) -> Installed {
    if !spec.enabled {
        return Installed {
            spec,
            loaded: None,
            error: None,
            stamp: None,
        };
    }
    let stamp = file_stamp(&spec.path).await;
    if let Some(before) = before
        && before.error.is_none()
        && before.loaded.is_some()
        && before.spec == spec
        && before.stamp == stamp
    {
        return before.clone();
    }
    let serving_before = before.and_then(serving);
    match loader
        .prepare(&spec)
        .await
        .and_then(|l| named_alike(l, &spec))
    {
        Ok(fresh) => {
            // A file that was only touched is the same plugin: its instances stay warm.
            let same = serving_before
                .filter(|old| old.digest == fresh.digest)
                .filter(|_| {
                    before.is_some_and(|before| before.spec == spec && before.error.is_none())
                });
            Installed {
                loaded: Some(same.map_or(fresh, Arc::clone)),
                spec,
                error: None,
                stamp,
            }
        }
        Err(error) => Installed {
            loaded: serving_before.map(Arc::clone),
            spec,
            error: Some(error),
            stamp,
        },
    }
}

fn named_alike(loaded: Arc<LoadedPlugin>, spec: &PluginSpec) -> Result<Arc<LoadedPlugin>, Error> {
    if loaded.manifest.id == spec.id {
        return Ok(loaded);
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
