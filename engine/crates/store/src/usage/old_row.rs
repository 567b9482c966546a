//! Rows of `usage`, in which records stood one by one before there were blocks.

use chrono::{DateTime, Utc};
use inkstone_domain::chat::Usage;
use inkstone_domain::money::Money;
use inkstone_domain::usage::{CacheUse, Outcome, UsageRecord};
use surrealdb::types::{RecordId, SurrealValue};

use super::sums::MAX_FIGURE;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, parse_option, unknown_word};

const TABLE: &str = "usage";

#[derive(SurrealValue)]
pub(super) struct UsageRow {
    pub(super) id: RecordId,
    key: String,
    at: DateTime<Utc>,
    day: String,
    request_id: String,
    attempt: u32,
    user: String,
    key_id: Option<String>,
    project: Option<String>,
    job: Option<String>,
    plugin: String,
    plugin_version: String,
    model: String,
    input_tokens: u64,
    output_tokens: u64,
    cached_input_tokens: u64,
    reasoning_tokens: u64,
    cost_nanos: u64,
    cache: String,
    outcome: String,
    error_code: Option<String>,
    latency_ms: u64,
    first_chunk_ms: Option<u64>,
}

impl TryFrom<UsageRow> for UsageRecord {
    type Error = StoreFailure;

    fn try_from(row: UsageRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            at: row.at,
            request_id: row.request_id,
            attempt: row.attempt,
            user: parse(TABLE, &row.user)?,
            key: parse_option(TABLE, row.key_id)?,
            project: row.project,
            job: parse_option(TABLE, row.job)?,
            plugin: row.plugin,
            plugin_version: row.plugin_version,
            model: row.model,
            usage: Usage {
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
                cached_input_tokens: row.cached_input_tokens,
                reasoning_tokens: row.reasoning_tokens,
            },
            cost: Money(row.cost_nanos),
            cache: cache_of(&row.cache)?,
            outcome: outcome_of(&row.outcome)?,
            error_code: row.error_code,
            latency_ms: row.latency_ms,
            first_chunk_ms: row.first_chunk_ms,
        })
    }
}

impl From<&UsageRecord> for UsageRow {
    fn from(record: &UsageRecord) -> Self {
        let bounded = |figure: u64| figure.min(MAX_FIGURE);
        Self {
            id: RecordId::new(TABLE, record.id.to_string()),
            key: record.id.to_string(),
            at: record.at,
            day: record.at.date_naive().to_string(),
            request_id: record.request_id.clone(),
            attempt: record.attempt,
            user: record.user.to_string(),
            key_id: record.key.map(|key| key.to_string()),
            project: record.project.clone(),
            job: record.job.map(|job| job.to_string()),
            plugin: record.plugin.clone(),
            plugin_version: record.plugin_version.clone(),
            model: record.model.clone(),
            input_tokens: bounded(record.usage.input_tokens),
            output_tokens: bounded(record.usage.output_tokens),
            cached_input_tokens: bounded(record.usage.cached_input_tokens),
            reasoning_tokens: bounded(record.usage.reasoning_tokens),
            cost_nanos: bounded(record.cost.0),
            cache: match record.cache {
                CacheUse::None => "none",
                CacheUse::Exact => "exact",
                CacheUse::Semantic => "semantic",
            }
            .to_owned(),
            outcome: match record.outcome {
                Outcome::Succeeded => "succeeded",
                Outcome::Failed => "failed",
                Outcome::Cancelled => "cancelled",
            }
            .to_owned(),
            error_code: record.error_code.clone(),
            latency_ms: bounded(record.latency_ms),
            first_chunk_ms: record.first_chunk_ms.map(bounded),
        }
    }
}

fn outcome_of(word: &str) -> RowResult<Outcome> {
    match word {
        "succeeded" => Ok(Outcome::Succeeded),
        "failed" => Ok(Outcome::Failed),
        "cancelled" => Ok(Outcome::Cancelled),
        _ => Err(unknown_word(TABLE, "outcome", word)),
    }
}

fn cache_of(word: &str) -> RowResult<CacheUse> {
    match word {
        "none" => Ok(CacheUse::None),
        "exact" => Ok(CacheUse::Exact),
        "semantic" => Ok(CacheUse::Semantic),
        _ => Err(unknown_word(TABLE, "cache", word)),
    }
}
