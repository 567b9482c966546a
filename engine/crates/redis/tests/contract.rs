//! The contract of each port, and what happens where the Redis goes away, against a real one.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::allowance::{Allowance, Budget, DaySpend, Period, Spend, Subject};
use inkstone_domain::ids::UserId;
use inkstone_domain::ports::{
    Admittance, Bound, EngineBus, Heard, LimitCounter, News, Reservation, Shortage,
};
use inkstone_redis::{Connection, RedisBus, RedisConfig, RedisLimits, RedisTries};
use inkstone_testkit::{RedisServer, contract};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

fn config(server: &RedisServer) -> RedisConfig {
    RedisConfig {
        url: server.url(),
        prefix: "inkstone".to_owned(),
        username: None,
        password: None,
    }
}

/// One engine's.
fn connection(server: &RedisServer) -> Connection {
    Connection::open(&config(server)).unwrap()
}

fn bus(server: &RedisServer, stop: &CancellationToken) -> Arc<RedisBus> {
    let bus = Arc::new(RedisBus::new(connection(server)));
    tokio::spawn(Arc::clone(&bus).run(stop.clone()));
    bus
}

#[tokio::test]
async fn the_bus_keeps_its_contract() {
    let (server, stop) = (RedisServer::start().await, CancellationToken::new());
    let (one, other) = (bus(&server, &stop), bus(&server, &stop));
    contract::bus::run(&*one, &*other).await;
    stop.cancel();
}

#[tokio::test]
async fn limits_keep_their_contract() {
    let server = RedisServer::start().await;
    let limits = || RedisLimits::new(connection(&server));
    contract::limits::run(&limits(), &limits()).await;
}

#[tokio::test]
async fn tries_keep_their_contract() {
    let server = RedisServer::start().await;
    let tries = || RedisTries::new(connection(&server));
    contract::tries::run(&tries(), &tries()).await;
}

#[tokio::test]
async fn a_password_is_asked_for_and_given() {
    let server = RedisServer::with(Some("for-tests")).await;
    let with = |password: Option<&str>| {
        Connection::open(&RedisConfig {
            password: password.map(str::to_owned),
            ..config(&server)
        })
    };
    with(Some("for-tests")).unwrap().check().await.unwrap();
    for wrong in [None, Some("wrong")] {
        let refused = with(wrong).unwrap().check().await.unwrap_err();
        assert_eq!(refused.code().name, "redis_unavailable");
    }
    let told = format!("{:?}", config(&server));
    assert!(!told.contains("for-tests"), "{told}");
}

#[tokio::test]
async fn who_is_away_costs_little_time_and_comes_back() {
    let mut server = RedisServer::start().await;
    let connection = connection(&server);
    connection.check().await.unwrap();
    server.kill();
    let began = Instant::now();
    for _ in 0..1_000 {
        let away = connection.check().await.unwrap_err();
        assert_eq!(away.code().name, "redis_unavailable");
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    server.start_again().await;
    let back = async {
        while connection.check().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, back).await.expect("it never came back");
}

#[tokio::test]
async fn a_broken_subscription_begins_anew_with_a_gap() {
    let (mut server, stop) = (RedisServer::start().await, CancellationToken::new());
    let (one, other) = (bus(&server, &stop), bus(&server, &stop));
    let mut feed = other.listen();
    contract::bus::run(&*one, &*other).await;
    server.start_again().await;
    let gap = async {
        let mut gaps = 0;
        while gaps < 2 {
            gaps += usize::from(feed.next().await.unwrap() == Heard::Gap);
        }
    };
    timeout(PATIENCE, gap).await.expect("no gap was told");
    let heard = async {
        loop {
            one.tell(News::Allowances);
            let next = timeout(Duration::from_millis(50), feed.next()).await;
            if next == Ok(Some(Heard::News(News::Allowances))) {
                return;
            }
        }
    };
    timeout(PATIENCE, heard).await.expect("nothing is heard");
    stop.cancel();
}

#[tokio::test]
async fn what_a_dead_engine_had_reserved_is_free_again() {
    const LIFE: Duration = Duration::from_millis(400);
    let server = RedisServer::start().await;
    let limits = || RedisLimits::new(connection(&server)).with_life(LIFE);
    let (dying, other) = (limits(), limits());
    let allowance = Allowance {
        max_parallel: Some(1),
        ..Allowance::default()
    };
    let call = Reservation {
        bounds: vec![Bound {
            subject: Subject::User(UserId::new()),
            allowance,
        }],
        estimate: Spend::default(),
        today: "2026-11-15".parse().unwrap(),
    };
    let is_free = async || {
        let answer = other.reserve(&call).await.unwrap();
        matches!(answer, Admittance::Reserved(_))
    };
    let Admittance::Reserved(reserved) = dying.reserve(&call).await.unwrap() else {
        panic!("nobody has reserved anything");
    };
    // As long as it shows that it lives, what it has stays.
    let began = Instant::now();
    while began.elapsed() < LIFE * 3 {
        dying.keep().await.unwrap();
        assert!(!is_free().await);
    }
    let freed = async {
        while !is_free().await {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, freed).await.expect("it stays reserved");
    // It only hung: what it says now takes nothing from who has it.
    dying
        .release(&reserved.holder, &call, Spend::default())
        .await
        .unwrap();
    dying.keep().await.unwrap();
    assert!(!is_free().await);
}

#[tokio::test]
async fn what_an_emptied_redis_forgot_it_asks_for() {
    let mut server = RedisServer::start().await;
    let limits = RedisLimits::new(connection(&server));
    let subject = Subject::User(UserId::new());
    let budget = Budget {
        period: Period::Day,
        money: None,
        tokens: Some(10),
    };
    let call = Reservation {
        bounds: vec![Bound {
            subject: subject.clone(),
            allowance: Allowance {
                budget: Some(budget),
                ..Allowance::default()
            },
        }],
        estimate: Spend::default(),
        today: "2026-11-15".parse().unwrap(),
    };
    let unknown = Admittance::Unknown(vec![subject.clone()]);
    assert_eq!(limits.reserve(&call).await.unwrap(), unknown);
    let spent = [DaySpend {
        subject: subject.clone(),
        day: call.today,
        spend: Spend {
            tokens: 10,
            ..Spend::default()
        },
    }];
    limits.raise(&subject, &spent).await.unwrap();
    let refused = limits.reserve(&call).await.unwrap();
    assert!(
        matches!(&refused, Admittance::Refused(refusal)
            if matches!(refusal.shortage, Shortage::Budget { used } if used.tokens == 10)),
        "{refused:?}"
    );
    server.start_again().await;
    let asked = async {
        loop {
            if let Ok(answer) = limits.reserve(&call).await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert_eq!(timeout(PATIENCE, asked).await.unwrap(), unknown);
}
