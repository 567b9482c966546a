//! The suite of [`LimitCounter`].

use std::time::Duration;

use chrono::{Days, NaiveDate};
use futures::future::join_all;
use inkstone_domain::allowance::{Allowance, Budget, DaySpend, Period, Spend, Subject};
use inkstone_domain::ids::UserId;
use inkstone_domain::money::Money;
use inkstone_domain::ports::{
    Admittance, Bound, LimitCounter, Refusal, Reservation, Reserved, Shortage,
};

/// Two engines' ends of one counter, or one twice.
pub async fn run(one: &dyn LimitCounter, other: &dyn LimitCounter) {
    a_crowd_cannot_overspend(one, other).await;
    what_was_spent_counts_and_what_was_not_comes_back(one, other).await;
    the_ledger_raises_and_never_lowers(one, other).await;
    only_days_of_the_period_count(one).await;
    requests_and_calls_at_a_time_add_up(one, other).await;
    tokens_that_were_not_used_come_back(one, other).await;
    nothing_is_taken_of_anybody_where_one_refuses(one).await;
    one.keep().await.unwrap();
}

async fn a_crowd_cannot_overspend(one: &dyn LimitCounter, other: &dyn LimitCounter) {
    let call = call([(user(), budget(Period::Month, 100))], 10);
    let asked = (0..40).map(|number| admit(if number % 2 == 0 { one } else { other }, &call));
    let admitted = join_all(asked).await;
    let held: Vec<Reserved> = admitted.into_iter().filter_map(Result::ok).collect();
    assert_eq!(held.len(), 10);
    for reserved in &held {
        // Whoever reserved it, it stands under a name.
        one.release(&reserved.holder, &call, Spend::default())
            .await
            .unwrap();
    }
    assert!(admit(other, &call).await.is_ok());
}

async fn what_was_spent_counts_and_what_was_not_comes_back(
    one: &dyn LimitCounter,
    other: &dyn LimitCounter,
) {
    let subject = user();
    let call = call([(subject.clone(), budget(Period::Day, 100))], 60);
    let reserved = admit(one, &call).await.unwrap();
    let refused = admit(other, &call).await.unwrap_err();
    assert_eq!(refused.shortage, used(60));
    one.spend(today(), &[subject.clone(), user()], cost(25))
        .await
        .unwrap();
    one.release(&reserved.holder, &call, cost(25))
        .await
        .unwrap();
    let reserved = admit(other, &call).await.unwrap();
    assert_eq!(admit(one, &call).await.unwrap_err().shortage, used(85));
    other
        .release(&reserved.holder, &call, Spend::default())
        .await
        .unwrap();
}

async fn the_ledger_raises_and_never_lowers(one: &dyn LimitCounter, other: &dyn LimitCounter) {
    let subject = user();
    let call = call([(subject.clone(), budget(Period::Month, 100))], 10);
    let raise = |amount| [day_spend(&subject, today(), amount)];
    other.raise(&subject, &raise(95)).await.unwrap();
    assert_eq!(admit(one, &call).await.unwrap_err().shortage, used(95));
    one.raise(&subject, &raise(50)).await.unwrap();
    assert_eq!(admit(other, &call).await.unwrap_err().shortage, used(95));
    one.raise(&subject, &raise(97)).await.unwrap();
    assert_eq!(admit(other, &call).await.unwrap_err().shortage, used(97));
}

async fn only_days_of_the_period_count(one: &dyn LimitCounter) {
    let subject = user();
    let yesterday = today() - Days::new(1);
    let spent = [
        day_spend(&subject, yesterday, 80),
        day_spend(&subject, today(), 5),
    ];
    one.raise(&subject, &spent).await.unwrap();
    let of_day = call([(subject.clone(), budget(Period::Day, 100))], 95);
    let reserved = admit(one, &of_day).await.unwrap();
    one.release(&reserved.holder, &of_day, Spend::default())
        .await
        .unwrap();
    // The 15th is in the middle of its month.
    let of_month = call([(subject, budget(Period::Month, 100))], 95);
    assert_eq!(admit(one, &of_month).await.unwrap_err().shortage, used(85));
}

async fn requests_and_calls_at_a_time_add_up(one: &dyn LimitCounter, other: &dyn LimitCounter) {
    let allowance = Allowance {
        requests_per_minute: Some(2),
        ..Allowance::default()
    };
    let rate = call([(user(), allowance)], 0);
    let first = admit(one, &rate).await.unwrap().rate.requests.unwrap();
    assert_eq!((first.limit, first.remaining), (2, 1));
    assert!(admit(other, &rate).await.is_ok());
    match admit(one, &rate).await.unwrap_err().shortage {
        Shortage::Requests { wait } => {
            assert!(wait <= Duration::from_secs(30) && wait > Duration::from_secs(20));
        }
        shortage => panic!("{shortage:?}"),
    }

    let allowance = Allowance {
        max_parallel: Some(1),
        ..Allowance::default()
    };
    let single = call([(user(), allowance)], 0);
    let reserved = admit(one, &single).await.unwrap();
    let refused = admit(other, &single).await.unwrap_err();
    assert_eq!(refused.shortage, Shortage::Parallel);
    one.release(&reserved.holder, &single, Spend::default())
        .await
        .unwrap();
    assert!(admit(other, &single).await.is_ok());
}

async fn tokens_that_were_not_used_come_back(one: &dyn LimitCounter, other: &dyn LimitCounter) {
    let allowance = Allowance {
        tokens_per_minute: Some(1_000),
        ..Allowance::default()
    };
    let call = call([(user(), allowance)], 600);
    let reserved = admit(one, &call).await.unwrap();
    let refused = admit(other, &call).await.unwrap_err();
    assert!(matches!(refused.shortage, Shortage::Tokens { .. }));
    assert_eq!(refused.rate.tokens.unwrap().limit, 1_000);
    one.release(&reserved.holder, &call, cost(100))
        .await
        .unwrap();
    let left = admit(other, &call).await.unwrap().rate.tokens.unwrap();
    assert!((300..400).contains(&left.remaining), "{left:?}");
}

async fn nothing_is_taken_of_anybody_where_one_refuses(one: &dyn LimitCounter) {
    let (wide, none) = (user(), user());
    let open = Allowance {
        requests_per_minute: Some(2),
        budget: budget(Period::Week, 100).budget,
        ..Allowance::default()
    };
    let closed = Allowance {
        max_parallel: Some(0),
        ..Allowance::default()
    };
    let both = call([(wide.clone(), open), (none, closed)], 60);
    for _ in 0..5 {
        let refused = admit(one, &both).await.unwrap_err();
        assert_eq!((refused.bound, refused.shortage), (1, Shortage::Parallel));
    }
    let alone = call([(wide, open)], 60);
    let reserved = admit(one, &alone).await.unwrap();
    assert_eq!(reserved.rate.requests.unwrap().remaining, 1);
}

/// Tells of nothing spent where that is not known.
async fn admit(counter: &dyn LimitCounter, call: &Reservation) -> Result<Reserved, Refusal> {
    loop {
        match counter.reserve(call).await.unwrap() {
            Admittance::Reserved(reserved) => return Ok(reserved),
            Admittance::Refused(refusal) => return Err(refusal),
            Admittance::Unknown(subjects) => {
                assert!(!subjects.is_empty());
                for subject in subjects {
                    counter.raise(&subject, &[]).await.unwrap();
                }
            }
        }
    }
}

fn call<const N: usize>(bounds: [(Subject, Allowance); N], amount: u64) -> Reservation {
    let bounds = bounds.map(|(subject, allowance)| Bound { subject, allowance });
    Reservation {
        bounds: bounds.into(),
        estimate: cost(amount),
        today: today(),
    }
}

fn user() -> Subject {
    Subject::User(UserId::new())
}

fn today() -> NaiveDate {
    "2026-11-15".parse().unwrap()
}

fn budget(period: Period, money: u64) -> Allowance {
    Allowance {
        budget: Some(Budget {
            period,
            money: Some(Money(money)),
            tokens: None,
        }),
        ..Allowance::default()
    }
}

fn cost(amount: u64) -> Spend {
    Spend {
        money: Money(amount),
        tokens: amount,
    }
}

fn used(amount: u64) -> Shortage {
    Shortage::Budget { used: cost(amount) }
}

fn day_spend(subject: &Subject, day: NaiveDate, amount: u64) -> DaySpend {
    DaySpend {
        subject: subject.clone(),
        day,
        spend: cost(amount),
    }
}
