//! What callers may use: rates, calls at a time, and budgets. A call reserves what it may cost before
//! anybody is asked, in one step over all whose bounds hold, and settles it at its end.

mod account;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inkstone_domain::Result;
use inkstone_domain::allowance::{Allowance, DaySpend, Period, RateInfo, Spend, Subject};
use inkstone_domain::ports::Clock;
use inkstone_domain::principal::Principal;
use inkstone_domain::usage::UsageRecord;
use tokio::time::Instant;

use self::account::Account;
use inkstone_domain::gateway::LimitsConfig;

/// Keeps count for everybody.
pub struct Limits {
    config: LimitsConfig,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<Subject, Account>,
    /// Allowances that were set by an admin, in place of the configuration's.
    set: HashMap<Subject, Allowance>,
}

impl Limits {
    pub fn new(config: LimitsConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            config,
            clock,
            state: Mutex::default(),
        }
    }

    /// Takes in what the store holds: for the start, before any call.
    pub fn load(&self, set: Vec<(Subject, Allowance)>, spent: Vec<DaySpend>) {
        let mut state = self.state();
        state.set = set.into_iter().collect();
        for one in spent {
            let account = state.accounts.entry(one.subject).or_default();
            account.add(one.day, one.spend);
        }
    }

    /// The day from which on spendings count for some period that has not ended.
    pub fn first_day(&self) -> chrono::NaiveDate {
        let today = self.clock.now().date_naive();
        let first = |period: Period| period.first_day(today);
        first(Period::Month).min(first(Period::Week))
    }

    /// Changes what a subject may use, from the next call on. `None` goes back to the configuration.
    pub fn set(&self, subject: Subject, allowance: Option<Allowance>) {
        let mut state = self.state();
        match allowance {
            Some(allowance) => state.set.insert(subject, allowance),
            None => state.set.remove(&subject),
        };
    }

    /// What a subject may use; of a key, its own allowance is the answer.
    pub fn allowance_of(&self, subject: &Subject) -> Allowance {
        self.bound_of(&self.state(), subject)
    }

    /// What was spent in this period so far.
    pub fn spent(&self, subject: &Subject, period: Period) -> Spend {
        let today = self.clock.now().date_naive();
        let state = self.state();
        let account = state.accounts.get(subject);
        account.map_or_else(Spend::default, |account| account.spent(period, today))
    }

    /// Reserves for a call of this model by this principal, or says what is used up:
    /// `rate_limit_exceeded`, `budget_exceeded`.
    pub(crate) fn admit(
        self: &Arc<Self>,
        principal: &Principal,
        project: Option<&str>,
        model: Option<&str>,
        estimate: Spend,
    ) -> Result<Admission> {
        let now = Instant::now();
        let today = self.clock.now();
        let key = principal.key.as_ref();
        let subjects = key
            .map(|key| Subject::Key(key.id))
            .into_iter()
            .chain([Subject::User(principal.user)])
            .chain(project.map(|name| Subject::Project(name.to_owned())))
            .chain(model.map(|name| Subject::Model(name.to_owned())));
        let mut state = self.state();
        let bounded: Vec<(Subject, Allowance)> = subjects
            .map(|subject| match (&subject, key) {
                (Subject::Key(_), Some(key)) => (subject, key.allowance),
                _ => {
                    let allowance = self.bound_of(&state, &subject);
                    (subject, allowance)
                }
            })
            .filter(|(_, allowance)| !allowance.is_unbounded())
            .collect();
        // All are asked before anything is taken of any.
        for (subject, allowance) in &bounded {
            let account = state.accounts.entry(subject.clone()).or_default();
            account.fit(allowance, now);
            account
                .check(subject, allowance, estimate, now, today)
                .map_err(|error| error.with_rate(account.rate()))?;
        }
        let mut rate = RateInfo::default();
        for (subject, _) in &bounded {
            if let Some(account) = state.accounts.get_mut(subject) {
                account.take(estimate);
                rate = rate.tighter(account.rate());
            }
        }
        drop(state);
        Ok(Admission {
            limits: Arc::clone(self),
            subjects: bounded.into_iter().map(|(subject, _)| subject).collect(),
            estimate,
            used: Mutex::default(),
            rate,
        })
    }

    /// Counts what an attempt has cost, for everybody it counts against.
    pub(crate) fn count(&self, record: &UsageRecord) {
        let spend = record.spend();
        if spend == Spend::default() {
            return;
        }
        let day = record.at.date_naive();
        let mut state = self.state();
        for subject in record.subjects() {
            state.accounts.entry(subject).or_default().add(day, spend);
        }
    }

    fn bound_of(&self, state: &State, subject: &Subject) -> Allowance {
        let set = state
            .set
            .get(subject)
            .or_else(|| self.config.of.get(subject));
        set.copied().unwrap_or(match subject {
            Subject::User(_) => self.config.user,
            Subject::Project(_) => self.config.project,
            Subject::Key(_) | Subject::Model(_) => Allowance::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call has reserved. Dropped, what was not used is given back.
pub(crate) struct Admission {
    limits: Arc<Limits>,
    subjects: Vec<Subject>,
    estimate: Spend,
    used: Mutex<Spend>,
    pub rate: RateInfo,
}

impl Admission {
    /// One attempt of the call has cost this. It counts at once; the reservation stands until the end.
    pub fn spent(&self, record: &UsageRecord) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) += record.spend();
        self.limits.count(record);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.subjects.is_empty() {
            return;
        }
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.limits.state();
        for subject in &self.subjects {
            if let Some(account) = state.accounts.get_mut(subject) {
                account.release(self.estimate, used);
            }
        }
    }
}

#[cfg(test)]
mod tests;
