//! What engines count together, through a counter that may be away. Reserving is asked for and waited for; what
//! a call has cost and given back goes behind its back, in order, by one task: it may end in a drop.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::NaiveDate;
use inkstone_domain::allowance::{DaySpend, Spend, Subject};
use inkstone_domain::ports::{Admittance, LimitCounter, Reservation};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// More is lost, and what was reserved comes back when this engine takes another name, or has died.
const WAITING: usize = 16_384;

/// One engine's way to the shared counts.
pub(super) struct SharedLimits {
    counter: Arc<dyn LimitCounter>,
    sender: mpsc::Sender<Step>,
    waiting: Mutex<Option<mpsc::Receiver<Step>>>,
    /// Subjects with budgets that were asked for here.
    known: Mutex<HashSet<Subject>>,
    /// What the ledger said at the last look. What was counted since is on its way by itself: told twice, it
    /// would count twice.
    ledger: Mutex<HashMap<Subject, Vec<DaySpend>>>,
}

enum Step {
    Release {
        holder: String,
        reservation: Arc<Reservation>,
        used: Spend,
    },
    Spend {
        day: NaiveDate,
        subjects: Vec<Subject>,
        spend: Spend,
    },
}

impl SharedLimits {
    pub fn new(counter: Arc<dyn LimitCounter>) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING);
        Self {
            counter,
            sender,
            waiting: Mutex::new(Some(waiting)),
            known: Mutex::default(),
            ledger: Mutex::default(),
        }
    }

    /// What the ledger says now, of all who have spent.
    pub fn learn(&self, spent: &[DaySpend]) {
        let mut days: HashMap<Subject, Vec<DaySpend>> = HashMap::new();
        for one in spent {
            days.entry(one.subject.clone())
                .or_default()
                .push(one.clone());
        }
        *self.ledger() = days;
    }

    /// `None` where it is away: then this engine decides alone. What nobody there knows yet is told from the
    /// ledger.
    pub async fn reserve(&self, reservation: &Reservation) -> Option<Admittance> {
        // Twice: what was told may be forgotten at once only where the counter is emptied again and again.
        for _ in 0..2 {
            match self.counter.reserve(reservation).await.ok()? {
                Admittance::Unknown(subjects) => {
                    for subject in subjects {
                        self.raise(&subject).await?;
                        self.known().insert(subject);
                    }
                }
                admittance => {
                    let budgets = reservation.bounds.iter();
                    let budgets = budgets.filter(|bound| bound.allowance.budget.is_some());
                    let mut known = self.known();
                    for bound in budgets {
                        if !known.contains(&bound.subject) {
                            known.insert(bound.subject.clone());
                        }
                    }
                    return Some(admittance);
                }
            }
        }
        None
    }

    pub fn release(&self, holder: String, reservation: Arc<Reservation>, used: Spend) {
        self.later(Step::Release {
            holder,
            reservation,
            used,
        });
    }

    pub fn spend(&self, day: NaiveDate, subjects: Vec<Subject>, spend: Spend) {
        self.later(Step::Spend {
            day,
            subjects,
            spend,
        });
    }

    /// A sign of life, and what the ledger says of the budgets that were asked for here.
    pub async fn keep(&self) {
        // What is away was logged, and what was not told is told the next time.
        let _ = self.counter.keep().await;
        let subjects: Vec<Subject> = self.known().iter().cloned().collect();
        for subject in subjects {
            if self.raise(&subject).await.is_none() {
                return;
            }
        }
    }

    async fn raise(&self, subject: &Subject) -> Option<()> {
        let days = self.ledger().get(subject).cloned().unwrap_or_default();
        self.counter.raise(subject, &days).await.ok()
    }

    /// Takes the steps that wait, until `stop` and there are none. Once.
    pub async fn settle(&self, stop: CancellationToken) {
        let waiting = self.waiting.lock();
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut waiting) = waiting else {
            return;
        };
        loop {
            let step = tokio::select! {
                biased;
                step = waiting.recv() => step,
                () = stop.cancelled() => None,
            };
            match step {
                Some(step) => self.take(step).await,
                None => return,
            }
        }
    }

    async fn take(&self, step: Step) {
        let taken = match step {
            Step::Release {
                holder,
                reservation,
                used,
            } => self.counter.release(&holder, &reservation, used).await,
            Step::Spend {
                day,
                subjects,
                spend,
            } => self.counter.spend(day, &subjects, spend).await,
        };
        // What was spent is raised by the ledger; what was reserved ends with the name it is under.
        if taken.is_err() {
            metrics::counter!("inkstone_limits_unsettled_total").increment(1);
        }
    }

    fn later(&self, step: Step) {
        if self.sender.try_send(step).is_err() {
            metrics::counter!("inkstone_limits_unsettled_total").increment(1);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, HashMap<Subject, Vec<DaySpend>>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, HashSet<Subject>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
