//! Which loaded version of one plugin takes a call. Pure, and without a lock: the tables stand in a
//! snapshot that never changes.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use inkstone_domain::plugin::{LoadedPlugin, Sticky};
use inkstone_domain::{Error, Result, codes};

use super::choice::Choice;
use super::quarantine::Rest;

/// The versions of one plugin.
#[derive(Debug, Clone, Default)]
pub(super) struct Routing {
    pub(super) stable: Option<Version>,
    pub(super) canary: Option<Canary>,
}

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) plugin: Arc<LoadedPlugin>,
    /// Why and until when it is out of routing.
    pub(super) rest: Option<Rest>,
}

#[derive(Debug, Clone)]
pub(super) struct Canary {
    pub(super) version: Version,
    /// By its rollout, 0 to 1.
    pub(super) share: f64,
    pub(super) sticky: Sticky,
}

impl Version {
    /// `plugin_quarantined` while it rests.
    fn serving(&self, now: DateTime<Utc>) -> Result<&Arc<LoadedPlugin>> {
        let Some(rest) = &self.rest else {
            return Ok(&self.plugin);
        };
        let manifest = &self.plugin.manifest;
        // Over, but not probed yet: a moment more.
        let wait = (rest.until - now).to_std().unwrap_or_default();
        Err(Error::new(
            &codes::PLUGIN_QUARANTINED,
            format!(
                "the plugin `{}` {} rests after failing too often: {}; it is tried again by itself",
                manifest.id, manifest.version, rest.reason
            ),
        )
        .with_retry_after(Some(wait.max(std::time::Duration::from_secs(1)))))
    }
}

impl Routing {
    /// Whether anything is loaded.
    pub(super) fn is_loaded(&self) -> bool {
        self.stable.is_some() || self.canary.is_some()
    }

    /// The stable version first.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        let canary = self.canary.iter().map(|canary| &canary.version);
        self.stable.iter().chain(canary)
    }

    /// `None` where neither version is for this call. `unknown_version` where a pinned one is not
    /// loaded, `plugin_quarantined` where the one to take it rests and no other can.
    pub(super) fn pick(
        &self,
        id: &str,
        choice: &Choice,
        now: impl Fn() -> DateTime<Utc>,
    ) -> Result<Option<&Arc<LoadedPlugin>>> {
        if let Some(pinned) = choice.pinned(id) {
            return self.pinned(id, pinned)?.serving(now()).map(Some);
        }
        if let Some(canary) = &self.canary
            && canary.version.rest.is_none()
            && choice.falls_into(
                canary.share,
                canary.sticky,
                id,
                &canary.version.plugin.manifest.version,
            )
        {
            return Ok(Some(&canary.version.plugin));
        }
        self.stable
            .as_ref()
            .map(|stable| stable.serving(now()))
            .transpose()
    }

    /// Whether this is the version that a rollout tries.
    pub(super) fn is_canary(&self, plugin: &Arc<LoadedPlugin>) -> bool {
        let canary = self.canary.as_ref();
        canary.is_some_and(|canary| Arc::ptr_eq(&canary.version.plugin, plugin))
    }

    /// A loaded version by its number, resting or not.
    pub(super) fn pinned(&self, id: &str, version: &str) -> Result<&Version> {
        let mut all = self.versions();
        all.find(|one| one.plugin.manifest.version == version)
            .ok_or_else(|| {
                let loaded: Vec<String> = self
                    .versions()
                    .map(|one| format!("`{}`", one.plugin.manifest.version))
                    .collect();
                Error::new(
                    &codes::UNKNOWN_VERSION,
                    format!(
                        "version `{version}` of the plugin `{id}` is not loaded; loaded are {}",
                        loaded.join(" and ")
                    ),
                )
            })
    }

    /// Every version with the share of calls it really gets, quarantine included.
    pub(super) fn shares(&self) -> Vec<(&Arc<LoadedPlugin>, f64)> {
        let canary_share = self
            .canary
            .as_ref()
            .map_or(0.0, |canary| match canary.version.rest {
                Some(_) => 0.0,
                None => canary.share,
            });
        let stable = self.stable.iter().map(|stable| {
            let share = match stable.rest {
                Some(_) => 0.0,
                None => 1.0 - canary_share,
            };
            (&stable.plugin, share)
        });
        let canary = self.canary.iter();
        let canary = canary.map(|canary| (&canary.version.plugin, canary_share));
        stable.chain(canary).collect()
    }
}
