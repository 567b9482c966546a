//! All plugins while they serve, each watched by its `versions`. Every change makes a new routing;
//! nothing here waits for anything.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use inkstone_domain::plugin::LoadedPlugin;
use inkstone_domain::ports::Clock;
use inkstone_domain::rollout::{RolloutChange, RolloutState, RolloutStatus, Served, ServedCause};

use super::quarantine::QuarantineConfig;
use super::registry::Snapshot;
use super::reload::Installed;
use super::rollout::Progress;
use super::status::status_of;
use super::versions::{Because, Line, Watch};

/// The plugins of the last reload, and what became of them since.
#[derive(Default)]
pub(super) struct Live {
    installed: Vec<Installed>,
    /// By id; of enabled plugins.
    watches: HashMap<String, Watch>,
}

/// What the store knew before a plugin was watched here.
#[derive(Default)]
pub(super) struct Kept {
    /// Of the canary that is loaded now.
    pub(super) rollout: Option<RolloutState>,
    /// The open lines of the history.
    pub(super) serving: Vec<Served>,
}

/// A version whose rest is over. Whoever takes it out of here probes it.
pub(super) struct DueProbe {
    pub(super) id: String,
    pub(super) plugin: Arc<LoadedPlugin>,
}

/// What a look came to.
#[derive(Default)]
pub(super) struct Look {
    pub(super) changes: Vec<RolloutChange>,
    pub(super) probes: Vec<DueProbe>,
    /// Whether the routing is another now.
    pub(super) is_rerouted: bool,
}

impl Live {
    pub(super) fn installed(&self) -> &[Installed] {
        &self.installed
    }

    /// Whether this plugin is watched already, so that its history need not be read.
    pub(super) fn watches(&self, id: &str) -> bool {
        self.watches.contains_key(id)
    }

    /// Whether the rollout of this canary is watched already, so that its state need not be read.
    pub(super) fn watches_canary(&self, id: &str, digest: &str) -> bool {
        let watch = self.watches.get(id);
        let tracked = watch.and_then(|watch| watch.rollout.as_ref());
        tracked.is_some_and(|tracked| tracked.state.digest == digest)
    }

    /// Takes up what a reload has prepared. `kept` is what the store knew of plugins that are new here.
    pub(super) fn install(
        &mut self,
        next: Vec<Installed>,
        mut kept: HashMap<String, Kept>,
        config: &QuarantineConfig,
        now: DateTime<Utc>,
    ) -> Vec<RolloutChange> {
        let mut changes = Vec::new();
        let mut before = std::mem::take(&mut self.watches);
        for installed in next.iter().filter(|installed| installed.spec.enabled) {
            let id = &installed.spec.id;
            let known = kept.remove(id).unwrap_or_default();
            let mut watch = before.remove(id).unwrap_or_else(|| Watch {
                recorded: known.serving.into_iter().map(Line::from).collect(),
                ..Watch::default()
            });
            let is_new_state = watch.install(installed, known.rollout, config, now);
            let loaded = Because::of(ServedCause::Loaded);
            changes.extend(watch.change(id, loaded, is_new_state, now));
            self.watches.insert(id.clone(), watch);
        }
        for (id, watch) in before {
            let is_listed = next.iter().any(|installed| installed.spec.id == id);
            let cause = match is_listed {
                true => ServedCause::Disabled,
                false => ServedCause::Removed,
            };
            changes.extend(watch.ended(&id, cause, now));
        }
        self.installed = next;
        changes
    }

    /// What serves by all this.
    pub(super) fn snapshot(&self, clock: Arc<dyn Clock>) -> Snapshot {
        let mut routes = BTreeMap::new();
        let mut statuses = Vec::with_capacity(self.installed.len());
        for installed in &self.installed {
            let id = &installed.spec.id;
            let routing = self.watches.get(id).map(Watch::routing).unwrap_or_default();
            statuses.push(status_of(installed, &routing));
            if routing.is_loaded() {
                routes.insert(id.clone(), routing);
            }
        }
        Snapshot::new(routes, statuses, clock)
    }

    /// Looks at the counters of everything that serves.
    pub(super) fn look(&mut self, config: &QuarantineConfig, now: DateTime<Utc>) -> Look {
        let mut look = Look::default();
        for (id, watch) in &mut self.watches {
            watch.look(id, config, now, &mut look);
        }
        look
    }

    /// A version passed its probe, or failed it.
    pub(super) fn probed(
        &mut self,
        probe: &DueProbe,
        failure: Option<String>,
        config: &QuarantineConfig,
        now: DateTime<Utc>,
    ) -> Option<RolloutChange> {
        let watch = self.watches.get_mut(&probe.id)?;
        let watched = watch
            .versions_mut()
            .find(|watched| Arc::ptr_eq(&watched.plugin, &probe.plugin))?;
        if !watched.quarantine.probed(config, failure, now) {
            return None;
        }
        tracing::info!(
            plugin.id = probe.id,
            plugin.version = probe.plugin.manifest.version,
            "the plugin passed its probe and serves again"
        );
        watch.change(&probe.id, Because::of(ServedCause::Freed), false, now)
    }

    /// The rollout of this plugin; `None` where there is none, or its canary is not loaded.
    pub(super) fn rollout(&self, id: &str) -> Option<RolloutNow<'_>> {
        let watch = self.watches.get(id)?;
        let tracked = watch.rollout.as_ref()?;
        let canary = watch.canary.as_ref()?;
        let routing = watch.routing();
        let mut shares = routing.shares().into_iter();
        let share = shares.find(|(plugin, _)| Arc::ptr_eq(plugin, &canary.plugin));
        Some(RolloutNow {
            state: &tracked.state,
            share: share.map_or(0.0, |(_, share)| share),
            finding: tracked.progress.finding(),
        })
    }

    /// Sets the status of a rollout by hand. `None` where there is no rollout.
    pub(super) fn set_rollout(
        &mut self,
        id: &str,
        status: RolloutStatus,
        reason: Option<String>,
        now: DateTime<Utc>,
    ) -> Option<Option<RolloutChange>> {
        let watch = self.watches.get_mut(id)?;
        let counters = watch.counters();
        let tracked = watch.rollout.as_mut()?;
        let cause = match status {
            RolloutStatus::Promoted => ServedCause::Promoted,
            RolloutStatus::RolledBack => ServedCause::RolledBack,
            RolloutStatus::Running => ServedCause::Restarted,
        };
        // A restart begins anew; anything else that is so already stays as it is.
        if status == tracked.state.status && status != RolloutStatus::Running {
            return Some(None);
        }
        if status == RolloutStatus::Running {
            tracked.state.step = 0;
        }
        tracked.state.status = status;
        tracked.state.good_minutes = 0;
        tracked.state.since = now;
        tracked.state.reason.clone_from(&reason);
        tracked.progress = Progress::begin(now, counters);
        tracing::info!(
            plugin.id = id,
            plugin.version = tracked.state.version,
            status = status.as_str(),
            reason,
            "the rollout was set by an admin"
        );
        Some(watch.change(id, Because { cause, reason }, true, now))
    }
}

/// A rollout at this instant.
pub(super) struct RolloutNow<'a> {
    pub(super) state: &'a RolloutState,
    /// What the canary really gets, 0 to 1.
    pub(super) share: f64,
    pub(super) finding: Option<&'a str>,
}
