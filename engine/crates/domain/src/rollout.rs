//! How far a canary has come, and what served when. The plan stands in the list of plugins
//! ([`Rollout`](crate::plugin::Rollout)); this is what became of it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::ServedId;
use crate::plugin::Rollout;
use crate::{Error, codes};

/// Whether a canary still has to prove itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutStatus {
    /// It serves its share and is compared with the stable version.
    Running,
    /// It serves everything, until the list of plugins says otherwise.
    Promoted,
    /// It serves nobody but testers who name it.
    RolledBack,
}

impl RolloutStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// Where the rollout of one canary stands. Kept by plugin and digest, so it outlives a restart, and
/// another component begins anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutState {
    pub plugin: String,
    /// Of the canary.
    pub version: String,
    /// SHA-256 of the canary's component, hex.
    pub digest: String,
    pub status: RolloutStatus,
    /// Steps of the plan that are done; 0 is the share it began with.
    pub step: u32,
    /// Good minutes at this step.
    pub good_minutes: u32,
    /// When this step or status began.
    pub since: DateTime<Utc>,
    /// Why it has this status, where somebody or something decided so.
    pub reason: Option<String>,
}

impl RolloutState {
    /// A canary that has just been loaded for the first time.
    pub fn begun(
        plugin: impl Into<String>,
        version: impl Into<String>,
        digest: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            plugin: plugin.into(),
            version: version.into(),
            digest: digest.into(),
            status: RolloutStatus::Running,
            step: 0,
            good_minutes: 0,
            since: now,
            reason: None,
        }
    }

    /// Share of the calls the canary gets by the plan, 0 to 1. A plan that has become shorter is at its end.
    pub fn share(&self, plan: &Rollout) -> f64 {
        match self.status {
            RolloutStatus::Promoted => 1.0,
            RolloutStatus::RolledBack => 0.0,
            RolloutStatus::Running => {
                let done = plan.steps.len().min(self.step as usize);
                let last = done.checked_sub(1).and_then(|step| plan.steps.get(step));
                last.map_or(plan.share, |step| step.share).clamp(0.0, 1.0)
            }
        }
    }
}

/// Why something began to serve, or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServedCause {
    /// The list of plugins or a file said so.
    Loaded,
    /// A canary went one step up.
    RolloutStep,
    Promoted,
    RolledBack,
    /// An admin began the rollout anew.
    Restarted,
    /// It failed too often and rests.
    Quarantined,
    /// It came back from its rest.
    Freed,
    Disabled,
    /// It is not on the list any more.
    Removed,
    /// Nothing of the plugin can be loaded.
    Failed,
}

impl ServedCause {
    /// All causes.
    pub const ALL: [Self; 10] = [
        Self::Loaded,
        Self::RolloutStep,
        Self::Promoted,
        Self::RolledBack,
        Self::Restarted,
        Self::Quarantined,
        Self::Freed,
        Self::Disabled,
        Self::Removed,
        Self::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::RolloutStep => "rollout_step",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled_back",
            Self::Restarted => "restarted",
            Self::Quarantined => "quarantined",
            Self::Freed => "freed",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
            Self::Failed => "failed",
        }
    }
}

/// One line of a plugin's history: a version served this share of the calls for this time.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    pub id: ServedId,
    pub plugin: String,
    pub version: String,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// 0 to 1; 0 is loaded, or known, and not routed to.
    pub share: f64,
    pub from: DateTime<Utc>,
    /// `None` while it is so.
    pub to: Option<DateTime<Utc>>,
    pub cause: ServedCause,
    pub reason: Option<String>,
}

/// What one decision changes, kept in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutChange {
    pub plugin: String,
    pub at: DateTime<Utc>,
    /// Takes the place of the state of the same plugin and digest.
    pub state: Option<RolloutState>,
    /// What serves from `at` on: ends every open line of the plugin. Empty leaves the history alone.
    pub served: Vec<Served>,
}

/// One plugin at one version, `ID@VERSION`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub plugin: String,
    pub version: String,
}

impl FromStr for Pin {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text
            .trim()
            .split_once('@')
            .filter(|(plugin, version)| !plugin.is_empty() && !version.is_empty());
        let Some((plugin, version)) = parts else {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "`{}` names no version of a plugin; write `ID@VERSION`, such as `provider-openai@1.2.0`",
                    text.trim()
                ),
            ));
        };
        Ok(Self {
            plugin: plugin.to_owned(),
            version: version.to_owned(),
        })
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.plugin, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::{RolloutGuard, RolloutStep, Sticky};

    #[test]
    fn the_share_follows_status_and_step() {
        let step = |share| RolloutStep {
            share,
            good_minutes: 1,
        };
        let mut plan = Rollout {
            canary: "1.2.0".to_owned(),
            path: "x.wasm".into(),
            share: 0.05,
            sticky: Sticky::User,
            steps: vec![step(0.25), step(1.0)],
            guard: RolloutGuard::default(),
        };
        let mut state = RolloutState::begun("p", "1.2.0", "d", Utc::now());
        assert_eq!(state.share(&plan), 0.05);
        state.step = 1;
        assert_eq!(state.share(&plan), 0.25);
        plan.steps.clear();
        assert_eq!(state.share(&plan), 0.05);
        state.status = RolloutStatus::RolledBack;
        assert_eq!(state.share(&plan), 0.0);
        state.status = RolloutStatus::Promoted;
        assert_eq!(state.share(&plan), 1.0);
    }
    #[test]
    fn pins_are_read_and_written() {
        let pin: Pin = " provider-openai@1.2.0 ".parse().expect("a pin");
        assert_eq!(pin.to_string(), "provider-openai@1.2.0");
        for wrong in ["", "provider-openai", "@1.2.0", "provider-openai@"] {
            assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
        }
    }
}
