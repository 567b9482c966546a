//! What one subject has used and reserved. Pure: the lock and the clock are elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use inkstone_domain::allowance::{Allowance, Budget, Period, RateInfo, RateLeft, Spend, Subject};
use inkstone_domain::{Error, Result, codes};
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

    /// Whether a call with this estimate may begin.
    pub fn check(
        &mut self,
        subject: &Subject,
        allowance: &Allowance,
        estimate: Spend,
        now: Instant,
        today: DateTime<Utc>,
    ) -> Result<()> {
        let who = name_of(subject);
        if let Some(most) = allowance.max_parallel
            && self.parallel >= most
        {
            let what = format!("{who} may have {most} calls at a time, and has them");
            return Err(refused(what, Duration::from_secs(1)));
        }
        if let Some(bucket) = &mut self.requests
            && let Some(wait) = bucket.wait_for(1.0, now)
        {
            let most = bucket.limit();
            return Err(refused(
                format!("{who} may make {most} requests a minute"),
                wait,
            ));
        }
        if let Some(bucket) = &mut self.tokens
            && let Some(wait) = bucket.wait_for(estimate.tokens as f64, now)
        {
            let (most, wanted) = (bucket.limit(), estimate.tokens);
            let what = format!(
                "{who} may use {most} tokens a minute, and this call may take {wanted}; a smaller `max_tokens` reserves less"
            );
            return Err(refused(what, wait));
        }
        match &allowance.budget {
            Some(budget) => self.check_budget(&who, budget, estimate, today),
            None => Ok(()),
        }
    }

    fn check_budget(
        &self,
        who: &str,
        budget: &Budget,
        estimate: Spend,
        today: DateTime<Utc>,
    ) -> Result<()> {
        let mut wanted = self.spent(budget.period, today.date_naive());
        wanted += self.reserved;
        // Nothing left is nothing left, even for a call that costs nothing anybody knows of.
        let is_used_up = |used: u64, more: u64, most: u64| used >= most || used + more > most;
        let no_money = budget
            .money
            .is_some_and(|most| is_used_up(wanted.money.0, estimate.money.0, most.0));
        let no_tokens = budget
            .tokens
            .is_some_and(|most| is_used_up(wanted.tokens, estimate.tokens, most));
        if !no_money && !no_tokens {
            return Ok(());
        }
        let period = budget.period.as_str();
        let what = match (no_money, budget.money, budget.tokens) {
            (true, Some(most), _) => format!(
                "{} US dollars a {period}; {} are spent or reserved, and this call may cost {}",
                most.as_usd(),
                wanted.money.as_usd(),
                estimate.money.as_usd()
            ),
            (_, _, most) => format!(
                "{} tokens a {period}; {} are spent or reserved, and this call may take {}",
                most.unwrap_or_default(),
                wanted.tokens,
                estimate.tokens
            ),
        };
        let end = budget.period.end(today.date_naive());
        Err(Error::new(
            &codes::BUDGET_EXCEEDED,
            format!("the budget of {who} is {what}"),
        )
        .with_retry_after((end - today).to_std().ok()))
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

fn refused(what: String, wait: Duration) -> Error {
    let seconds = wait.as_secs_f64().ceil();
    Error::new(
        &codes::RATE_LIMITED,
        format!("{what}; try again in {seconds} s"),
    )
    .with_retry_after(Some(wait))
}

fn name_of(subject: &Subject) -> String {
    match subject {
        Subject::Key(_) => "this key".to_owned(),
        Subject::User(_) => "this user".to_owned(),
        Subject::Project(name) => format!("the project `{name}`"),
        Subject::Model(name) => format!("the model `{name}`"),
    }
}
