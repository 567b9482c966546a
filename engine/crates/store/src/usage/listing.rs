//! Lines of the ledger, newest first: blocks are read from the newest on, until no block that is left
//! can hold a line that belongs before those that were found.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, NaiveTime};
use inkstone_domain::allowance::Subject;
use inkstone_domain::ids::UsageId;
use inkstone_domain::usage::{UsageFilter, UsageRecord};

use super::block::{self, BlockRow, SPAN_MS};
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::parse;
use crate::statement::Statement;

/// How many blocks are read at first, and at most at once.
const FEW: usize = 2;
const MANY: usize = 64;
/// An id is made when `at` is taken, not at the same instant.
const SLACK_MS: u64 = 60_000;

/// As many records as `place` asks for, newest first.
pub(super) async fn list(
    store: &SurrealStore,
    filter: &UsageFilter,
    place: &Place<UsageId>,
) -> Result<Vec<UsageRecord>, StoreFailure> {
    let wanted = usize::try_from(place.rows).unwrap_or(usize::MAX);
    let from = filter
        .from
        .map_or(0, |day| start_of(day).saturating_sub(SLACK_MS));
    let from = block::lowest_at(from);
    let end = filter.to.map(|day| start_of(day + Days::new(1)) + SLACK_MS);
    let end = end.map(block::lowest_at);
    let before = [place.before, end].into_iter().flatten().min();
    // A block that ends later may begin before it.
    let mut below = before.map(|id| block::lowest_at(id.0.timestamp_ms() + SPAN_MS));
    let mut found: BTreeMap<UsageId, UsageRecord> = BTreeMap::new();
    let mut count = FEW;
    loop {
        let blocks = store.blocks(filter, from, below, count).await?;
        for block in &blocks {
            let begins_later = match before {
                Some(before) => block.first()? >= before,
                None => false,
            };
            if begins_later {
                continue;
            }
            let records = block.records()?.into_iter();
            let records = records.filter(|it| {
                before.is_none_or(|before| it.id < before) && lets_through(filter, it)
            });
            found.extend(records.map(|record| (record.id, record)));
        }
        let last = match blocks.last() {
            Some(last) if blocks.len() == count => parse(block::TABLE, &last.last)?,
            _ => break,
        };
        below = Some(last);
        // Blocks that are left hold none that is higher.
        if found.range(last..).take(wanted).count() == wanted {
            break;
        }
        count = (count * 2).min(MANY);
    }
    Ok(found.into_values().rev().take(wanted).collect())
}

impl SurrealStore {
    /// Blocks that may hold what is asked for, from the one that ends last on.
    async fn blocks(
        &self,
        filter: &UsageFilter,
        from: UsageId,
        below: Option<UsageId>,
        count: usize,
    ) -> Result<Vec<BlockRow>, StoreFailure> {
        let subject = subject(filter);
        let below_clause = match below {
            Some(_) => "AND last < $below",
            None => "",
        };
        let text = match subject {
            Some(_) => format!(
                "SELECT VALUE block.* FROM (
                    SELECT block, last FROM usage_mark
                    WHERE subject = $subject AND last >= $from {below_clause}
                    ORDER BY last DESC LIMIT $count
                )"
            ),
            None => format!(
                "SELECT * FROM usage_block WHERE last >= $from {below_clause}
                 ORDER BY last DESC LIMIT $count"
            ),
        };
        let statement = Statement::new(text)
            .bind("subject", subject.map(|subject| subject.to_string()))
            .bind("from", from.to_string())
            .bind("below", below.map(|id| id.to_string()))
            .bind("count", count as u64);
        self.read(statement).await
    }
}

/// The subject with the fewest lines, of those the filter names.
fn subject(filter: &UsageFilter) -> Option<Subject> {
    let key = filter.key.map(Subject::Key);
    let user = || filter.user.map(Subject::User);
    let project = || filter.project.clone().map(Subject::Project);
    let model = || filter.model.clone().map(Subject::Model);
    key.or_else(user).or_else(project).or_else(model)
}

fn lets_through(filter: &UsageFilter, record: &UsageRecord) -> bool {
    let UsageFilter {
        user,
        key,
        project,
        model,
        from,
        to,
    } = filter;
    let day = record.at.date_naive();
    user.is_none_or(|user| user == record.user)
        && key.is_none_or(|key| record.key == Some(key))
        && project
            .as_ref()
            .is_none_or(|it| record.project.as_ref() == Some(it))
        && model.as_ref().is_none_or(|it| *it == record.model)
        && from.is_none_or(|from| day >= from)
        && to.is_none_or(|to| day <= to)
}

fn start_of(day: NaiveDate) -> u64 {
    let ms = day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    u64::try_from(ms).unwrap_or(0)
}
