//! What is asked of the ledger: pages and sums of what a filter lets through.

use inkstone_domain::ids::UsageId;
use inkstone_domain::usage::{UsageDimension, UsageFilter};

use crate::pages::Place;
use crate::statement::Statement;

pub(super) fn list(filter: &UsageFilter, place: &Place<UsageId>) -> Statement {
    let mut conditions = conditions(filter);
    if place.before.is_some() {
        conditions.push("key < $before");
    }
    let text = format!(
        "SELECT * FROM usage {} ORDER BY key DESC LIMIT $rows",
        clause(&conditions)
    );
    bind(Statement::new(text), filter)
        .bind("before", place.before.map(|id| id.to_string()))
        .bind("rows", place.rows)
}

/// Grouped by one list of all values, so that any number of dimensions is the same query.
pub(super) fn sum(filter: &UsageFilter, by: &[UsageDimension]) -> Statement {
    let values: Vec<&str> = by.iter().map(|dimension| value(*dimension)).collect();
    let text = format!(
        "SELECT
            [{}] AS dimensions,
            count() AS attempts,
            count(outcome = 'succeeded') AS succeeded,
            count(outcome = 'failed') AS failed,
            count(outcome = 'cancelled') AS cancelled,
            count(cache != 'none') AS cache_hits,
            math::sum(input_tokens) AS input_tokens,
            math::sum(output_tokens) AS output_tokens,
            math::sum(cached_input_tokens) AS cached_input_tokens,
            math::sum(reasoning_tokens) AS reasoning_tokens,
            math::sum(cost_nanos) AS cost_nanos,
            math::sum(latency_ms) AS latency_ms
        FROM usage {} GROUP BY dimensions ORDER BY dimensions",
        values.join(", "),
        clause(&conditions(filter))
    );
    bind(Statement::new(text), filter)
}

fn value(dimension: UsageDimension) -> &'static str {
    match dimension {
        UsageDimension::Day => "day",
        UsageDimension::Model => "model",
        UsageDimension::Key => "key_id ?? ''",
        UsageDimension::User => "user",
        UsageDimension::Project => "project ?? ''",
        UsageDimension::Plugin => "plugin",
    }
}

fn conditions(filter: &UsageFilter) -> Vec<&'static str> {
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
    all.into_iter().flatten().collect()
}

fn clause(conditions: &[&str]) -> String {
    if conditions.is_empty() {
        return String::new();
    }
    format!("WHERE {}", conditions.join(" AND "))
}

fn bind(statement: Statement, filter: &UsageFilter) -> Statement {
    statement
        .bind("user", filter.user.map(|user| user.to_string()))
        .bind("key_id", filter.key.map(|key| key.to_string()))
        .bind("project", filter.project.clone())
        .bind("model", filter.model.clone())
        .bind("from", filter.from.map(|day| day.to_string()))
        .bind("to", filter.to.map(|day| day.to_string()))
}
