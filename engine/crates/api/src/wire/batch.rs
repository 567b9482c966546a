//! Batches of jobs.

use chrono::{DateTime, Utc};
use inkstone_domain::ids::{BatchId, UserId};
use inkstone_domain::job::{BatchCounts, JobBatch};
use inkstone_services::jobs::BatchItem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job::GenerateBody;

/// Generations that are asked for together: all are queued, or none is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// For people.
    #[serde(default)]
    #[schema(max_length = 200, example = "Tides, part by part")]
    pub name: String,
    #[schema(min_items = 1, max_items = 200)]
    pub jobs: Vec<BatchJobBody>,
}

/// One generation of a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchJobBody {
    /// Id of a generator.
    #[schema(example = "generator-article")]
    pub plugin: String,
    /// Id of one of its templates.
    #[schema(example = "article")]
    pub template: String,
    /// What to generate, as for one alone.
    pub generate: GenerateBody,
    /// Places, from 0, of jobs before it in this list that must succeed first.
    #[serde(default)]
    #[schema(max_items = 50, example = json!([]))]
    pub after_jobs: Vec<usize>,
}

/// A batch, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchReply {
    #[schema(value_type = String, example = "bat_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub id: BatchId,
    /// Who asked for it.
    #[schema(value_type = String, example = "usr_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P")]
    pub owner: UserId,
    pub name: String,
    /// How many jobs it has.
    pub total: u32,
    pub counts: BatchCountsReply,
    pub created_at: DateTime<Utc>,
    /// When the last of its jobs had ended; null before.
    pub ended_at: Option<DateTime<Utc>>,
}

/// The jobs of a batch by status.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchCountsReply {
    pub waiting: u32,
    pub queued: u32,
    pub running: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub dead: u32,
    pub cancelled: u32,
}

impl From<BatchJobBody> for BatchItem {
    fn from(body: BatchJobBody) -> Self {
        let (task, terms) = body.generate.into_domain(body.plugin, body.template);
        Self {
            task,
            terms,
            after_items: body.after_jobs,
        }
    }
}

impl From<JobBatch> for BatchReply {
    fn from(batch: JobBatch) -> Self {
        Self {
            id: batch.id,
            owner: batch.owner,
            name: batch.name,
            total: batch.counts.total(),
            counts: batch.counts.into(),
            created_at: batch.created_at,
            ended_at: batch.ended_at,
        }
    }
}

impl From<BatchCounts> for BatchCountsReply {
    fn from(counts: BatchCounts) -> Self {
        Self {
            waiting: counts.waiting,
            queued: counts.queued,
            running: counts.running,
            succeeded: counts.succeeded,
            failed: counts.failed,
            dead: counts.dead,
            cancelled: counts.cancelled,
        }
    }
}
