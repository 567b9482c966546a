//! The ledger: who spent how many tokens and how much money, on which model, through which plugin.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::allowance::{Spend, Subject};
use crate::chat::Usage;
use crate::ids::{JobId, KeyId, UsageId, UserId};
use crate::money::Money;

/// How a paid call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    /// The caller left, or another attempt was faster.
    Cancelled,
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheUse {
    /// The upstream.
    #[default]
    None,
    /// The same request was answered before.
    Exact,
    /// One that means the same was.
    Semantic,
}

/// One attempt to call a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    pub id: UsageId,
    pub at: DateTime<Utc>,
    /// Attempts for one request share it.
    pub request_id: String,
    /// 1 is the first.
    pub attempt: u32,
    pub user: UserId,
    pub key: Option<KeyId>,
    pub project: Option<String>,
    pub job: Option<JobId>,
    pub plugin: String,
    pub plugin_version: String,
    /// `provider/model`.
    pub model: String,
    pub usage: Usage,
    pub cost: Money,
    pub cache: CacheUse,
    pub outcome: Outcome,
    /// Of the error, where it failed.
    pub error_code: Option<String>,
    pub latency_ms: u64,
    /// Time to the first chunk.
    pub first_chunk_ms: Option<u64>,
}

impl UsageRecord {
    /// Whose bounds it counts against.
    pub fn subjects(&self) -> Vec<Subject> {
        let key = self.key.map(Subject::Key);
        let project = self.project.clone().map(Subject::Project);
        let user = Subject::User(self.user);
        let model = Subject::Model(self.model.clone());
        key.into_iter()
            .chain(project)
            .chain([user, model])
            .collect()
    }

    pub fn spend(&self) -> Spend {
        Spend {
            money: self.cost,
            tokens: self
                .usage
                .input_tokens
                .saturating_add(self.usage.output_tokens),
        }
    }
}

/// Which records are meant. What is `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageFilter {
    pub user: Option<UserId>,
    pub key: Option<KeyId>,
    pub project: Option<String>,
    pub model: Option<String>,
    /// From this day on, UTC.
    pub from: Option<NaiveDate>,
    /// Up to and with this day, UTC.
    pub to: Option<NaiveDate>,
}

/// By what records are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageDimension {
    Day,
    Model,
    Key,
    User,
    Project,
    Plugin,
}

/// The sums of one group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UsageGroup {
    /// A value for each dimension asked for, in that order; empty where a record has none.
    pub values: Vec<String>,
    /// Attempts, whatever became of them.
    pub attempts: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub cache_hits: u64,
    pub usage: Usage,
    pub cost: Money,
    pub latency_ms_total: u64,
}
