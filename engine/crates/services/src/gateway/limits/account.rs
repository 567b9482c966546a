//! What one subject has used and reserved. Pure: the lock and the clock are elsewhere.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use inkstone_domain::allowance::{Allowance, Budget, Period, RateInfo, RateLeft, Spend};
use inkstone_domain::ports::Shortage;
use tokio::time::Instant;

use crate::gateway::bucket::Bucket;

#[derive(Default)]
pub(super) struct Account {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    parallel: u32,
    reserved: Spend,
    days: BTreeMap<NaiveDate, Spend>,
}

/// Days that no period of today needs any more.
const KEPT_DAYS: usize = 40;

impl Account {
    /// Makes the buckets those of this allowance.
    pub fn fit(&mut self, allowance: &Allowance, now: Instant) {
        let requests = allowance.requests_per_minute.map(u64::from);
        resize(&mut self.requests, requests, now);
        resize(&mut self.tokens, allowance.tokens_per_minute, now);
    }

    /// What there is too little of for a call with this estimate.
    pub fn shortage(
        &mut self,
        allowance: &Allowance,
        estimate: Spend,
        now: Instant,
        today: NaiveDate,
    ) -> Option<Shortage> {
        let has_all = |most: u32| self.parallel >= most;
        if allowance.max_parallel.is_some_and(has_all) {
            return Some(Shortage::Parallel);
        }
        if let Some(bucket) = &mut self.requests
            && let Some(wait) = bucket.wait_for(1.0, now)
        {
            return Some(Shortage::Requests { wait });
        }
        if let Some(bucket) = &mut self.tokens
            && let Some(wait) = bucket.wait_for(estimate.tokens as f64, now)
        {
            return Some(Shortage::Tokens { wait });
        }
        let budget = allowance.budget.as_ref()?;
        let mut used = self.spent(budget.period, today);
        used += self.reserved;
        let is_short = no_money(budget, used, estimate) || no_tokens(budget, used, estimate);
        is_short.then_some(Shortage::Budget { used })
    }

    pub fn take(&mut self, estimate: Spend) {
        self.parallel += 1;
        self.reserved += estimate;
        if let Some(bucket) = &mut self.requests {
            bucket.take(1.0);
        }
        if let Some(bucket) = &mut self.tokens {
            bucket.take(estimate.tokens as f64);
        }
    }

    /// The end of a call that reserved `estimate` and used `used`.
    pub fn release(&mut self, estimate: Spend, used: Spend) {
        self.parallel = self.parallel.saturating_sub(1);
        self.reserved.money.0 = self.reserved.money.0.saturating_sub(estimate.money.0);
        self.reserved.tokens = self.reserved.tokens.saturating_sub(estimate.tokens);
        if let Some(bucket) = &mut self.tokens {
            bucket.take(used.tokens as f64 - estimate.tokens as f64);
        }
    }

    pub fn add(&mut self, day: NaiveDate, spend: Spend) {
        *self.days.entry(day).or_default() += spend;
        while self.days.len() > KEPT_DAYS {
            self.days.pop_first();
        }
    }

    /// What the ledger says of a day: it may know of other engines' calls, and not yet of the latest here.
    pub fn raise(&mut self, day: NaiveDate, spend: Spend) {
        let known = self.days.entry(day).or_default();
        known.money = known.money.max(spend.money);
        known.tokens = known.tokens.max(spend.tokens);
        while self.days.len() > KEPT_DAYS {
            self.days.pop_first();
        }
    }

    pub fn spent(&self, period: Period, today: NaiveDate) -> Spend {
        let days = self.days.range(period.first_day(today)..=today);
        days.fold(Spend::default(), |mut sum, (_, spend)| {
            sum += *spend;
            sum
        })
    }

    pub fn rate(&self) -> RateInfo {
        let left = |bucket: &Option<Bucket>| {
            bucket.as_ref().map(|bucket| RateLeft {
                limit: bucket.limit(),
                remaining: bucket.remaining(),
                reset: bucket.reset(),
            })
        };
        RateInfo {
            requests: left(&self.requests),
            tokens: left(&self.tokens),
        }
    }
}

fn resize(bucket: &mut Option<Bucket>, per_minute: Option<u64>, now: Instant) {
    match (bucket.as_mut(), per_minute) {
        (Some(bucket), Some(most)) if bucket.limit() == most => {}
        (Some(bucket), Some(most)) => bucket.resize(most, now),
        (_, most) => *bucket = most.map(|most| Bucket::full(most, now)),
    }
}

/// Nothing left is nothing left, even for a call that costs nothing anybody knows of.
fn is_used_up(used: u64, more: u64, most: u64) -> bool {
    used >= most || used + more > most
}

pub(super) fn no_money(budget: &Budget, used: Spend, estimate: Spend) -> bool {
    let most = budget.money;
    most.is_some_and(|most| is_used_up(used.money.0, estimate.money.0, most.0))
}

fn no_tokens(budget: &Budget, used: Spend, estimate: Spend) -> bool {
    let most = budget.tokens;
    most.is_some_and(|most| is_used_up(used.tokens, estimate.tokens, most))
}
