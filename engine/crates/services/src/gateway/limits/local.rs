//! What this engine counts by itself, in memory, in one step over all subjects under one lock that no wait is
//! held under. A single engine needs no other; among several it is what counts while the shared one is away.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::NaiveDate;
use inkstone_domain::Result;
use inkstone_domain::allowance::{DaySpend, Period, RateInfo, Spend, Subject};
use inkstone_domain::ports::{Admittance, LimitCounter, Refusal, Reservation, Reserved};
use tokio::time::Instant;

use super::account::Account;

/// Counts in memory.
#[derive(Default)]
pub struct LocalLimits(Mutex<HashMap<Subject, Account>>);

/// It lives as long as its counts.
const HOLDER: &str = "here";

impl LocalLimits {
    pub(super) fn admit(&self, reservation: &Reservation) -> Admittance {
        let (now, estimate) = (Instant::now(), reservation.estimate);
        let mut accounts = self.accounts();
        // All are asked before anything is taken of any.
        for (at, bound) in reservation.bounds.iter().enumerate() {
            let account = accounts.entry(bound.subject.clone()).or_default();
            account.fit(&bound.allowance, now);
            let today = reservation.today;
            if let Some(shortage) = account.shortage(&bound.allowance, estimate, now, today) {
                return Admittance::Refused(Refusal {
                    bound: at,
                    shortage,
                    rate: account.rate(),
                });
            }
        }
        let mut rate = RateInfo::default();
        for bound in &reservation.bounds {
            if let Some(account) = accounts.get_mut(&bound.subject) {
                account.take(estimate);
                rate = rate.tighter(account.rate());
            }
        }
        Admittance::Reserved(Reserved {
            holder: HOLDER.to_owned(),
            rate,
        })
    }

    /// Takes what was admitted elsewhere.
    pub(super) fn take(&self, reservation: &Reservation) {
        let mut accounts = self.accounts();
        for bound in &reservation.bounds {
            let account = accounts.entry(bound.subject.clone()).or_default();
            account.fit(&bound.allowance, Instant::now());
            account.take(reservation.estimate);
        }
    }

    pub(super) fn end(&self, reservation: &Reservation, used: Spend) {
        let mut accounts = self.accounts();
        for bound in &reservation.bounds {
            if let Some(account) = accounts.get_mut(&bound.subject) {
                account.release(reservation.estimate, used);
            }
        }
    }

    pub(super) fn add(&self, day: NaiveDate, subjects: &[Subject], spend: Spend) {
        let mut accounts = self.accounts();
        for subject in subjects {
            let account = accounts.entry(subject.clone()).or_default();
            account.add(day, spend);
        }
    }

    pub(super) fn learn(&self, days: &[DaySpend]) {
        let mut accounts = self.accounts();
        for DaySpend {
            subject,
            day,
            spend,
        } in days
        {
            let account = accounts.entry(subject.clone()).or_default();
            account.raise(*day, *spend);
        }
    }

    pub(super) fn spent(&self, subject: &Subject, period: Period, today: NaiveDate) -> Spend {
        let accounts = self.accounts();
        let account = accounts.get(subject);
        account.map_or_else(Spend::default, |account| account.spent(period, today))
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<Subject, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LimitCounter for LocalLimits {
    async fn reserve(&self, reservation: &Reservation) -> Result<Admittance> {
        Ok(self.admit(reservation))
    }

    async fn release(&self, _holder: &str, reservation: &Reservation, used: Spend) -> Result<()> {
        self.end(reservation, used);
        Ok(())
    }

    async fn spend(&self, day: NaiveDate, subjects: &[Subject], spend: Spend) -> Result<()> {
        self.add(day, subjects, spend);
        Ok(())
    }

    async fn raise(&self, _subject: &Subject, days: &[DaySpend]) -> Result<()> {
        self.learn(days);
        Ok(())
    }

    async fn keep(&self) -> Result<()> {
        Ok(())
    }
}
