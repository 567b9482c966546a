//! Versions of a plugin: what each came to, how a rollout stands, and what served when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::outbound::OutboundCounts;
use inkstone_domain::plugin::{Rollout, Signer, Standing, StatsSnapshot, Sticky};
use inkstone_domain::rollout::{RolloutState, Served};
use inkstone_services::plugins::{
    PluginResults, Rated, Rest, RolloutView, VersionResults, VersionRole, VersionStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::plugin::{PermissionsReply, PluginFaultReply};

/// What a plugin came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginStatsReply {
    pub plugin: String,
    /// The stable version first.
    pub versions: Vec<VersionResultsReply>,
    pub outbound: OutboundReply,
}

/// Calls to the network that the plugin's grants do not cover.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutboundReply {
    /// Let through, because egress is in audit mode.
    pub audited: Vec<AuditedReply>,
    /// Count by reason.
    #[schema(example = json!({"not_granted": 2}))]
    pub refused: BTreeMap<&'static str, u64>,
}

/// Calls to one address that would be refused if egress were enforced.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditedReply {
    /// As a grant is written; `other` beyond the first hundred.
    #[schema(example = "https://api.example.com:443")]
    pub address: String,
    #[schema(example = json!(["GET", "POST"]))]
    pub methods: BTreeSet<String>,
    pub calls: u64,
}

/// What a version came to since it was loaded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionResultsReply {
    #[schema(example = "1.2.0")]
    pub version: String,
    /// `stable` or `canary`.
    pub role: &'static str,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// Share of the calls it gets now, 0 to 1.
    pub share: f64,
    /// Why it is out of routing; null while it is not.
    pub quarantine: Option<QuarantineReply>,
    pub calls: u64,
    /// Calls whose error says something bad about the version: no faults of callers.
    pub failures: u64,
    /// Failures per call, 0 to 1.
    pub failure_rate: f64,
    /// Count by error code, failures or not.
    #[schema(example = json!({"plugin_trapped": 2}))]
    pub errors: BTreeMap<&'static str, u64>,
    pub latency: LatencyReply,
    /// Calls that hold an instance now.
    pub running: u64,
    /// Calls that wait for their turn now.
    pub queued: u64,
    pub cpu_ms: f64,
    /// The most that any one call held.
    pub peak_memory_bytes: u64,
    /// Of HTTP bodies the version sent and received.
    pub sent_bytes: u64,
    pub received_bytes: u64,
    /// Imports it called.
    pub host_calls: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub ratings: RatingsReply,
}

/// How long calls took, for streams to the first item. Quantiles are exact to nine percent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LatencyReply {
    /// Null where there was no call.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Those that hold something, in rising order.
    pub buckets: Vec<BucketReply>,
}

/// Calls that took less than `below_ms`, and no less than the bucket before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BucketReply {
    pub below_ms: f64,
    pub calls: u64,
}

/// What people thought of the answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RatingsReply {
    pub count: u64,
    /// 1 to 5; null where nobody rated.
    pub mean: Option<f64>,
}

/// A version that failed too often and rests.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantineReply {
    pub reason: String,
    pub since: DateTime<Utc>,
    /// When it is probed; it serves again once a probe has passed.
    pub until: DateTime<Utc>,
}

/// A rollout, and how both versions do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolloutReply {
    pub plugin: String,
    pub plan: RolloutPlanReply,
    /// Null where the canary could not be loaded.
    pub state: Option<RolloutStateReply>,
    /// What the canary really gets, 0 to 1.
    pub share: f64,
    pub stable: Option<VersionResultsReply>,
    pub canary: Option<VersionResultsReply>,
    /// What the last comparison of the two found.
    pub finding: Option<String>,
    /// Why the canary could not be loaded.
    pub error: Option<PluginFaultReply>,
}

/// What the list of plugins says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolloutPlanReply {
    /// The canary's version.
    #[schema(example = "1.2.0")]
    pub canary: String,
    /// Share before the first step, 0 to 1.
    pub share: f64,
    /// `user` or `random`.
    pub sticky: &'static str,
    pub steps: Vec<RolloutStepReply>,
    pub guard: RolloutGuardReply,
}

/// A step of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolloutStepReply {
    pub share: f64,
    /// Good minutes at the share before.
    pub good_minutes: u32,
}

/// When a canary is worse.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolloutGuardReply {
    pub min_calls: u64,
    pub error_margin: f64,
    pub latency_ratio: f64,
}

/// How far a canary has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RolloutStateReply {
    /// `running`, `promoted` or `rolled_back`.
    pub status: &'static str,
    /// Steps of the plan that are done.
    pub step: u32,
    pub good_minutes: u32,
    /// When this step or status began.
    pub since: DateTime<Utc>,
    pub reason: Option<String>,
}

/// Why a rollout is steered.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SteerBody {
    /// For the history.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One line of what served when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServedReply {
    #[schema(example = "srv_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: String,
    pub version: String,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// Share of the calls it got, 0 to 1.
    pub share: f64,
    pub from: DateTime<Utc>,
    /// Null while it is so.
    pub to: Option<DateTime<Utc>>,
    /// `loaded`, `rollout_step`, `promoted`, `rolled_back`, `restarted`, `quarantined`, `freed`, `disabled`, `removed` or `failed`.
    pub cause: &'static str,
    pub reason: Option<String>,
}

/// One version of a plugin, as admins see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginVersionReply {
    #[schema(example = "1.2.0")]
    pub version: String,
    /// `stable`, `canary`, or `waiting`: it asks for more than it was granted, and waits for consent.
    pub role: &'static str,
    /// SHA-256 of the component, hex.
    pub digest: String,
    /// SHA-256 of the file it came in, hex.
    pub package_digest: String,
    /// Who signed its package; empty for a bare component.
    pub signed_by: Vec<SignerReply>,
    /// Share of the calls it gets now, 0 to 1.
    pub share: f64,
    /// What its manifest asks for.
    pub asked: PermissionsReply,
    /// What it really has: asked and granted.
    pub granted: PermissionsReply,
    /// Asked and not granted, in words.
    pub refused: Vec<String>,
    /// Why it is out of routing; null while it is not.
    pub quarantine: Option<QuarantineReply>,
}

/// A key that signed a package.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignerReply {
    /// 16 hex digits.
    pub key_id: String,
    /// `ed25519:` and base64.
    pub public_key: String,
    /// Under which the key is trusted, if it is.
    pub name: Option<String>,
    /// `trusted`, `unknown` or `revoked`.
    pub standing: &'static str,
}

impl From<Signer> for SignerReply {
    fn from(signer: Signer) -> Self {
        Self {
            key_id: signer.key_id,
            public_key: signer.public_key,
            name: signer.name,
            standing: match signer.standing {
                Standing::Trusted => "trusted",
                Standing::Unknown => "unknown",
                Standing::Revoked => "revoked",
            },
        }
    }
}

/// What a person thought of an answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatingBody {
    /// `x-request-id` of the reply, or the id of the job.
    pub request_id: String,
    /// 1 (bad) to 5 (good).
    #[schema(minimum = 1, maximum = 5)]
    pub rating: u8,
}

/// A rating that was counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RatedReply {
    /// Who had answered.
    pub plugin: String,
    pub version: String,
}

impl PluginStatsReply {
    pub fn new(plugin: String, results: PluginResults) -> Self {
        let OutboundCounts { audited, refused } = results.outbound;
        Self {
            plugin,
            versions: results.versions.into_iter().map(Into::into).collect(),
            outbound: OutboundReply {
                audited: audited
                    .into_iter()
                    .map(|to| AuditedReply {
                        address: to.address,
                        methods: to.methods,
                        calls: to.count,
                    })
                    .collect(),
                refused: refused
                    .into_iter()
                    .map(|because| (because.reason, because.count))
                    .collect(),
            },
        }
    }
}

impl From<VersionResults> for VersionResultsReply {
    fn from(results: VersionResults) -> Self {
        let stats = results.stats;
        Self {
            version: results.version,
            role: role_word(results.role),
            digest: results.digest,
            share: results.share,
            quarantine: results.quarantine.map(QuarantineReply::from),
            calls: stats.calls,
            failures: stats.failures,
            failure_rate: stats.failure_rate(),
            latency: LatencyReply::of(&stats),
            ratings: RatingsReply::of(&stats),
            errors: stats.errors,
            running: stats.running,
            queued: stats.queued,
            cpu_ms: stats.cpu_us as f64 / 1e3,
            peak_memory_bytes: stats.peak_memory_bytes,
            sent_bytes: stats.sent_bytes,
            received_bytes: stats.received_bytes,
            host_calls: stats.host_calls,
            input_tokens: stats.input_tokens,
            output_tokens: stats.output_tokens,
        }
    }
}

impl LatencyReply {
    fn of(stats: &StatsSnapshot) -> Self {
        let quantile = |part| stats.latencies.quantile(part).map(milliseconds);
        Self {
            p50_ms: quantile(0.5),
            p95_ms: quantile(0.95),
            p99_ms: quantile(0.99),
            buckets: stats
                .latencies
                .buckets()
                .map(|(below, calls)| BucketReply {
                    below_ms: milliseconds(below),
                    calls,
                })
                .collect(),
        }
    }
}

impl RatingsReply {
    fn of(stats: &StatsSnapshot) -> Self {
        Self {
            count: stats.ratings,
            mean: (stats.ratings > 0).then(|| stats.rating_sum as f64 / stats.ratings as f64),
        }
    }
}

impl From<Rest> for QuarantineReply {
    fn from(rest: Rest) -> Self {
        Self {
            reason: rest.reason,
            since: rest.since,
            until: rest.until,
        }
    }
}

impl From<RolloutView> for RolloutReply {
    fn from(view: RolloutView) -> Self {
        Self {
            plugin: view.plugin,
            plan: view.plan.into(),
            state: view.state.map(RolloutStateReply::from),
            share: view.share,
            stable: view.stable.map(VersionResultsReply::from),
            canary: view.canary.map(VersionResultsReply::from),
            finding: view.finding,
            error: view.error.map(PluginFaultReply::from),
        }
    }
}

impl From<Rollout> for RolloutPlanReply {
    fn from(plan: Rollout) -> Self {
        let steps = plan.steps.iter().map(|step| RolloutStepReply {
            share: step.share,
            good_minutes: step.good_minutes,
        });
        Self {
            steps: steps.collect(),
            canary: plan.canary,
            share: plan.share,
            sticky: match plan.sticky {
                Sticky::User => "user",
                Sticky::Random => "random",
            },
            guard: RolloutGuardReply {
                min_calls: plan.guard.min_calls,
                error_margin: plan.guard.error_margin,
                latency_ratio: plan.guard.latency_ratio,
            },
        }
    }
}

impl From<RolloutState> for RolloutStateReply {
    fn from(state: RolloutState) -> Self {
        Self {
            status: state.status.as_str(),
            step: state.step,
            good_minutes: state.good_minutes,
            since: state.since,
            reason: state.reason,
        }
    }
}

impl From<Served> for ServedReply {
    fn from(served: Served) -> Self {
        Self {
            id: served.id.to_string(),
            version: served.version,
            digest: served.digest,
            share: served.share,
            from: served.from,
            to: served.to,
            cause: served.cause.as_str(),
            reason: served.reason,
        }
    }
}

impl From<VersionStatus> for PluginVersionReply {
    fn from(status: VersionStatus) -> Self {
        Self {
            version: status.version,
            role: role_word(status.role),
            digest: status.digest,
            package_digest: status.package_digest,
            signed_by: status
                .signed_by
                .into_iter()
                .map(SignerReply::from)
                .collect(),
            share: status.share,
            asked: status.asked.into(),
            granted: status.effective.into(),
            refused: status.refused,
            quarantine: status.quarantine.map(QuarantineReply::from),
        }
    }
}

impl From<Rated> for RatedReply {
    fn from(rated: Rated) -> Self {
        Self {
            plugin: rated.plugin,
            version: rated.version,
        }
    }
}

fn role_word(role: VersionRole) -> &'static str {
    match role {
        VersionRole::Stable => "stable",
        VersionRole::Canary => "canary",
        VersionRole::Waiting => "waiting",
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
