//! Several engines on one store: what one changes the others know at once where they hear of it, and soon where
//! they do not; what they count together holds for all of them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use futures::future::join_all;
use inkstone_domain::allowance::{Allowance, Budget, DaySpend, Period, Spend, Subject};
use inkstone_domain::engine::EngineRole;
use inkstone_domain::ids::UserId;
use inkstone_domain::money::{Money, Price};
use inkstone_domain::ports::{Admittance, EngineBus, LimitCounter, Reservation};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::project::ProjectRole;
use inkstone_domain::{Error, Result, codes};
use inkstone_services::auth::{LocalTries, ThrottleConfig};
use inkstone_services::gateway::{GatewayConfig, LocalLimits};
use inkstone_services::{EnginePorts, KeyWish, Services};
use inkstone_testkit::{ManualClock, MemBus, contract};
use tokio::time::timeout;

use crate::world::{PATIENCE, World, ask, context, handbook, join, test_jobs};

#[tokio::test]
async fn what_an_engine_counts_alone_keeps_the_contracts() {
    let limits = LocalLimits::default();
    contract::limits::run(&limits, &limits).await;
    let forget_after = ThrottleConfig::default().forget_after;
    let tries = LocalTries::new(Arc::new(ManualClock::default()), forget_after);
    contract::tries::run(&tries, &tries).await;
    let bus = MemBus::default();
    contract::bus::run(&bus, &bus.end()).await;
}

/// Two engines that hear of each other; both have begun to listen.
async fn two(world: &World) -> [(Arc<Services>, Arc<MemBus>); 2] {
    let bus = MemBus::default();
    let begin = async |bus: MemBus| {
        let bus = Arc::new(bus);
        let others = EnginePorts {
            bus: bus.clone(),
            ..EnginePorts::alone()
        };
        let engine = world
            .engine_beside(others, test_jobs(), GatewayConfig::default())
            .await;
        engine.start(EngineRole::Api, 0);
        (engine, bus)
    };
    let engines = [begin(bus.end()).await, begin(bus.end()).await];
    until(|| bus.listeners() == 2).await;
    engines
}

async fn until(is_so: impl Fn() -> bool) {
    let look = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, look)
        .await
        .expect("it never came to that");
}

fn wish() -> KeyWish {
    KeyWish {
        name: "ci".to_owned(),
        ..KeyWish::default()
    }
}

#[tokio::test]
async fn keys_and_allowances_are_known_to_others_at_once() {
    let world = World::new().await;
    let [(one, _), (other, _)] = two(&world).await;
    let admin = world.somebody(Role::Admin).await;
    let (key, token) = one.keys.create(&admin, None, wish()).await.unwrap();
    until(|| other.authenticate(&token).is_ok()).await;
    other.keys.revoke(&admin, key.id).await.unwrap();
    until(|| one.authenticate(&token).is_err()).await;

    let subject = Subject::User(admin.user);
    let allowance = Allowance {
        budget: Some(Budget {
            period: Period::Month,
            money: None,
            tokens: Some(0),
        }),
        ..Allowance::default()
    };
    let set = one
        .usage
        .set_allowance(&admin, subject, Some(allowance), None);
    set.await.unwrap();
    let known = async {
        while say(&other, &admin).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, known)
        .await
        .expect("nothing is bounded there");
}

/// What one engine changed, and the other has not heard of.
#[tokio::test]
async fn what_another_engine_did_to_a_key_is_not_undone() {
    let world = World::new().await;
    let (one, other) = (world.another_engine().await, world.another_engine().await);
    let who = world.somebody(Role::Creator).await;
    let (key, _) = world
        .services
        .keys
        .create(&who, None, wish())
        .await
        .unwrap();
    for engine in [&one, &other] {
        engine.load().await.unwrap();
    }
    let overlap = Duration::from_secs(60);
    let (_, token) = one.keys.rotate(&who, key.id, overlap).await.unwrap();
    let named = KeyWish {
        name: "nightly".to_owned(),
        ..KeyWish::default()
    };
    assert_eq!(other.keys.show(&who, key.id).await.unwrap().revision, 1);
    let stale = other
        .keys
        .change(&who, key.id, named.clone(), Some(1))
        .await;
    assert_eq!(stale.unwrap_err().code(), &codes::REVISION_MISMATCH);
    // And so it was told what is there.
    assert_eq!(other.keys.show(&who, key.id).await.unwrap().revision, 2);
    let (_, newest) = one.keys.rotate(&who, key.id, overlap).await.unwrap();
    let changed = other.keys.change(&who, key.id, named.clone(), None).await;
    let changed = changed.unwrap();
    assert_eq!((changed.name.as_str(), changed.revision), ("nightly", 4));
    one.load().await.unwrap();
    for engine in [&one, &other] {
        assert!(engine.authenticate(&newest).is_ok(), "the new token stays");
        assert!(engine.authenticate(&token).is_ok(), "for its overlap");
    }

    one.keys.revoke(&who, key.id).await.unwrap();
    assert!(
        other.keys.show(&who, key.id).await.is_ok(),
        "it does not know"
    );
    let gone = other.keys.change(&who, key.id, named, None).await;
    assert_eq!(gone.unwrap_err().code(), &codes::NOT_FOUND);
    let gone = other.keys.rotate(&who, key.id, overlap).await;
    assert_eq!(gone.unwrap_err().code(), &codes::NOT_FOUND);
    for engine in [&one, &other, &world.another_engine().await] {
        assert!(engine.authenticate(&newest).is_err(), "it stays revoked");
    }
}

#[tokio::test]
async fn allowances_are_changed_as_they_are_stored() {
    let world = World::new().await;
    let (one, other) = (world.another_engine().await, world.another_engine().await);
    let admin = world.somebody(Role::Admin).await;
    let subject = || Subject::User(admin.user);
    let of = |max_parallel| {
        Some(Allowance {
            max_parallel: Some(max_parallel),
            ..Allowance::default()
        })
    };
    let set = async |engine: &Arc<Services>, allowance, expected| {
        let set = engine
            .usage
            .set_allowance(&admin, subject(), allowance, expected);
        set.await.map_err(|error| error.code().name)
    };
    assert_eq!(set(&one, of(3), Some(0)).await, Ok(()));
    assert_eq!(set(&other, of(4), Some(0)).await, Err("revision_mismatch"));
    let seen = other.usage.standing(&admin, subject()).await.unwrap();
    assert_eq!((Some(seen.allowance), seen.revision), (of(3), 1));
    assert_eq!(set(&other, of(4), Some(1)).await, Ok(()));
    assert_eq!(set(&one, None, None).await, Ok(()));
    // What is taken away and set anew is no old state.
    assert_eq!(set(&one, of(3), None).await, Ok(()));
    assert_eq!(set(&other, of(5), Some(1)).await, Err("revision_mismatch"));
    let seen = other.usage.standing(&admin, subject()).await.unwrap();
    assert_eq!((Some(seen.allowance), seen.revision), (of(3), 4));
}

#[tokio::test]
async fn roles_in_projects_are_forgotten_where_others_change_them() {
    let world = World::new().await;
    let [(one, _), (other, _)] = two(&world).await;
    let owner = world.somebody(Role::Creator).await;
    let member = world.somebody(Role::Creator).await;
    let slug = handbook(&world, &owner).await;
    join(&world, &owner, &member, ProjectRole::Viewer).await;
    let role = async |engine: &Arc<Services>| engine.access.role(&member, &slug).await.unwrap();
    assert_eq!(role(&other).await, Some(ProjectRole::Viewer));
    let set = one
        .projects
        .set_member(&owner, &slug, member.user, ProjectRole::Editor, None);
    set.await.unwrap();
    // The clock stands still: it is not the five seconds that end it.
    let known = async {
        while role(&other).await != Some(ProjectRole::Editor) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, known).await.expect("the old role stays");
}

#[tokio::test]
async fn after_a_gap_everything_is_read_anew() {
    let world = World::new().await;
    let [(_, bus), (other, _)] = two(&world).await;
    let admin = world.somebody(Role::Admin).await;
    // Through an engine that tells nobody.
    let (_, token) = world
        .services
        .keys
        .create(&admin, None, wish())
        .await
        .unwrap();
    assert!(other.authenticate(&token).is_err());
    bus.break_off();
    until(|| other.authenticate(&token).is_ok()).await;
}

#[tokio::test]
async fn who_only_answers_wakes_who_works() {
    let world = World::new().await;
    let bus = MemBus::default();
    let heard = bus.end();
    let mut feed = heard.listen();
    let mut jobs = test_jobs();
    jobs.poll_interval = Duration::from_secs(3_600);
    let (front, back) = (bus.end(), bus.end());
    let of = |bus: MemBus| EnginePorts {
        bus: Arc::new(bus),
        ..EnginePorts::alone()
    };
    let front = world
        .engine_beside(of(front), test_jobs(), GatewayConfig::default())
        .await;
    let back = world
        .engine_beside(of(back), jobs, GatewayConfig::default())
        .await;
    front.start(EngineRole::Api, 4);
    back.start(EngineRole::Worker, 1);
    until(|| bus.listeners() == 3).await;
    let owner = world.somebody(Role::Creator).await;
    let job = crate::jobs::submit_to(&front, &owner).await;
    let done = crate::world::job_when(&world.store, job, |job| job.status.is_final()).await;
    assert!(done.article.is_some(), "{done:?}");
    let heard = timeout(PATIENCE, futures::StreamExt::next(&mut feed)).await;
    assert!(heard.unwrap().is_some());
    for engine in [front, back] {
        assert!(engine.shutdown(PATIENCE).await);
    }
}

/// What engines share, and may be away.
struct Switched {
    limits: LocalLimits,
    is_away: AtomicBool,
}

impl Switched {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            limits: LocalLimits::default(),
            is_away: false.into(),
        })
    }

    fn reach(&self) -> Result<&LocalLimits> {
        match self.is_away.load(Ordering::SeqCst) {
            false => Ok(&self.limits),
            true => Err(Error::new(&codes::REDIS_UNAVAILABLE, "away")),
        }
    }
}

#[async_trait]
impl LimitCounter for Switched {
    async fn reserve(&self, reservation: &Reservation) -> Result<Admittance> {
        self.reach()?.reserve(reservation).await
    }

    async fn release(&self, holder: &str, reservation: &Reservation, used: Spend) -> Result<()> {
        self.reach()?.release(holder, reservation, used).await
    }

    async fn spend(&self, day: NaiveDate, subjects: &[Subject], spend: Spend) -> Result<()> {
        self.reach()?.spend(day, subjects, spend).await
    }

    async fn raise(&self, subject: &Subject, days: &[DaySpend]) -> Result<()> {
        self.reach()?.raise(subject, days).await
    }

    async fn keep(&self) -> Result<()> {
        self.reach()?.keep().await
    }
}

/// Every token costs a thousandth of a cent, and everybody may spend sixty of them.
fn budgeted() -> GatewayConfig {
    let price = Price {
        input: 10.0,
        output: 10.0,
        ..Price::default()
    };
    let mut config = GatewayConfig {
        prices: [("fake/tiny".to_owned(), price)].into(),
        ..GatewayConfig::default()
    };
    config.limits.reserved_output_tokens = 1;
    config.limits.user.budget = Some(Budget {
        period: Period::Day,
        money: Some(Money::from_usd(0.0006)),
        tokens: None,
    });
    config
}

async fn counting(world: &World, shared: &Arc<Switched>) -> Arc<Services> {
    let others = EnginePorts {
        limits: Some(shared.clone()),
        ..EnginePorts::alone()
    };
    let engine = world.engine_beside(others, test_jobs(), budgeted()).await;
    engine.start(EngineRole::Api, 0);
    engine
}

async fn say(engine: &Arc<Services>, who: &Principal) -> std::result::Result<(), &'static str> {
    let request = ask("fake/tiny", "hi");
    let done = engine.chat.complete(who, &context(), request).await;
    done.map(drop).map_err(|error| error.code().name)
}

#[tokio::test]
async fn one_budget_holds_for_all_engines_together() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let shared = Switched::new();
    let mut engines = Vec::new();
    for _ in 0..3 {
        engines.push(counting(&world, &shared).await);
    }
    let (mut admitted, mut refusals) = (0, 0);
    // What a call gives back goes behind its back: one refusal of all is not the end.
    while refusals < 50 {
        let said = join_all(engines.iter().map(|engine| say(engine, &who))).await;
        let more = said.iter().filter(|said| said.is_ok()).count();
        admitted += more;
        refusals = if more == 0 { refusals + 1 } else { 0 };
        tokio::task::yield_now().await;
    }
    let lines = world.usage(admitted).await;
    let spent: u64 = lines.iter().map(|line| line.cost.0).sum();
    let most = Money::from_usd(0.0006).0;
    assert!(
        spent <= most && spent > most * 8 / 10,
        "{admitted} calls, {spent}"
    );
    // Others have their own.
    let other = world.somebody(Role::Creator).await;
    assert_eq!(say(&engines[0], &other).await, Ok(()));
}

#[tokio::test]
async fn where_the_shared_counter_is_away_each_goes_on_alone() {
    let world = World::new().await;
    let who = Principal::of(UserId::new(), Role::Creator);
    let shared = Switched::new();
    let engine = counting(&world, &shared).await;
    let other = counting(&world, &shared).await;
    assert_eq!(say(&engine, &who).await, Ok(()));
    shared.is_away.store(true, Ordering::SeqCst);
    for engine in [&engine, &other] {
        let mut refused = false;
        for _ in 0..1_000 {
            match say(engine, &who).await {
                Ok(()) => {}
                Err(code) => {
                    assert_eq!(code, "budget_exceeded");
                    refused = true;
                    break;
                }
            }
        }
        assert!(refused, "its own bounds hold");
    }
}
