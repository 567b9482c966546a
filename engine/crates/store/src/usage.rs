//! The table `usage`: the ledger.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::chat::Usage;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{UsageId, UserId};
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{Outcome, UsageRecord};
use surrealdb::types::{RecordId, SurrealValue};

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, parse, parse_option, unknown_word};
use crate::statement::Statement;

const TABLE: &str = "usage";

#[derive(SurrealValue)]
struct UsageRow {
    id: RecordId,
    key: String,
    at: DateTime<Utc>,
    user: String,
    job: Option<String>,
    plugin: String,
    plugin_version: String,
    model: String,
    input_tokens: u64,
    output_tokens: u64,
    cached_input_tokens: u64,
    reasoning_tokens: u64,
    outcome: String,
    latency_ms: u64,
    first_chunk_ms: Option<u64>,
}

#[async_trait]
impl UsageLedger for SurrealStore {
    async fn append(&self, records: &[UsageRecord]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let rows: Vec<UsageRow> = records.iter().map(UsageRow::from).collect();
        // What is known already stays: a flush may be repeated after a lost answer.
        let statement =
            Statement::new("{ INSERT IGNORE INTO usage $rows RETURN NONE; RETURN NONE; }")
                .bind("rows", rows);
        Ok(self.write(statement).await?)
    }

    async fn list_usage(
        &self,
        user: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<UsageRecord>> {
        let place: Place<UsageId> = Place::of(&page)?;
        let text = match (user, place.before) {
            (None, None) => "SELECT * FROM usage ORDER BY key DESC LIMIT $rows",
            (None, Some(_)) => {
                "SELECT * FROM usage WHERE key < $before ORDER BY key DESC LIMIT $rows"
            }
            (Some(_), None) => {
                "SELECT * FROM usage WHERE user = $user ORDER BY key DESC LIMIT $rows"
            }
            (Some(_), Some(_)) => {
                "SELECT * FROM usage WHERE user = $user AND key < $before \
                 ORDER BY key DESC LIMIT $rows"
            }
        };
        let statement = Statement::new(text)
            .bind("user", user.map(|user| user.to_string()))
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<UsageRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |record: &UsageRecord| record.id))
    }
}

impl From<&UsageRecord> for UsageRow {
    fn from(record: &UsageRecord) -> Self {
        let key = record.id.to_string();
        Self {
            id: RecordId::new(TABLE, key.clone()),
            key,
            at: record.at,
            user: record.user.to_string(),
            job: record.job.map(|job| job.to_string()),
            plugin: record.plugin.clone(),
            plugin_version: record.plugin_version.clone(),
            model: record.model.clone(),
            input_tokens: record.usage.input_tokens,
            output_tokens: record.usage.output_tokens,
            cached_input_tokens: record.usage.cached_input_tokens,
            reasoning_tokens: record.usage.reasoning_tokens,
            outcome: outcome_word(record.outcome).to_owned(),
            latency_ms: record.latency_ms,
            first_chunk_ms: record.first_chunk_ms,
        }
    }
}

impl TryFrom<UsageRow> for UsageRecord {
    type Error = StoreFailure;

    fn try_from(row: UsageRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            at: row.at,
            user: parse(TABLE, &row.user)?,
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
            outcome: outcome_of(&row.outcome)?,
            latency_ms: row.latency_ms,
            first_chunk_ms: row.first_chunk_ms,
        })
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
