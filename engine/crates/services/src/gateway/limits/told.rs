//! What callers are told who may not begin.

use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::allowance::{Budget, Spend, Subject};
use inkstone_domain::ports::{Bound, Refusal, Shortage};
use inkstone_domain::{Error, codes};

use super::account::no_money;

/// `rate_limit_exceeded` or `budget_exceeded`, with whose bound it is and what would help.
pub(super) fn refused(
    bound: &Bound,
    refusal: &Refusal,
    estimate: Spend,
    now: DateTime<Utc>,
) -> Error {
    let (who, allowance) = (name_of(&bound.subject), &bound.allowance);
    let error = match refusal.shortage {
        Shortage::Parallel => {
            let most = allowance.max_parallel.unwrap_or_default();
            let what = format!("{who} may have {most} calls at a time, and has them");
            rate(&what, Duration::from_secs(1))
        }
        Shortage::Requests { wait } => {
            let most = allowance.requests_per_minute.unwrap_or_default();
            rate(&format!("{who} may make {most} requests a minute"), wait)
        }
        Shortage::Tokens { wait } => {
            let most = allowance.tokens_per_minute.unwrap_or_default();
            let wanted = estimate.tokens;
            let what = format!(
                "{who} may use {most} tokens a minute, and this call may take {wanted}; a smaller `max_tokens` reserves less"
            );
            rate(&what, wait)
        }
        Shortage::Budget { used } => match &allowance.budget {
            Some(budget) => used_up(&who, budget, used, estimate, now),
            None => Error::new(&codes::BUDGET_EXCEEDED, format!("{who} has no budget left")),
        },
    };
    error.with_rate(refusal.rate)
}

fn rate(what: &str, wait: Duration) -> Error {
    let seconds = wait.as_secs_f64().ceil();
    let message = format!("{what}; try again in {seconds} s");
    Error::new(&codes::RATE_LIMITED, message).with_retry_after(Some(wait))
}

fn used_up(who: &str, budget: &Budget, used: Spend, estimate: Spend, now: DateTime<Utc>) -> Error {
    let period = budget.period.as_str();
    let what = match budget.money {
        Some(most) if no_money(budget, used, estimate) => format!(
            "{} US dollars a {period}; {} are spent or reserved, and this call may cost {}",
            most.as_usd(),
            used.money.as_usd(),
            estimate.money.as_usd()
        ),
        _ => format!(
            "{} tokens a {period}; {} are spent or reserved, and this call may take {}",
            budget.tokens.unwrap_or_default(),
            used.tokens,
            estimate.tokens
        ),
    };
    let end = budget.period.end(now.date_naive());
    let message = format!("the budget of {who} is {what}");
    Error::new(&codes::BUDGET_EXCEEDED, message).with_retry_after((end - now).to_std().ok())
}

fn name_of(subject: &Subject) -> String {
    match subject {
        Subject::Key(_) => "this key".to_owned(),
        Subject::User(_) => "this user".to_owned(),
        Subject::Project(name) => format!("the project `{name}`"),
        Subject::Model(name) => format!("the model `{name}`"),
    }
}
