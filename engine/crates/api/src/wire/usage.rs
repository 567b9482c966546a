//! The ledger: lines, sums, and what somebody may use and used. Sums also as CSV (RFC 4180).

use chrono::{DateTime, Utc};
use inkstone_domain::allowance::Period;
use inkstone_domain::usage::{CacheUse, Outcome, UsageDimension, UsageGroup, UsageRecord};
use inkstone_domain::{Error, Result, codes};
use inkstone_services::Standing;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::allowance::{AllowanceBody, PeriodWord};

/// By what lines are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DimensionWord {
    Day,
    Model,
    Key,
    User,
    Project,
    Plugin,
}

/// Sums of a group of calls.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct UsageGroupReply {
    /// Of the dimensions asked for; empty where the calls have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-21")]
    pub day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Id of the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Attempts, whatever became of them.
    pub attempts: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// Answered from the cache, at no cost.
    pub cache_hits: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// A part of the input tokens.
    pub cached_input_tokens: u64,
    /// A part of the output tokens.
    pub reasoning_tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
    /// Mean time of an attempt, milliseconds.
    pub mean_latency_ms: f64,
}

/// The sums that were asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageSumsReply {
    /// In the order of their dimensions' values.
    pub data: Vec<UsageGroupReply>,
}

/// One attempt to call a model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageLineReply {
    #[schema(example = "use_01J9ZQ7Y3M5T8V2W4X6A8B0C2D")]
    pub id: String,
    pub at: DateTime<Utc>,
    /// Attempts for one request share it.
    pub request_id: String,
    /// 1 is the first; 0 was answered from the cache.
    pub attempt: u32,
    pub user: String,
    pub key: Option<String>,
    pub project: Option<String>,
    pub job: Option<String>,
    pub plugin: String,
    pub plugin_version: String,
    pub model: String,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cached_input_tokens: u64,
    pub reasoning_tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
    /// `none`, `exact` or `semantic`.
    pub cache: &'static str,
    /// `succeeded`, `failed` or `cancelled`.
    pub outcome: &'static str,
    /// Code of the error, where it failed.
    pub error_code: Option<String>,
    pub latency_ms: u64,
    /// Time to the first piece.
    pub first_chunk_ms: Option<u64>,
}

/// What a subject may use, and what it used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StandingReply {
    /// `key:…`, `user:…`, `project:…` or `model:…`
    #[schema(example = "project:handbook")]
    pub subject: String,
    pub limits: AllowanceBody,
    /// In the present day, week and month.
    pub spent: Vec<SpentReply>,
}

/// What was spent in a period up to now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpentReply {
    pub period: PeriodWord,
    /// US dollars.
    pub cost_usd: f64,
    pub tokens: u64,
}

impl UsageGroupReply {
    /// `by` are the dimensions of the group's values.
    pub(crate) fn new(group: UsageGroup, by: &[DimensionWord]) -> Self {
        let mut reply = Self {
            attempts: group.attempts,
            succeeded: group.succeeded,
            failed: group.failed,
            cancelled: group.cancelled,
            cache_hits: group.cache_hits,
            input_tokens: group.usage.input_tokens,
            output_tokens: group.usage.output_tokens,
            cached_input_tokens: group.usage.cached_input_tokens,
            reasoning_tokens: group.usage.reasoning_tokens,
            cost_usd: group.cost.as_usd(),
            mean_latency_ms: group.latency_ms_total as f64 / group.attempts.max(1) as f64,
            ..Self::default()
        };
        for (word, value) in by.iter().zip(group.values) {
            let place = match word {
                DimensionWord::Day => &mut reply.day,
                DimensionWord::Model => &mut reply.model,
                DimensionWord::Key => &mut reply.key,
                DimensionWord::User => &mut reply.user,
                DimensionWord::Project => &mut reply.project,
                DimensionWord::Plugin => &mut reply.plugin,
            };
            *place = Some(value);
        }
        reply
    }
}

/// A table with a line of names, as spreadsheets read it.
pub(crate) fn csv_of(groups: &[UsageGroup], by: &[DimensionWord]) -> Result<Vec<u8>> {
    let failed = |error: csv::Error| {
        Error::new(&codes::INTERNAL, "the table could not be written").with_source(error)
    };
    let mut table = csv::Writer::from_writer(Vec::new());
    let names = by.iter().map(|word| word.as_str()).chain([
        "attempts",
        "succeeded",
        "failed",
        "cancelled",
        "cache_hits",
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "reasoning_tokens",
        "cost_usd",
    ]);
    table.write_record(names).map_err(failed)?;
    for group in groups {
        let numbers = [
            group.attempts,
            group.succeeded,
            group.failed,
            group.cancelled,
            group.cache_hits,
            group.usage.input_tokens,
            group.usage.output_tokens,
            group.usage.cached_input_tokens,
            group.usage.reasoning_tokens,
        ];
        let values = group.values.iter().map(|value| harmless(value));
        let numbers = numbers.into_iter().map(|number| number.to_string());
        let cost = format!("{:.9}", group.cost.as_usd());
        table
            .write_record(values.chain(numbers).chain([cost]))
            .map_err(failed)?;
    }
    table
        .into_inner()
        .map_err(|error| failed(error.into_error().into()))
}

/// A value that a spreadsheet would take for a formula gets a quote before it (OWASP, CSV injection).
fn harmless(value: &str) -> String {
    match value.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{value}"),
        false => value.to_owned(),
    }
}

impl DimensionWord {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::Key => "key",
            Self::User => "user",
            Self::Project => "project",
            Self::Plugin => "plugin",
        }
    }
}

impl From<DimensionWord> for UsageDimension {
    fn from(word: DimensionWord) -> Self {
        match word {
            DimensionWord::Day => Self::Day,
            DimensionWord::Model => Self::Model,
            DimensionWord::Key => Self::Key,
            DimensionWord::User => Self::User,
            DimensionWord::Project => Self::Project,
            DimensionWord::Plugin => Self::Plugin,
        }
    }
}

impl From<UsageRecord> for UsageLineReply {
    fn from(record: UsageRecord) -> Self {
        Self {
            id: record.id.to_string(),
            at: record.at,
            request_id: record.request_id,
            attempt: record.attempt,
            user: record.user.to_string(),
            key: record.key.map(|key| key.to_string()),
            project: record.project,
            job: record.job.map(|job| job.to_string()),
            plugin: record.plugin,
            plugin_version: record.plugin_version,
            model: record.model,
            input_tokens: record.usage.input_tokens,
            output_tokens: record.usage.output_tokens,
            cached_input_tokens: record.usage.cached_input_tokens,
            reasoning_tokens: record.usage.reasoning_tokens,
            cost_usd: record.cost.as_usd(),
            cache: match record.cache {
                CacheUse::None => "none",
                CacheUse::Exact => "exact",
                CacheUse::Semantic => "semantic",
            },
            outcome: match record.outcome {
                Outcome::Succeeded => "succeeded",
                Outcome::Failed => "failed",
                Outcome::Cancelled => "cancelled",
            },
            error_code: record.error_code,
            latency_ms: record.latency_ms,
            first_chunk_ms: record.first_chunk_ms,
        }
    }
}

impl From<Standing> for StandingReply {
    fn from(standing: Standing) -> Self {
        let spent = standing.spent.into_iter();
        Self {
            subject: standing.subject.to_string(),
            limits: standing.allowance.into(),
            spent: spent
                .map(|(period, spend): (Period, _)| SpentReply {
                    period: period.into(),
                    cost_usd: spend.money.as_usd(),
                    tokens: spend.tokens,
                })
                .collect(),
        }
    }
}
