//! One plugin's versions while they serve: who rests, how far the canary has come, and what the
//! history says of it. All plugins together are in `live`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use inkstone_domain::ids::ServedId;
use inkstone_domain::plugin::{LoadedPlugin, Rollout, StatsSnapshot};
use inkstone_domain::rollout::{RolloutChange, RolloutState, RolloutStatus, Served, ServedCause};

use super::live::{DueProbe, Look};
use super::quarantine::{Quarantine, QuarantineConfig};
use super::reload::Installed;
use super::rollout::{Decision, Pair, Progress};
use super::routing::{Canary, Routing, Version};

#[derive(Default)]
pub(super) struct Watch {
    pub(super) stable: Option<Watched>,
    pub(super) canary: Option<Watched>,
    pub(super) rollout: Option<Tracked>,
    /// What the history says serves now.
    pub(super) recorded: Vec<Line>,
}

pub(super) struct Watched {
    pub(super) plugin: Arc<LoadedPlugin>,
    pub(super) quarantine: Quarantine,
}

pub(super) struct Tracked {
    pub(super) plan: Rollout,
    pub(super) state: RolloutState,
    pub(super) progress: Progress,
}

/// A version, its digest and its share: what tells one line of the history from the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    version: String,
    digest: String,
    share: f64,
}

/// Why the routing of a plugin has changed.
pub(super) struct Because {
    pub(super) cause: ServedCause,
    pub(super) reason: Option<String>,
}

impl Because {
    pub(super) fn of(cause: ServedCause) -> Self {
        Self {
            cause,
            reason: None,
        }
    }

    pub(super) fn reason(cause: ServedCause, reason: impl Into<String>) -> Self {
        Self {
            cause,
            reason: Some(reason.into()),
        }
    }
}

impl Watch {
    /// Returns whether a rollout has begun that was never kept.
    pub(super) fn install(
        &mut self,
        installed: &Installed,
        kept: Option<RolloutState>,
        config: &QuarantineConfig,
        now: DateTime<Utc>,
    ) -> bool {
        let canary = installed.canary.as_ref();
        let canary = canary.and_then(|slot| slot.loaded.as_ref());
        let stable_is_new = replace(&mut self.stable, installed.stable.loaded.as_ref(), config);
        let canary_is_new = replace(&mut self.canary, canary, config);
        let (Some(plan), Some(canary)) = (&installed.spec.rollout, canary) else {
            self.rollout = None;
            return false;
        };
        let counters = self.counters();
        if let Some(tracked) = &mut self.rollout
            && tracked.state.digest == canary.digest
        {
            tracked.plan = plan.clone();
            if stable_is_new || canary_is_new {
                tracked.progress = Progress::begin(now, counters);
            }
            return false;
        }
        let is_new = kept.is_none();
        let manifest = &canary.manifest;
        let state = kept.unwrap_or_else(|| {
            RolloutState::begun(&manifest.id, &manifest.version, &canary.digest, now)
        });
        self.rollout = Some(Tracked {
            plan: plan.clone(),
            state,
            progress: Progress::begin(now, counters),
        });
        is_new
    }

    pub(super) fn look(
        &mut self,
        id: &str,
        config: &QuarantineConfig,
        now: DateTime<Utc>,
        look: &mut Look,
    ) {
        let counters = self.counters();
        let mut because = None;
        if let Some(stable) = &mut self.stable {
            because = stable.look(id, config, &counters.stable, now);
            look.probes.extend(stable.due_probe(id, now));
        }
        let mut state_changed = false;
        if let Some(canary) = &mut self.canary {
            if let Some(rest) = canary.look(id, config, &counters.canary, now) {
                let reason = rest.reason.clone().unwrap_or_default();
                because = match &mut self.rollout {
                    Some(tracked) if tracked.state.status == RolloutStatus::Running => {
                        let decision = Decision::RollBack(format!("it was quarantined: {reason}"));
                        state_changed = true;
                        tracked.carry_out(decision, counters.clone(), now)
                    }
                    _ => Some(rest),
                };
            }
            look.probes.extend(canary.due_probe(id, now));
        }
        if let Some(tracked) = &mut self.rollout {
            let decision =
                tracked
                    .progress
                    .decide(&tracked.plan, &tracked.state, counters.clone(), now);
            if decision != Decision::Stay {
                state_changed = true;
                because = tracked.carry_out(decision, counters, now).or(because);
            }
        }
        look.is_rerouted |= because.is_some();
        if because.is_some() || state_changed {
            // A good minute changes no routing, so its cause is never read.
            let because = because.unwrap_or_else(|| Because::of(ServedCause::RolloutStep));
            look.changes
                .extend(self.change(id, because, state_changed, now));
        }
    }

    pub(super) fn counters(&self) -> Pair {
        let of = |watched: &Option<Watched>| {
            let stats = watched.as_ref().map(|one| one.plugin.stats.snapshot());
            stats.unwrap_or_default()
        };
        Pair {
            canary: of(&self.canary),
            stable: of(&self.stable),
        }
    }

    pub(super) fn versions_mut(&mut self) -> impl Iterator<Item = &mut Watched> {
        self.stable.iter_mut().chain(&mut self.canary)
    }

    pub(super) fn routing(&self) -> Routing {
        let version = |watched: &Watched| Version {
            plugin: Arc::clone(&watched.plugin),
            rest: watched.quarantine.resting().cloned(),
        };
        let canary = self.canary.as_ref().zip(self.rollout.as_ref());
        Routing {
            stable: self.stable.as_ref().map(version),
            canary: canary.map(|(watched, tracked)| Canary {
                version: version(watched),
                share: tracked.state.share(&tracked.plan),
                sticky: tracked.plan.sticky,
            }),
        }
    }

    /// What is to be kept of a change; `None` where nothing is different.
    pub(super) fn change(
        &mut self,
        id: &str,
        because: Because,
        with_state: bool,
        now: DateTime<Utc>,
    ) -> Option<RolloutChange> {
        let routing = self.routing();
        let mut lines: Vec<Line> = routing.shares().into_iter().map(Line::of).collect();
        let mut because = because;
        if lines.is_empty() {
            // What served before must not look as if it still did.
            let before = self.recorded.iter();
            lines = before.map(Line::without_share).collect();
            because = Because::of(ServedCause::Failed);
        }
        let is_same = lines == self.recorded;
        let state = with_state
            .then(|| self.rollout.as_ref().map(|tracked| tracked.state.clone()))
            .flatten();
        if is_same && state.is_none() {
            return None;
        }
        let served = match is_same {
            true => Vec::new(),
            false => lines
                .iter()
                .map(|line| line.served(id, &because, now))
                .collect(),
        };
        self.recorded = lines;
        Some(RolloutChange {
            plugin: id.to_owned(),
            at: now,
            state,
            served,
        })
    }

    /// Of a plugin that serves no more.
    pub(super) fn ended(
        self,
        id: &str,
        cause: ServedCause,
        now: DateTime<Utc>,
    ) -> Option<RolloutChange> {
        let because = Because::of(cause);
        let lines = self.recorded.iter().map(Line::without_share);
        let served: Vec<Served> = lines.map(|line| line.served(id, &because, now)).collect();
        (!served.is_empty()).then(|| RolloutChange {
            plugin: id.to_owned(),
            at: now,
            state: None,
            served,
        })
    }
}

impl Watched {
    /// Why its routing changes, if it does.
    fn look(
        &mut self,
        id: &str,
        config: &QuarantineConfig,
        stats: &StatsSnapshot,
        now: DateTime<Utc>,
    ) -> Option<Because> {
        if !self.quarantine.observe(config, stats, now) {
            return None;
        }
        let rest = self.quarantine.resting()?;
        tracing::warn!(
            plugin.id = id,
            plugin.version = self.plugin.manifest.version,
            reason = rest.reason,
            until = %rest.until,
            "the plugin failed too often and rests"
        );
        Some(Because::reason(ServedCause::Quarantined, &rest.reason))
    }

    fn due_probe(&mut self, id: &str, now: DateTime<Utc>) -> Option<DueProbe> {
        self.quarantine.take_probe(now).then(|| DueProbe {
            id: id.to_owned(),
            plugin: Arc::clone(&self.plugin),
        })
    }
}

impl Tracked {
    /// Changes the state by a decision. Returns why the routing changes, where it does.
    fn carry_out(
        &mut self,
        decision: Decision,
        counters: Pair,
        now: DateTime<Utc>,
    ) -> Option<Because> {
        let state = &mut self.state;
        let (status, because) = match decision {
            Decision::Stay => return None,
            Decision::GoodMinutes(count) => {
                state.good_minutes = count;
                return None;
            }
            Decision::Advance(step) => {
                state.step = step;
                (
                    RolloutStatus::Running,
                    Because::of(ServedCause::RolloutStep),
                )
            }
            Decision::Promote => {
                state.step = u32::try_from(self.plan.steps.len()).unwrap_or(u32::MAX);
                (RolloutStatus::Promoted, Because::of(ServedCause::Promoted))
            }
            Decision::RollBack(reason) => (
                RolloutStatus::RolledBack,
                Because::reason(ServedCause::RolledBack, reason),
            ),
        };
        state.status = status;
        state.good_minutes = 0;
        state.since = now;
        state.reason.clone_from(&because.reason);
        let share = state.share(&self.plan);
        match status {
            RolloutStatus::RolledBack => tracing::warn!(
                plugin.id = state.plugin,
                plugin.version = state.version,
                reason = state.reason,
                "the canary was rolled back"
            ),
            _ => tracing::info!(
                plugin.id = state.plugin,
                plugin.version = state.version,
                status = status.as_str(),
                share,
                "the canary goes a step up"
            ),
        }
        if status == RolloutStatus::Running {
            self.progress = Progress::begin(now, counters);
        }
        Some(because)
    }
}

impl Line {
    fn of((plugin, share): (&Arc<LoadedPlugin>, f64)) -> Self {
        Self {
            version: plugin.manifest.version.clone(),
            digest: plugin.digest.clone(),
            share,
        }
    }

    fn without_share(&self) -> Self {
        Self {
            share: 0.0,
            ..self.clone()
        }
    }

    fn served(&self, id: &str, because: &Because, now: DateTime<Utc>) -> Served {
        Served {
            id: ServedId::new(),
            plugin: id.to_owned(),
            version: self.version.clone(),
            digest: self.digest.clone(),
            share: self.share,
            from: now,
            to: None,
            cause: because.cause,
            reason: because.reason.clone(),
        }
    }
}

impl From<Served> for Line {
    fn from(served: Served) -> Self {
        Self {
            version: served.version,
            digest: served.digest,
            share: served.share,
        }
    }
}

/// Watches another version where it is another. Returns whether it is.
fn replace(
    place: &mut Option<Watched>,
    loaded: Option<&Arc<LoadedPlugin>>,
    config: &QuarantineConfig,
) -> bool {
    let is_same = match (&*place, loaded) {
        (Some(watched), Some(loaded)) => Arc::ptr_eq(&watched.plugin, loaded),
        (None, None) => true,
        _ => false,
    };
    if !is_same {
        *place = loaded.map(|plugin| Watched {
            plugin: Arc::clone(plugin),
            quarantine: Quarantine::new(config, &plugin.stats.snapshot()),
        });
    }
    !is_same
}
