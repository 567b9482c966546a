//! Settles one call: exactly one line in the ledger and one count in the metrics, whether the call
//! succeeded, failed, or was dropped by a caller who left.

use std::sync::Arc;
use std::time::Instant;

use inkstone_domain::chat::Usage;
use inkstone_domain::ids::{JobId, UsageId, UserId};
use inkstone_domain::plugin::PluginStats;
use inkstone_domain::usage::{Outcome, UsageRecord};
use inkstone_domain::{Error, ErrorKind};

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::elapsed_ms;
use super::usage::UsageRecorder;
use crate::models::Route;

/// A call whose end is not known yet. Dropping it counts the call as cancelled.
pub(super) struct Settlement {
    recorder: UsageRecorder,
    user: UserId,
    job: Option<JobId>,
    plugin: String,
    plugin_version: String,
    stats: Arc<PluginStats>,
    model: String,
    began: Instant,
    first_chunk_ms: Option<u64>,
    usage: Usage,
    outcome: Option<Outcome>,
    /// A shutdown waits for it.
    _under_way: TaskTrackerToken,
}

impl Settlement {
    pub(super) fn begin(
        recorder: UsageRecorder,
        user: UserId,
        job: Option<JobId>,
        route: &Route,
    ) -> Self {
        Self {
            _under_way: recorder.call_token(),
            recorder,
            user,
            job,
            plugin: route.plugin.manifest.id.clone(),
            plugin_version: route.plugin.manifest.version.clone(),
            stats: Arc::clone(&route.plugin.stats),
            model: route.name.clone(),
            began: Instant::now(),
            first_chunk_ms: None,
            usage: Usage::default(),
            outcome: None,
        }
    }

    pub(super) fn first_chunk(&mut self) {
        self.first_chunk_ms = Some(elapsed_ms(self.began));
        metrics::histogram!("inkstone_chat_first_chunk_seconds", "plugin" => self.plugin.clone())
            .record(self.began.elapsed().as_secs_f64());
    }

    /// The last figure counts: providers report totals.
    pub(super) fn spent(&mut self, usage: Usage) {
        self.usage = usage;
    }

    pub(super) fn succeeded(&mut self) {
        self.settle(Outcome::Succeeded);
    }

    pub(super) fn failed(&mut self, error: &Error) {
        let outcome = match error.kind() {
            ErrorKind::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        };
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        if self.outcome.replace(outcome).is_some() {
            return;
        }
        let label = match outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
        };
        let plugin = self.plugin.clone();
        metrics::counter!("inkstone_chat_requests_total", "plugin" => plugin.clone(), "outcome" => label)
            .increment(1);
        metrics::histogram!("inkstone_chat_duration_seconds", "plugin" => plugin.clone())
            .record(self.began.elapsed().as_secs_f64());
        metrics::counter!("inkstone_tokens_total", "plugin" => plugin.clone(), "direction" => "input")
            .increment(self.usage.input_tokens);
        metrics::counter!("inkstone_tokens_total", "plugin" => plugin, "direction" => "output")
            .increment(self.usage.output_tokens);
        self.stats
            .tokens(self.usage.input_tokens, self.usage.output_tokens);
        self.recorder.record(UsageRecord {
            id: UsageId::new(),
            at: self.recorder.now(),
            user: self.user,
            job: self.job,
            plugin: self.plugin.clone(),
            plugin_version: self.plugin_version.clone(),
            model: self.model.clone(),
            usage: self.usage,
            outcome,
            latency_ms: elapsed_ms(self.began),
            first_chunk_ms: self.first_chunk_ms,
        });
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        self.settle(Outcome::Cancelled);
    }
}
