//! The ledger: who spent how many tokens, on which model, through which plugin.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::chat::Usage;
use crate::ids::{JobId, UsageId, UserId};

/// How a paid call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    /// The caller left.
    Cancelled,
}

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    pub id: UsageId,
    pub at: DateTime<Utc>,
    pub user: UserId,
    pub job: Option<JobId>,
    pub plugin: String,
    pub plugin_version: String,
    /// `provider/model`.
    pub model: String,
    pub usage: Usage,
    pub outcome: Outcome,
    pub latency_ms: u64,
    /// Time to the first chunk.
    pub first_chunk_ms: Option<u64>,
}
