//! What somebody may use, in the words of gateways: the same keys in a virtual key and in limits.

use inkstone_domain::allowance::{Allowance, Budget, Period};
use inkstone_domain::money::Money;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Bounds; what is left out is not bounded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllowanceBody {
    /// Requests in a minute, as a token bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 60)]
    pub rpm_limit: Option<u32>,
    /// Tokens in a minute, input and output together, as a token bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 100_000)]
    pub tpm_limit: Option<u64>,
    /// Calls at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 8)]
    pub max_parallel_requests: Option<u32>,
    /// US dollars in each period.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "dollars"
    )]
    #[schema(example = 20.0, minimum = 0)]
    pub budget: Option<f64>,
    /// Tokens in each period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_budget: Option<u64>,
    /// Of the calendar in UTC; `month` where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_period: Option<PeriodWord>,
}

/// A stretch of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeriodWord {
    Day,
    Week,
    Month,
}

impl AllowanceBody {
    pub(crate) fn into_domain(self) -> Allowance {
        let has_budget = self.budget.is_some() || self.token_budget.is_some();
        Allowance {
            requests_per_minute: self.rpm_limit,
            tokens_per_minute: self.tpm_limit,
            max_parallel: self.max_parallel_requests,
            budget: has_budget.then(|| Budget {
                period: self.budget_period.unwrap_or(PeriodWord::Month).into(),
                money: self.budget.map(Money::from_usd),
                tokens: self.token_budget,
            }),
        }
    }
}

impl From<Allowance> for AllowanceBody {
    fn from(allowance: Allowance) -> Self {
        let budget = allowance.budget;
        Self {
            rpm_limit: allowance.requests_per_minute,
            tpm_limit: allowance.tokens_per_minute,
            max_parallel_requests: allowance.max_parallel,
            budget: budget.and_then(|budget| Some(budget.money?.as_usd())),
            token_budget: budget.and_then(|budget| budget.tokens),
            budget_period: budget.map(|budget| budget.period.into()),
        }
    }
}

impl From<PeriodWord> for Period {
    fn from(word: PeriodWord) -> Self {
        match word {
            PeriodWord::Day => Self::Day,
            PeriodWord::Week => Self::Week,
            PeriodWord::Month => Self::Month,
        }
    }
}

impl From<Period> for PeriodWord {
    fn from(period: Period) -> Self {
        match period {
            Period::Day => Self::Day,
            Period::Week => Self::Week,
            Period::Month => Self::Month,
        }
    }
}

/// An amount of US dollars, from 0 on.
pub(crate) fn dollars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let amount = Option::<f64>::deserialize(deserializer)?;
    match amount {
        Some(amount) if amount < 0.0 => {
            Err(D::Error::custom("is less than nothing; take 0 or more"))
        }
        amount => Ok(amount),
    }
}
