//! Rollouts as admins see and steer them, and what each version came to.

use std::sync::Arc;

use inkstone_domain::audit::actions;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::outbound::OutboundCounts;
use inkstone_domain::plugin::{LoadedPlugin, Rollout, StatsSnapshot};
use inkstone_domain::principal::Principal;
use inkstone_domain::rollout::{RolloutState, RolloutStatus, Served};
use inkstone_domain::{Error, Result, codes};

use super::live::RolloutNow;
use super::reload::Installed;
use super::{PluginFault, Plugins, Rest, VersionRole, VersionStatus, check_admin};
use crate::content::check_page;

/// What an admin does to a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolloutAct {
    /// The canary serves everybody at once.
    Promote { reason: Option<String> },
    /// The canary serves nobody any more.
    RollBack { reason: Option<String> },
    /// From the first share again.
    Restart { reason: Option<String> },
}

/// A rollout, and how both versions do.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutView {
    pub plugin: String,
    pub plan: Rollout,
    /// `None` where the canary could not be loaded.
    pub state: Option<RolloutState>,
    /// What the canary really gets, 0 to 1.
    pub share: f64,
    pub stable: Option<VersionResults>,
    pub canary: Option<VersionResults>,
    /// What the last comparison found.
    pub finding: Option<String>,
    /// Why the canary could not be loaded.
    pub error: Option<PluginFault>,
}

/// What a plugin came to.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginResults {
    /// The stable one first.
    pub versions: Vec<VersionResults>,
    pub outbound: OutboundCounts,
}

/// What a version came to since it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionResults {
    pub role: VersionRole,
    pub version: String,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// Share of the calls it gets now, 0 to 1.
    pub share: f64,
    /// Why it is out of routing.
    pub quarantine: Option<Rest>,
    pub stats: StatsSnapshot,
}

impl Plugins {
    /// How a plugin's rollout stands; `not_found` where its entry has none. For admins.
    pub fn rollout(&self, principal: &Principal, id: &str) -> Result<RolloutView> {
        check_admin(principal)?;
        self.view(id)
    }

    /// Steers a rollout. It holds at once, and is kept; `conflict` where the canary is not loaded. For admins.
    pub async fn steer_rollout(
        &self,
        principal: &Principal,
        id: &str,
        act: RolloutAct,
    ) -> Result<RolloutView> {
        check_admin(principal)?;
        let (status, action, reason) = match act {
            RolloutAct::Promote { reason } => {
                (RolloutStatus::Promoted, actions::ROLLOUT_PROMOTED, reason)
            }
            RolloutAct::RollBack { reason } => (
                RolloutStatus::RolledBack,
                actions::ROLLOUT_ROLLED_BACK,
                reason,
            ),
            RolloutAct::Restart { reason } => {
                (RolloutStatus::Running, actions::ROLLOUT_RESTARTED, reason)
            }
        };
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        let audit = self.intent(principal, action, id);
        let audit = match &reason {
            Some(reason) => audit.with_detail(reason.chars().take(200).collect::<String>()),
            None => audit,
        };
        let reason = reason.unwrap_or_else(|| format!("set by the admin {}", principal.user));
        match status {
            // Whatever is wrong with the database, a canary that does harm must go.
            RolloutStatus::RolledBack => {
                self.set_rollout(id, status, reason)?;
                self.audit.append(&audit).await?;
            }
            _ => {
                let change = async { self.set_rollout(id, status, reason) };
                self.audit.around(audit, change).await?;
            }
        }
        self.journal.flush().await;
        self.view(id)
    }

    fn set_rollout(&self, id: &str, status: RolloutStatus, reason: String) -> Result<()> {
        let mut live = self.live();
        let set = live.set_rollout(id, status, Some(reason), self.clock.now());
        let Some(change) = set else {
            drop(live);
            return Err(self.nothing_to_steer(id)?);
        };
        self.journal.push(change);
        self.publish(&live);
        Ok(())
    }

    /// What served when, newest first. For admins.
    pub async fn history(
        &self,
        principal: &Principal,
        id: &str,
        page: PageRequest,
    ) -> Result<Page<Served>> {
        check_admin(principal)?;
        check_page(&page)?;
        let is_first = page.cursor.is_none();
        let history = self.journal.store().list_served(id, page).await?;
        // A plugin that was removed still has its history.
        if is_first && history.items.is_empty() {
            self.get(id)?;
        }
        Ok(history)
    }

    /// What a plugin came to: every loaded version, the stable one first. For admins.
    pub fn results(&self, principal: &Principal, id: &str) -> Result<PluginResults> {
        check_admin(principal)?;
        let snapshot = self.snapshot();
        let status = snapshot.status(id)?;
        let loaded = snapshot.loaded(id).into_iter().zip(&status.versions);
        Ok(PluginResults {
            versions: loaded
                .map(|(plugin, version)| VersionResults::of(&plugin, version))
                .collect(),
            outbound: self.ports.outbound.counts(id),
        })
    }

    fn view(&self, id: &str) -> Result<RolloutView> {
        let status = self.get(id)?;
        let snapshot = self.snapshot();
        let loaded = snapshot.loaded(id);
        let results = |role| {
            let mut both = loaded.iter().zip(&status.versions);
            let found = both.find(|(_, version)| version.role == role);
            found.map(|(plugin, version)| VersionResults::of(plugin, version))
        };
        let live = self.live();
        let installed = installed(live.installed(), id).ok_or_else(|| no_rollout(id))?;
        let plan = installed.spec.rollout.clone();
        let plan = plan.ok_or_else(|| no_rollout(id))?;
        let slot = installed.canary.as_ref();
        let now: Option<RolloutNow<'_>> = live.rollout(id);
        Ok(RolloutView {
            plugin: id.to_owned(),
            plan,
            state: now.as_ref().map(|now| now.state.clone()),
            share: now.as_ref().map_or(0.0, |now| now.share),
            finding: now.as_ref().and_then(|now| now.finding.map(str::to_owned)),
            stable: results(VersionRole::Stable),
            canary: results(VersionRole::Canary),
            error: slot.and_then(|slot| slot.error.as_ref().map(PluginFault::from)),
        })
    }

    /// Why there is nothing to steer.
    fn nothing_to_steer(&self, id: &str) -> Result<Error> {
        let view = self.view(id)?;
        let why = match view.error {
            Some(fault) => fault.message,
            None => "the plugin is disabled".to_owned(),
        };
        Ok(Error::new(
            &codes::CONFLICT,
            format!("the canary of `{id}` is not loaded: {why}"),
        ))
    }
}

impl VersionResults {
    fn of(plugin: &Arc<LoadedPlugin>, status: &VersionStatus) -> Self {
        Self {
            role: status.role,
            version: status.version.clone(),
            digest: status.digest.clone(),
            share: status.share,
            quarantine: status.quarantine.clone(),
            stats: plugin.stats.snapshot(),
        }
    }
}

fn installed<'a>(all: &'a [Installed], id: &str) -> Option<&'a Installed> {
    all.iter().find(|installed| installed.spec.id == id)
}

fn no_rollout(id: &str) -> Error {
    Error::new(
        &codes::NOT_FOUND,
        format!(
            "the plugin `{id}` has no rollout; give its entry in the list one, such as `rollout = {{ canary = \"1.2.0\", share = 0.05 }}`"
        ),
    )
}
