//! Reservations, settlements and refusals, without a call of a model.

use std::time::Duration;

use async_trait::async_trait;
use inkstone_domain::allowance::Budget;
use inkstone_domain::chat::Usage;
use inkstone_domain::ids::{UsageId, UserId};
use inkstone_domain::money::Money;
use inkstone_domain::ports::SystemClock;
use inkstone_domain::principal::Role;
use inkstone_domain::usage::{CacheUse, Outcome};
use tokio::sync::Notify;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

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

#[tokio::test]
async fn another_spelling_of_a_bounded_model_is_refused() {
    let bound = Allowance {
        requests_per_minute: Some(1),
        ..Allowance::default()
    };
    let named = |name: &str| Subject::Model(name.to_owned());
    let mut config = LimitsConfig::default();
    config.of.insert(named("hub/Meta/Llama"), bound);
    let limits = Arc::new(Limits::new(config, Arc::new(SystemClock), None));
    let who = Principal::of(UserId::new(), Role::Creator);
    let call = async |model: &str| {
        let admitted = limits.admit(&who, None, Some(model), cost(0)).await;
        admitted.map(drop)
    };
    let refused = call("hub/meta/llama:latest").await.unwrap_err();
    assert_eq!(refused.code().name, "unknown_model");
    assert!(refused.message().contains("`hub/Meta/Llama`"), "{refused}");
    assert_eq!(code(call("hub/Meta/Llama").await), "admitted");
    assert_eq!(code(call("hub/Meta/Llama").await), "rate_limit_exceeded");

    // What an admin sets holds from the next call on, and no longer than it is set.
    assert_eq!(code(call("fake/M").await), "admitted");
    limits.set_allowance(named("fake/m"), Some(bound));
    assert_eq!(code(call("fake/M").await), "unknown_model");
    limits.load(vec![(named("fake/M"), bound)], &[]);
    assert_eq!(code(call("fake/M").await), "admitted");
    assert_eq!(code(call("fake/m").await), "unknown_model");
    limits.set_allowance(named("fake/M"), None);
    assert_eq!(code(call("fake/m").await), "admitted");
}

/// A counter that others share: what was asked of it happens, whoever waits for the answer.
#[derive(Default)]
struct Far {
    counts: LocalLimits,
    taken: Notify,
    answer: Notify,
    released: Notify,
}

#[async_trait]
impl LimitCounter for Far {
    async fn reserve(&self, reservation: &Reservation) -> Result<Admittance> {
        let answer = self.counts.reserve(reservation).await;
        self.taken.notify_one();
        self.answer.notified().await;
        answer
    }

    async fn release(&self, holder: &str, reservation: &Reservation, used: Spend) -> Result<()> {
        self.counts.release(holder, reservation, used).await?;
        self.released.notify_one();
        Ok(())
    }

    async fn spend(&self, day: NaiveDate, subjects: &[Subject], spend: Spend) -> Result<()> {
        self.counts.spend(day, subjects, spend).await
    }

    async fn raise(&self, subject: &Subject, days: &[DaySpend]) -> Result<()> {
        self.counts.raise(subject, days).await
    }

    async fn keep(&self) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn who_leaves_while_it_is_reserved_keeps_nothing() {
    let config = LimitsConfig {
        user: Allowance {
            max_parallel: Some(1),
            ..Allowance::default()
        },
        ..LimitsConfig::default()
    };
    let far = Arc::new(Far::default());
    let shared: Arc<dyn LimitCounter> = far.clone();
    let limits = Arc::new(Limits::new(config, Arc::new(SystemClock), Some(shared)));
    let stop = CancellationToken::new();
    tokio::spawn(Arc::clone(&limits).settle_shared(stop.clone()));
    let who = Principal::of(UserId::new(), Role::Creator);
    for number in 0..32 {
        let mut asking = Box::pin(limits.admit(&who, None, None, cost(1)));
        tokio::select! {
            admitted = &mut asking => panic!("{number}: {}", code(admitted)),
            () = far.taken.notified() => {}
        }
        drop(asking);
        far.answer.notify_one();
        let released = tokio::time::timeout(PATIENCE, far.released.notified());
        released.await.expect("what was reserved is given back");
    }
    far.answer.notify_one();
    let admitted = limits.admit(&who, None, None, cost(1)).await;
    assert_eq!(code(admitted), "admitted");
    stop.cancel();
}
