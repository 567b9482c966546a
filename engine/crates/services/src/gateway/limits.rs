//! What callers may use: rates, calls at a time, and budgets. A call reserves what it may cost before
//! anybody is asked, in one step over all whose bounds hold, and settles it at its end. Several engines count
//! together where they share a counter and can reach it; else each counts by itself.

mod account;
mod local;
mod shared;
mod told;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;
use inkstone_domain::Result;
use inkstone_domain::allowance::{Allowance, DaySpend, Period, RateInfo, Spend, Subject};
use inkstone_domain::gateway::LimitsConfig;
use inkstone_domain::ports::{
    Admittance, Bound, Clock, LimitCounter, Refusal, Reservation, Reserved,
};
use inkstone_domain::principal::Principal;
use inkstone_domain::usage::UsageRecord;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::models::spelling::{Spellings, misspelled};

pub use self::local::LocalLimits;
use self::shared::SharedLimits;

/// Keeps count for everybody.
pub struct Limits {
    config: LimitsConfig,
    clock: Arc<dyn Clock>,
    /// Allowances that were set by an admin, in place of the configuration's.
    set: Mutex<HashMap<Subject, Allowance>>,
    /// Of the models that have an allowance.
    models: Mutex<Spellings>,
    /// Counts along while the shared one decides, so that it can go on alone.
    local: LocalLimits,
    shared: Option<SharedLimits>,
}

impl Limits {
    /// `shared` is what other engines count with, too.
    pub fn new(
        config: LimitsConfig,
        clock: Arc<dyn Clock>,
        shared: Option<Arc<dyn LimitCounter>>,
    ) -> Self {
        let limits = Self {
            config,
            clock,
            set: Mutex::default(),
            models: Mutex::default(),
            local: LocalLimits::default(),
            shared: shared.map(SharedLimits::new),
        };
        limits.learn_models(&limits.set());
        limits
    }

    /// Takes in what the store holds: before any call, and again where other engines write into it.
    pub fn load(&self, set: Vec<(Subject, Allowance)>, spent: &[DaySpend]) {
        let set: HashMap<Subject, Allowance> = set.into_iter().collect();
        self.learn_models(&set);
        *self.set() = set;
        self.local.learn(spent);
        if let Some(shared) = &self.shared {
            shared.learn(spent);
        }
    }

    /// The day from which on spendings count for some period that has not ended.
    pub fn first_day(&self) -> NaiveDate {
        let today = self.today();
        let first = |period: Period| period.first_day(today);
        first(Period::Month).min(first(Period::Week))
    }

    /// Changes what a subject may use, from the next call on. `None` goes back to the configuration.
    pub fn set_allowance(&self, subject: Subject, allowance: Option<Allowance>) {
        let mut set = self.set();
        match allowance {
            Some(allowance) => set.insert(subject.clone(), allowance),
            None => set.remove(&subject),
        };
        if matches!(subject, Subject::Model(_)) {
            self.learn_models(&set);
        }
    }

    /// What a subject may use; of a key, its own allowance is the answer.
    pub fn allowance_of(&self, subject: &Subject) -> Allowance {
        self.bound_of(&self.set(), subject)
    }

    /// What was spent in this period so far.
    pub fn spent(&self, subject: &Subject, period: Period) -> Spend {
        self.local.spent(subject, period, self.today())
    }

    /// Reserves for a call of this model by this principal, or says what is used up:
    /// `rate_limit_exceeded`, `budget_exceeded`; `unknown_model` where another spelling of its name is bounded. Who
    /// leaves while it is asked for takes nothing with them: what was reserved by then is given back.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        principal: &Principal,
        project: Option<&str>,
        model: Option<&str>,
        estimate: Spend,
    ) -> Result<Admission> {
        if let Some(model) = model
            && let Some(other) = self.models().other(model)
        {
            return Err(misspelled(model, other));
        }
        let now = self.clock.now();
        let reservation = Arc::new(Reservation {
            bounds: self.bounds_of(principal, project, model),
            estimate,
            today: now.date_naive(),
        });
        let refused = |refusal: Refusal| {
            let bound = &reservation.bounds[refusal.bound];
            Err(told::refused(bound, &refusal, estimate, now))
        };
        match self.ask_shared(&reservation).await {
            Some(Ok(admission)) => return Ok(admission),
            Some(Err(refusal)) => return refused(refusal),
            None => {}
        }
        match self.local.admit(&reservation) {
            Admittance::Refused(refusal) => refused(refusal),
            Admittance::Reserved(Reserved { rate, .. }) => {
                Ok(self.admission(reservation, None, rate))
            }
            Admittance::Unknown(_) => Ok(self.admission(reservation, None, RateInfo::default())),
        }
    }

    /// `None` where it is away, or nothing bounds the call. Asked in a task of its own: the counter may have reserved
    /// when the caller leaves, and an admission that nobody takes gives itself back.
    async fn ask_shared(
        self: &Arc<Self>,
        reservation: &Arc<Reservation>,
    ) -> Option<Result<Admission, Refusal>> {
        if self.shared.is_none() || reservation.bounds.is_empty() {
            return None;
        }
        let (limits, asked) = (Arc::clone(self), Arc::clone(reservation));
        let asking = async move { limits.reserve_shared(asked).await };
        // A task that broke off is as if the counter was away.
        let answer = tokio::spawn(asking.in_current_span()).await.ok().flatten();
        if answer.is_none() {
            metrics::counter!("inkstone_limits_local_total").increment(1);
        }
        answer
    }

    async fn reserve_shared(
        self: Arc<Self>,
        reservation: Arc<Reservation>,
    ) -> Option<Result<Admission, Refusal>> {
        match self.shared.as_ref()?.reserve(&reservation).await? {
            Admittance::Reserved(Reserved { holder, rate }) => {
                self.local.take(&reservation);
                Some(Ok(self.admission(reservation, Some(holder), rate)))
            }
            Admittance::Refused(refusal) => Some(Err(refusal)),
            Admittance::Unknown(_) => None,
        }
    }

    /// Those that bound anything.
    fn bounds_of(
        &self,
        principal: &Principal,
        project: Option<&str>,
        model: Option<&str>,
    ) -> Vec<Bound> {
        let key = principal.key.as_ref();
        let subjects = key
            .map(|key| Subject::Key(key.id))
            .into_iter()
            .chain([Subject::User(principal.user)])
            .chain(project.map(|name| Subject::Project(name.to_owned())))
            .chain(model.map(|name| Subject::Model(name.to_owned())));
        let set = self.set();
        let bounds = subjects.map(|subject| {
            let allowance = match (&subject, key) {
                (Subject::Key(_), Some(key)) => key.allowance,
                _ => self.bound_of(&set, &subject),
            };
            Bound { subject, allowance }
        });
        bounds
            .filter(|bound| !bound.allowance.is_unbounded())
            .collect()
    }

    fn admission(
        self: &Arc<Self>,
        reservation: Arc<Reservation>,
        holder: Option<String>,
        rate: RateInfo,
    ) -> Admission {
        Admission {
            limits: Arc::clone(self),
            reservation,
            holder,
            used: Mutex::default(),
            rate,
        }
    }

    /// Counts what an attempt has cost, for everybody it counts against.
    pub(crate) fn count(&self, record: &UsageRecord) {
        let spend = record.spend();
        if spend == Spend::default() {
            return;
        }
        let (day, subjects) = (record.at.date_naive(), record.subjects());
        self.local.add(day, &subjects, spend);
        if let Some(shared) = &self.shared {
            shared.spend(day, subjects, spend);
        }
    }

    /// Brings what calls have cost and given back to the shared counter, until `stop`.
    pub(crate) async fn settle_shared(self: Arc<Self>, stop: CancellationToken) {
        if let Some(shared) = &self.shared {
            shared.settle(stop).await;
        }
    }

    /// A sign of life to the shared counter, and what the ledger knows.
    pub(crate) async fn keep_shared(&self) {
        if let Some(shared) = &self.shared {
            shared.keep().await;
        }
    }

    fn bound_of(&self, set: &HashMap<Subject, Allowance>, subject: &Subject) -> Allowance {
        let set = set.get(subject).or_else(|| self.config.of.get(subject));
        set.copied().unwrap_or(match subject {
            Subject::User(_) => self.config.user,
            Subject::Project(_) => self.config.project,
            Subject::Key(_) | Subject::Model(_) => Allowance::default(),
        })
    }

    fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
    }

    fn set(&self) -> MutexGuard<'_, HashMap<Subject, Allowance>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn models(&self) -> MutexGuard<'_, Spellings> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn_models(&self, set: &HashMap<Subject, Allowance>) {
        let subjects = self.config.of.keys().chain(set.keys());
        let models = subjects.filter_map(|subject| match subject {
            Subject::Model(name) => Some(name.as_str()),
            _ => None,
        });
        *self.models() = Spellings::of(models);
    }
}

/// What a call has reserved. Dropped, what was not used is given back.
pub(crate) struct Admission {
    limits: Arc<Limits>,
    reservation: Arc<Reservation>,
    /// In whose name it stands in the shared counter; none where that was away.
    holder: Option<String>,
    used: Mutex<Spend>,
    pub rate: RateInfo,
}

impl Admission {
    /// Whether money or tokens of it are bounded for longer than a minute.
    pub fn has_budget(&self) -> bool {
        let mut bounds = self.reservation.bounds.iter();
        bounds.any(|bound| bound.allowance.budget.is_some())
    }

    /// One attempt of the call has cost this. It counts at once; the reservation stands until the end.
    pub fn spent(&self, record: &UsageRecord) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) += record.spend();
        self.limits.count(record);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.reservation.bounds.is_empty() {
            return;
        }
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.limits.local.end(&self.reservation, used);
        if let (Some(shared), Some(holder)) = (&self.limits.shared, self.holder.take()) {
            shared.release(holder, Arc::clone(&self.reservation), used);
        }
    }
}

#[cfg(test)]
mod tests;
