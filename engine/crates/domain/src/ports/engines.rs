//! What several engines on one store share beside it. The store is the truth: where any of this is away,
//! each engine finds out by looking, and counts for itself.

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use futures::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::allowance::{Allowance, DaySpend, RateInfo, Spend, Subject};
use crate::ids::{SessionId, UserId};

/// What other engines had better know at once. Each is a hint to look, and names no more than what to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// Events have been given numbers.
    Events,
    /// Something is queued.
    Jobs,
    /// Virtual keys, API keys, or what their owners are.
    Keys,
    /// What subjects may use.
    Allowances,
    /// What somebody is in a project.
    Member { user: UserId, project: String },
    /// What a project says about words.
    Lexicon { project: String },
    /// Its access tokens hold no longer.
    SessionEnded { session: SessionId },
}

/// What an engine hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    News(News),
    /// Something may have been missed: what is kept must be read anew.
    Gap,
}

/// Ends with the bus.
pub type NewsFeed = Pin<Box<dyn Stream<Item = Heard> + Send>>;

/// Tells the other engines. What is told may get lost.
pub trait EngineBus: Send + Sync {
    /// Takes microseconds and cannot fail.
    fn tell(&self, news: News);
    /// What the others tell from now on, in the order of each.
    fn listen(&self) -> NewsFeed;
}

/// The bus of an engine that is alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoOthers;

impl EngineBus for NoOthers {
    fn tell(&self, _news: News) {}

    fn listen(&self) -> NewsFeed {
        stream::pending().boxed()
    }
}

/// A subject and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    pub subject: Subject,
    pub allowance: Allowance,
}

/// What a call reserves of all that bound it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub bounds: Vec<Bound>,
    pub estimate: Spend,
    /// The day on which it counts, UTC.
    pub today: NaiveDate,
}

/// Whether a call may begin.
#[derive(Debug, Clone, PartialEq)]
pub enum Admittance {
    /// All of them have it reserved.
    Reserved(Reserved),
    /// One has not enough left, and nothing was taken of any.
    Refused(Refusal),
    /// What was spent of these budgets is not known; [`LimitCounter::raise`] tells.
    Unknown(Vec<Subject>),
}

/// What was reserved.
#[derive(Debug, Clone, PartialEq)]
pub struct Reserved {
    /// In whose name, for [`LimitCounter::release`].
    pub holder: String,
    /// The tightest.
    pub rate: RateInfo,
}

/// Why a call may not begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Which of the bounds.
    pub bound: usize,
    pub shortage: Shortage,
    /// Of that subject.
    pub rate: RateInfo,
}

/// What there is too little of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shortage {
    /// Calls at a time.
    Parallel,
    Requests {
        wait: Duration,
    },
    Tokens {
        wait: Duration,
    },
    /// So much of the budget is spent or reserved in its period.
    Budget {
        used: Spend,
    },
}

/// Counts rates, calls at a time and spendings for several engines. Who is silent for long has died, and
/// what it had reserved is free again.
#[async_trait]
pub trait LimitCounter: Send + Sync {
    /// Asks all subjects, and then takes of all or of none: one step, whoever else does the same.
    async fn reserve(&self, reservation: &Reservation) -> Result<Admittance>;
    /// The end of a call that used so much; tokens it did not use go back into their bucket.
    async fn release(&self, holder: &str, reservation: &Reservation, used: Spend) -> Result<()>;
    /// Counts what an attempt has cost, of all budgets that are known.
    async fn spend(&self, day: NaiveDate, subjects: &[Subject], spend: Spend) -> Result<()>;
    /// What the ledger says of one subject; its days rise to this and never fall. Its budget is known from
    /// then on, also where there are no days.
    async fn raise(&self, subject: &Subject, days: &[DaySpend]) -> Result<()>;
    /// A sign of life. Needed every few seconds.
    async fn keep(&self) -> Result<()>;
}

/// Who tries: a digest of what somebody says they are, or of where they are.
pub type TryKey = [u8; 32];

/// Somebody who tries something, and how often they may fail before they wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trier {
    pub key: TryKey,
    pub free: u32,
}

/// How long who failed too often has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// It doubles with every failure.
    pub first: Duration,
    pub longest: Duration,
    /// After so long without a try nothing counts any more.
    pub forget_after: Duration,
}

/// Counts tries for several engines.
#[async_trait]
pub trait TryCounter: Send + Sync {
    /// Counts a try as failed until it is forgiven, of the account and of the address where there is one; or
    /// how long one of them has to wait, and then nothing is counted of who has to.
    async fn begin(
        &self,
        account: Trier,
        address: Option<Trier>,
        waits: Waits,
    ) -> Result<Option<Duration>>;
    /// It succeeded: the account starts anew, and the address has this one try back.
    async fn forgive(&self, account: Trier, address: Option<Trier>) -> Result<()>;
}
