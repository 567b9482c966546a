//! The ledger in memory, and what each subject spent on each day.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use async_trait::async_trait;
use chrono::NaiveDate;
use inkstone_domain::Result;
use inkstone_domain::allowance::DaySpend;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ports::UsageLedger;
use inkstone_domain::usage::{
    CacheUse, Outcome, UsageDimension, UsageFilter, UsageGroup, UsageRecord,
};

use super::{MemStore, State, page_of};

#[async_trait]
impl UsageLedger for MemStore {
    async fn append(&self, records: &[UsageRecord]) -> Result<()> {
        let mut state = self.state();
        let State { usage, spend, .. } = &mut *state;
        for record in records {
            // A record that is known already stays: a flush may be repeated after a lost answer.
            let Entry::Vacant(place) = usage.entry(record.id) else {
                continue;
            };
            place.insert(record.clone());
            for subject in record.subjects() {
                *spend.entry((day_of(record), subject)).or_default() += record.spend();
            }
        }
        Ok(())
    }

    async fn list_usage(
        &self,
        filter: &UsageFilter,
        page: PageRequest,
    ) -> Result<Page<UsageRecord>> {
        let state = self.state();
        let newest_first = state
            .usage
            .iter()
            .rev()
            .filter(|(_, record)| matches(filter, record))
            .map(|(id, record)| (*id, record.clone()));
        page_of(newest_first, &page, |cursor| cursor.parse().ok())
    }

    async fn sum_usage(
        &self,
        filter: &UsageFilter,
        by: &[UsageDimension],
    ) -> Result<Vec<UsageGroup>> {
        let mut groups: BTreeMap<Vec<String>, UsageGroup> = BTreeMap::new();
        if by.is_empty() {
            groups.insert(Vec::new(), UsageGroup::default());
        }
        for record in self.state().usage.values() {
            if matches(filter, record) {
                let values = by.iter().map(|dimension| value(*dimension, record));
                add(groups.entry(values.collect()).or_default(), record);
            }
        }
        let named = groups.into_iter();
        Ok(named
            .map(|(values, group)| UsageGroup { values, ..group })
            .collect())
    }

    async fn spent_since(&self, day: NaiveDate) -> Result<Vec<DaySpend>> {
        let state = self.state();
        let since = state.spend.iter().filter(|((on, _), _)| *on >= day);
        Ok(since
            .map(|((day, subject), spend)| DaySpend {
                subject: subject.clone(),
                day: *day,
                spend: *spend,
            })
            .collect())
    }
}

fn day_of(record: &UsageRecord) -> NaiveDate {
    record.at.date_naive()
}

fn matches(filter: &UsageFilter, record: &UsageRecord) -> bool {
    let UsageFilter {
        user,
        key,
        project,
        model,
        from,
        to,
    } = filter;
    user.is_none_or(|user| record.user == user)
        && key.is_none_or(|key| record.key == Some(key))
        && project
            .as_ref()
            .is_none_or(|it| record.project.as_ref() == Some(it))
        && model.as_ref().is_none_or(|it| record.model == *it)
        && from.is_none_or(|from| day_of(record) >= from)
        && to.is_none_or(|to| day_of(record) <= to)
}

fn value(dimension: UsageDimension, record: &UsageRecord) -> String {
    match dimension {
        UsageDimension::Day => day_of(record).to_string(),
        UsageDimension::Model => record.model.clone(),
        UsageDimension::Key => record.key.map(|key| key.to_string()).unwrap_or_default(),
        UsageDimension::User => record.user.to_string(),
        UsageDimension::Project => record.project.clone().unwrap_or_default(),
        UsageDimension::Plugin => record.plugin.clone(),
    }
}

fn add(group: &mut UsageGroup, record: &UsageRecord) {
    group.attempts += 1;
    match record.outcome {
        Outcome::Succeeded => group.succeeded += 1,
        Outcome::Failed => group.failed += 1,
        Outcome::Cancelled => group.cancelled += 1,
    }
    group.cache_hits += u64::from(record.cache != CacheUse::None);
    group.usage += record.usage;
    group.cost = group.cost.saturating_add(record.cost);
    group.latency_ms_total += record.latency_ms;
}
