//! Rows of `usage_sum`: what a batch of records adds to them, and sums of sums.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use inkstone_domain::allowance::{DaySpend, Spend, Subject};
use inkstone_domain::chat::Usage;
use inkstone_domain::money::Money;
use inkstone_domain::usage::{
    CacheUse, Outcome, UsageDimension, UsageFilter, UsageGroup, UsageRecord,
};
use surrealdb::types::SurrealValue;

use crate::row::{RowResult, parse};
use crate::statement::Statement;

const TABLE: &str = "usage_sum";

/// No call has more of anything. A plugin may report what it likes; without a bound a few absurd
/// figures would take sums beyond the database's 64 bits with a sign.
pub(super) const MAX_FIGURE: u64 = 1_000_000_000_000_000;

/// Adds `$sums`, a part of the transaction of an append.
pub(super) const ADD: &str = "
    FOR $sum IN $sums {
        UPSERT type::record('usage_sum', [$sum.day, $sum.user, $sum.key_id, $sum.project, $sum.model, $sum.plugin]) SET
            day = $sum.day,
            user = $sum.user,
            key_id = $sum.key_id,
            project = $sum.project,
            model = $sum.model,
            plugin = $sum.plugin,
            attempts = (attempts ?? 0) + $sum.attempts,
            succeeded = (succeeded ?? 0) + $sum.succeeded,
            failed = (failed ?? 0) + $sum.failed,
            cancelled = (cancelled ?? 0) + $sum.cancelled,
            cache_hits = (cache_hits ?? 0) + $sum.cache_hits,
            input_tokens = (input_tokens ?? 0) + $sum.input_tokens,
            output_tokens = (output_tokens ?? 0) + $sum.output_tokens,
            cached_input_tokens = (cached_input_tokens ?? 0) + $sum.cached_input_tokens,
            reasoning_tokens = (reasoning_tokens ?? 0) + $sum.reasoning_tokens,
            cost_nanos = (cost_nanos ?? 0) + $sum.cost_nanos,
            latency_ms = (latency_ms ?? 0) + $sum.latency_ms
            RETURN NONE;
    };
";

#[derive(Default, SurrealValue)]
pub(super) struct SumRow {
    day: String,
    user: String,
    key_id: String,
    project: String,
    model: String,
    plugin: String,
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

/// What [`sum`] selects.
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

/// What [`since`] selects.
#[derive(SurrealValue)]
pub(super) struct SpendRow {
    day: String,
    user: String,
    key_id: String,
    project: String,
    model: String,
    tokens: u64,
    cost_nanos: u64,
}

/// They are added up here, so that a batch writes each row once.
pub(super) fn of(records: &[&UsageRecord]) -> Vec<SumRow> {
    type Place<'r> = (NaiveDate, &'r str, &'r str);
    let mut sums: HashMap<(Place<'_>, _, _, _), SumRow> = HashMap::new();
    for record in records {
        let day = record.at.date_naive();
        let place = (day, record.model.as_str(), record.plugin.as_str());
        let sum = sums
            .entry((place, record.user, record.key, record.project.as_deref()))
            .or_insert_with(|| SumRow {
                day: day.to_string(),
                user: record.user.to_string(),
                key_id: record.key.map(|key| key.to_string()).unwrap_or_default(),
                project: record.project.clone().unwrap_or_default(),
                model: record.model.clone(),
                plugin: record.plugin.clone(),
                ..SumRow::default()
            });
        sum.add(record);
    }
    sums.into_values().collect()
}

impl SumRow {
    fn add(&mut self, record: &UsageRecord) {
        let bounded = |figure: u64| figure.min(MAX_FIGURE);
        self.attempts += 1;
        match record.outcome {
            Outcome::Succeeded => self.succeeded += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Cancelled => self.cancelled += 1,
        }
        self.cache_hits += u64::from(record.cache != CacheUse::None);
        self.input_tokens += bounded(record.usage.input_tokens);
        self.output_tokens += bounded(record.usage.output_tokens);
        self.cached_input_tokens += bounded(record.usage.cached_input_tokens);
        self.reasoning_tokens += bounded(record.usage.reasoning_tokens);
        self.cost_nanos += bounded(record.cost.0);
        self.latency_ms += bounded(record.latency_ms);
    }
}

/// Grouped by one list of all values, so that any number of dimensions is the same query.
pub(super) fn sum(filter: &UsageFilter, by: &[UsageDimension]) -> Statement {
    let values: Vec<&str> = by.iter().map(|dimension| column(*dimension)).collect();
    let text = format!(
        "SELECT
            [{}] AS dimensions,
            math::sum(attempts) AS attempts,
            math::sum(succeeded) AS succeeded,
            math::sum(failed) AS failed,
            math::sum(cancelled) AS cancelled,
            math::sum(cache_hits) AS cache_hits,
            math::sum(input_tokens) AS input_tokens,
            math::sum(output_tokens) AS output_tokens,
            math::sum(cached_input_tokens) AS cached_input_tokens,
            math::sum(reasoning_tokens) AS reasoning_tokens,
            math::sum(cost_nanos) AS cost_nanos,
            math::sum(latency_ms) AS latency_ms
        FROM usage_sum {} GROUP BY dimensions ORDER BY dimensions",
        values.join(", "),
        clause(filter)
    );
    Statement::new(text)
        .bind("user", filter.user.map(|user| user.to_string()))
        .bind("key_id", filter.key.map(|key| key.to_string()))
        .bind("project", filter.project.clone())
        .bind("model", filter.model.clone())
        .bind("from", filter.from.map(|day| day.to_string()))
        .bind("to", filter.to.map(|day| day.to_string()))
}

pub(super) fn since(day: NaiveDate) -> Statement {
    Statement::new(
        "SELECT day, user, key_id, project, model, input_tokens + output_tokens AS tokens, cost_nanos
         FROM usage_sum WHERE day >= $day",
    )
    .bind("day", day.to_string())
}

/// What every subject spent on each day.
pub(super) fn by_subject(rows: Vec<SpendRow>) -> RowResult<Vec<DaySpend>> {
    let mut sums: BTreeMap<(NaiveDate, Subject), Spend> = BTreeMap::new();
    for row in rows {
        let day: NaiveDate = parse(TABLE, &row.day)?;
        let spend = Spend {
            money: Money(row.cost_nanos),
            tokens: row.tokens,
        };
        let user = Subject::User(parse(TABLE, &row.user)?);
        let key = match row.key_id.as_str() {
            "" => None,
            key => Some(Subject::Key(parse(TABLE, key)?)),
        };
        let project = (!row.project.is_empty()).then_some(Subject::Project(row.project));
        let model = Some(Subject::Model(row.model));
        for subject in [Some(user), key, project, model].into_iter().flatten() {
            *sums.entry((day, subject)).or_default() += spend;
        }
    }
    let days = sums.into_iter().map(|((day, subject), spend)| DaySpend {
        subject,
        day,
        spend,
    });
    Ok(days.collect())
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

fn column(dimension: UsageDimension) -> &'static str {
    match dimension {
        UsageDimension::Day => "day",
        UsageDimension::Model => "model",
        UsageDimension::Key => "key_id",
        UsageDimension::User => "user",
        UsageDimension::Project => "project",
        UsageDimension::Plugin => "plugin",
    }
}

fn clause(filter: &UsageFilter) -> String {
    let UsageFilter {
        user,
        key,
        project,
        model,
        from,
        to,
    } = filter;
    let all = [
        user.is_some().then_some("user = $user"),
        key.is_some().then_some("key_id = $key_id"),
        project.is_some().then_some("project = $project"),
        model.is_some().then_some("model = $model"),
        from.is_some().then_some("day >= $from"),
        to.is_some().then_some("day <= $to"),
    ];
    let conditions: Vec<&str> = all.into_iter().flatten().collect();
    match conditions.is_empty() {
        true => String::new(),
        false => format!("WHERE {}", conditions.join(" AND ")),
    }
}
