//! Rows of `usage` and groups of them, and how they become words of the domain.

use chrono::{DateTime, Utc};
use inkstone_domain::chat::Usage;
use inkstone_domain::money::Money;
use inkstone_domain::usage::{CacheUse, Outcome, UsageGroup, UsageRecord};
use surrealdb::types::{RecordId, SurrealValue};

use super::TABLE;
use crate::failure::StoreFailure;
use crate::row::{RowResult, parse, parse_option, unknown_word};

/// No call has more of anything. A plugin may report what it likes; without a bound a few absurd
/// figures would take sums beyond the database's 64 bits with a sign.
pub(super) const MAX_FIGURE: u64 = 1_000_000_000_000_000;

#[derive(SurrealValue)]
pub(super) struct UsageRow {
    id: RecordId,
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

/// What `query::sum` selects.
#[derive(SurrealValue)]
pub(super) struct GroupRow {
    dimensions: Vec<String>,
    attempts: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    cache_hits: u64,
    input_tokens: u64,
    output_tokens: u64,
    cached_input_tokens: u64,
    reasoning_tokens: u64,
    cost_nanos: u64,
    latency_ms: u64,
}

pub(super) fn record_id(record: &UsageRecord) -> RecordId {
    RecordId::new(TABLE, record.id.to_string())
}

pub(super) fn day_text(record: &UsageRecord) -> String {
    record.at.date_naive().to_string()
}

pub(super) fn bounded(figure: u64) -> u64 {
    figure.min(MAX_FIGURE)
}

impl From<&UsageRecord> for UsageRow {
    fn from(record: &UsageRecord) -> Self {
        Self {
            id: record_id(record),
            key: record.id.to_string(),
            at: record.at,
            day: day_text(record),
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
            cache: cache_word(record.cache).to_owned(),
            outcome: outcome_word(record.outcome).to_owned(),
            error_code: record.error_code.clone(),
            latency_ms: bounded(record.latency_ms),
            first_chunk_ms: record.first_chunk_ms.map(bounded),
        }
    }
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

impl From<GroupRow> for UsageGroup {
    fn from(row: GroupRow) -> Self {
        Self {
            values: row.dimensions,
            attempts: row.attempts,
            succeeded: row.succeeded,
            failed: row.failed,
            cancelled: row.cancelled,
            cache_hits: row.cache_hits,
            usage: Usage {
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
                cached_input_tokens: row.cached_input_tokens,
                reasoning_tokens: row.reasoning_tokens,
            },
            cost: Money(row.cost_nanos),
            latency_ms_total: row.latency_ms,
        }
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
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

fn cache_word(cache: CacheUse) -> &'static str {
    match cache {
        CacheUse::None => "none",
        CacheUse::Exact => "exact",
        CacheUse::Semantic => "semantic",
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
