//! What somebody may use: rates, calls at a time, and budgets of money and tokens. Keeping to it is
//! the work of the gateway.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{KeyId, UserId};
use crate::money::Money;
use crate::{Error, codes};

/// Bounds of one subject. What is `None` is not bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// Requests in a minute, as a token bucket.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Tokens in a minute, input and output together, as a token bucket.
    #[serde(default)]
    pub tokens_per_minute: Option<u64>,
    /// Calls at the same time.
    #[serde(default)]
    pub max_parallel: Option<u32>,
    #[serde(default)]
    pub budget: Option<Budget>,
}

impl Allowance {
    pub fn is_unbounded(&self) -> bool {
        *self == Self::default()
    }
}

/// What may be spent in each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub period: Period,
    #[serde(default)]
    pub money: Option<Money>,
    #[serde(default)]
    pub tokens: Option<u64>,
}

/// Of the calendar, in UTC. A week begins on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    Week,
    Month,
}

impl Period {
    /// The first day of the period that this day is in.
    pub fn first_day(self, day: NaiveDate) -> NaiveDate {
        let back = match self {
            Self::Day => 0,
            Self::Week => day.weekday().num_days_from_monday(),
            Self::Month => day.day0(),
        };
        day - Days::new(u64::from(back))
    }

    /// When the next one begins.
    pub fn end(self, day: NaiveDate) -> DateTime<Utc> {
        let first = self.first_day(day);
        let next = match self {
            Self::Day => first + Days::new(1),
            Self::Week => first + Days::new(7),
            Self::Month => first + Months::new(1),
        };
        next.and_time(chrono::NaiveTime::MIN).and_utc()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

/// Whose bounds they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Key(KeyId),
    User(UserId),
    Project(String),
    /// `provider/model`.
    Model(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Project(name) => write!(f, "project:{name}"),
            Self::Model(name) => write!(f, "model:{name}"),
        }
    }
}

impl FromStr for Subject {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            Some(("key", id)) => Ok(Self::Key(id.parse()?)),
            Some(("user", id)) => Ok(Self::User(id.parse()?)),
            Some(("project", name)) if !name.is_empty() => Ok(Self::Project(name.to_owned())),
            Some(("model", name)) if name.contains('/') => Ok(Self::Model(name.to_owned())),
            _ => Err(Error::new(
                &codes::INVALID_INPUT,
                format!(
                    "`{text}` has no limits; take `key:<id>`, `user:<id>`, `project:<name>` or `model:<provider>/<model>`"
                ),
            )),
        }
    }
}

/// How much is left of the tightest rates that hold for a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateInfo {
    pub requests: Option<RateLeft>,
    pub tokens: Option<RateLeft>,
}

/// One rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLeft {
    /// In a minute.
    pub limit: u64,
    pub remaining: u64,
    /// Until all of it is there again.
    pub reset: Duration,
}

impl RateInfo {
    /// Of each rate the one with less left.
    pub fn tighter(self, other: Self) -> Self {
        let least = |one: Option<RateLeft>, other: Option<RateLeft>| match (one, other) {
            (Some(one), Some(other)) if one.remaining <= other.remaining => Some(one),
            (one, None) => one,
            (_, other) => other,
        };
        Self {
            requests: least(self.requests, other.requests),
            tokens: least(self.tokens, other.tokens),
        }
    }
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    pub money: Money,
    pub tokens: u64,
}

impl std::ops::AddAssign for Spend {
    fn add_assign(&mut self, other: Self) {
        self.money = self.money.saturating_add(other.money);
        self.tokens = self.tokens.saturating_add(other.tokens);
    }
}

/// What a subject spent on one day, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySpend {
    pub subject: Subject,
    pub day: NaiveDate,
    pub spend: Spend,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_calendar() {
        let day: NaiveDate = "2026-11-22".parse().unwrap();
        let of = |period: Period| {
            let end = period.end(day).date_naive().to_string();
            (period.first_day(day).to_string(), end)
        };
        let pair = |first: &str, end: &str| (first.to_owned(), end.to_owned());
        assert_eq!(of(Period::Day), pair("2026-11-22", "2026-11-23"));
        assert_eq!(of(Period::Week), pair("2026-11-16", "2026-11-23"));
        assert_eq!(of(Period::Month), pair("2026-11-01", "2026-12-01"));
    }

    #[test]
    fn a_subject_is_read_as_it_is_written() {
        for subject in [
            Subject::Key(KeyId::new()),
            Subject::User(UserId::new()),
            Subject::Project("handbook".to_owned()),
            Subject::Model("openai/gpt-4o".to_owned()),
        ] {
            assert_eq!(subject.to_string().parse::<Subject>().unwrap(), subject);
        }
        for wrong in ["", "user", "user:x", "project:", "model:gpt", "team:a"] {
            assert!(wrong.parse::<Subject>().is_err(), "{wrong}");
        }
    }
}
