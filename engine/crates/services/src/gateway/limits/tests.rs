//! Reservations, settlements and refusals, without a call of a model.

use std::time::Duration;

use inkstone_domain::allowance::Budget;
use inkstone_domain::chat::Usage;
use inkstone_domain::ids::{UsageId, UserId};
use inkstone_domain::money::Money;
use inkstone_domain::ports::SystemClock;
use inkstone_domain::principal::Role;
use inkstone_domain::usage::{CacheUse, Outcome};

use super::*;

fn limits(user: Allowance) -> Arc<Limits> {
    let config = LimitsConfig {
        user,
        ..LimitsConfig::default()
    };
    Arc::new(Limits::new(config, Arc::new(SystemClock), None))
}

fn budget(money: u64) -> Allowance {
    Allowance {
        budget: Some(Budget {
            period: Period::Month,
            money: Some(Money(money)),
            tokens: None,
        }),
        ..Allowance::default()
    }
}

fn cost(money: u64) -> Spend {
    Spend {
        money: Money(money),
        tokens: 10,
    }
}

fn record(user: UserId, money: u64) -> UsageRecord {
    UsageRecord {
        id: UsageId::new(),
        at: chrono::Utc::now(),
        request_id: String::new(),
        attempt: 1,
        user,
        key: None,
        project: None,
        job: None,
        plugin: String::new(),
        plugin_version: String::new(),
        model: "fake/m".to_owned(),
        usage: Usage {
            input_tokens: 4,
            ..Usage::default()
        },
        cost: Money(money),
        cache: CacheUse::None,
        outcome: Outcome::Succeeded,
        error_code: None,
        latency_ms: 1,
        first_chunk_ms: None,
    }
}

fn code<T>(result: Result<T>) -> &'static str {
    result.map_or_else(|error| error.code().name, |_| "admitted")
}

#[tokio::test]
async fn a_budget_holds_for_calls_under_way() {
    let limits = limits(budget(100));
    let who = Principal::of(UserId::new(), Role::Creator);
    let admit = || limits.admit(&who, None, None, cost(10));
    let mut under_way = Vec::new();
    for _ in 0..10 {
        under_way.push(admit().await.unwrap());
    }
    assert_eq!(code(admit().await), "budget_exceeded");
    // They cost half of what was thought: five more fit.
    for admission in &under_way {
        admission.spent(&record(who.user, 5));
    }
    drop(under_way);
    let mut under_way = Vec::new();
    for _ in 0..5 {
        under_way.push(admit().await.unwrap());
    }
    assert_eq!(code(admit().await), "budget_exceeded");
    drop(under_way);
    assert_eq!(
        limits.spent(&Subject::User(who.user), Period::Month).money,
        Money(50)
    );
    // Others have their own.
    let other = Principal::of(UserId::new(), Role::Creator);
    assert!(limits.admit(&other, None, None, cost(10)).await.is_ok());
}

#[tokio::test]
async fn what_was_spent_before_counts_after_a_start() {
    let limits = limits(budget(100));
    let user = UserId::new();
    let spent = DaySpend {
        subject: Subject::User(user),
        day: chrono::Utc::now().date_naive(),
        spend: cost(95),
    };
    limits.load(Vec::new(), &[spent]);
    let who = Principal::of(user, Role::Creator);
    assert_eq!(
        code(limits.admit(&who, None, None, cost(10)).await),
        "budget_exceeded"
    );
    assert!(limits.admit(&who, None, None, cost(5)).await.is_ok());
}

#[tokio::test]
async fn nothing_is_taken_of_anybody_where_one_refuses() {
    let limits = limits(Allowance {
        requests_per_minute: Some(2),
        ..Allowance::default()
    });
    limits.set_allowance(
        Subject::Model("fake/m".to_owned()),
        Some(Allowance {
            max_parallel: Some(0),
            ..Allowance::default()
        }),
    );
    let who = Principal::of(UserId::new(), Role::Creator);
    for _ in 0..5 {
        let refused = limits.admit(&who, None, Some("fake/m"), cost(1)).await;
        assert_eq!(code(refused), "rate_limit_exceeded");
    }
    let admitted = limits.admit(&who, None, None, cost(1)).await.unwrap();
    let left = admitted.rate.requests.unwrap();
    assert_eq!((left.limit, left.remaining), (2, 1));
}

#[tokio::test]
async fn tokens_that_were_not_used_come_back() {
    let limits = limits(Allowance {
        tokens_per_minute: Some(20),
        ..Allowance::default()
    });
    let who = Principal::of(UserId::new(), Role::Creator);
    let admit = || limits.admit(&who, None, None, cost(0));
    let (one, other) = (admit().await.unwrap(), admit().await.unwrap());
    let refused = admit().await.map(drop).unwrap_err();
    assert_eq!(refused.code().name, "rate_limit_exceeded");
    // Half of what a minute brings, less what the test itself took.
    let wait = refused.retry_after().unwrap();
    assert!(wait <= Duration::from_secs(30) && wait > Duration::from_secs(25));
    one.spent(&record(who.user, 0));
    drop((one, other));
    // Of twenty, four were used.
    let left = admit().await.unwrap().rate.tokens.unwrap();
    assert!((6..=8).contains(&left.remaining), "{left:?}");
}

#[tokio::test]
async fn at_most_so_many_at_a_time() {
    let limits = limits(Allowance {
        max_parallel: Some(1),
        ..Allowance::default()
    });
    let who = Principal::of(UserId::new(), Role::Creator);
    let one = limits.admit(&who, None, None, cost(0)).await.unwrap();
    assert_eq!(
        code(limits.admit(&who, None, None, cost(0)).await),
        "rate_limit_exceeded"
    );
    drop(one);
    assert!(limits.admit(&who, None, None, cost(0)).await.is_ok());
}
