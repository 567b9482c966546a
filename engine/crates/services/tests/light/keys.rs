//! Virtual keys, what they may use, and what was spent.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use inkstone_domain::allowance::{Allowance, Budget, Period, Subject};
use inkstone_domain::ids::UserId;
use inkstone_domain::money::{Money, Price};
use inkstone_domain::ports::Clock;
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::usage::{UsageDimension, UsageFilter};
use inkstone_services::KeyWish;
use inkstone_services::gateway::GatewayConfig;

use crate::world::{World, ask, context};

fn wish(name: &str) -> KeyWish {
    KeyWish {
        name: name.to_owned(),
        ..KeyWish::default()
    }
}

/// Every token costs a thousandth of a cent.
fn priced() -> GatewayConfig {
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
    config
}

async fn say(world: &World, who: &Principal, text: &str) -> Result<(), &'static str> {
    let request = ask("fake/tiny", text);
    let done = world.services.chat.complete(who, &context(), request).await;
    done.map(drop).map_err(|error| error.code().name)
}

#[tokio::test]
async fn a_key_is_shown_once_and_stands_for_its_owner() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let keys = &world.services.keys;
    let (key, token) = keys.create(&who, None, wish("ci")).await.unwrap();
    assert!(token.starts_with("sk-ink-") && token.ends_with(&key.hint));
    let caller = world.services.authenticate(&token).unwrap();
    assert_eq!((caller.user, caller.role), (who.user, Role::Creator));
    assert_eq!(say(&world, &caller, "hi").await, Ok(()));
    let line = &world.usage(1).await[0];
    assert_eq!((line.user, line.key), (who.user, Some(key.id)));

    let stranger = world.somebody(Role::Creator).await;
    assert_eq!(keys.list(&who).await.unwrap(), std::slice::from_ref(&key));
    assert!(keys.list(&stranger).await.unwrap().is_empty());
    let hidden = keys.show(&stranger, key.id).await.unwrap_err();
    assert_eq!(hidden.code().name, "not_found");
    keys.revoke(&who, key.id).await.unwrap();
    let refused = world.services.authenticate(&token).unwrap_err();
    assert_eq!(refused.code().name, "invalid_token");
}

#[tokio::test]
async fn a_rotated_key_holds_for_its_overlap() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let keys = &world.services.keys;
    let (key, old) = keys.create(&who, None, wish("ci")).await.unwrap();
    let (_, new) = keys
        .rotate(&who, key.id, Duration::from_secs(60))
        .await
        .unwrap();
    assert!(keys.authenticate(&old).is_ok() && keys.authenticate(&new).is_ok());
    world.clock.advance(Duration::from_secs(61));
    let refused = keys.authenticate(&old).unwrap_err();
    assert_eq!(refused.code().name, "token_expired");
    assert!(keys.authenticate(&new).is_ok());
    // And so it is for an engine that starts now.
    let engine = world.another_engine().await;
    assert!(engine.authenticate(&new).is_ok() && engine.authenticate(&old).is_err());
}

#[tokio::test]
async fn a_key_may_use_its_models_only_and_ends_in_time() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let keys = &world.services.keys;
    let wished = KeyWish {
        models: vec!["fast".to_owned(), "fake/la*".to_owned()],
        expires_at: Some(world.clock.now() + chrono::Duration::hours(1)),
        ..wish("ci")
    };
    let (_, token) = keys.create(&who, None, wished).await.unwrap();
    let caller = keys.authenticate(&token).unwrap();
    let may = async |model: &str| {
        let done = world
            .services
            .chat
            .complete(&caller, &context(), ask(model, "hi"))
            .await;
        done.map(drop).map_err(|error| error.code().name)
    };
    assert_eq!(may("fast").await, Ok(()));
    assert_eq!(may("fake/large").await, Ok(()));
    assert_eq!(may("fake/tiny").await, Err("forbidden"));
    world.clock.advance(Duration::from_secs(3_601));
    assert_eq!(
        keys.authenticate(&token).unwrap_err().code().name,
        "token_expired"
    );
}

#[tokio::test]
async fn sixty_four_callers_on_a_budget_for_ten_calls() {
    let world = World::gateway(priced()).await;
    let who = world.somebody(Role::Creator).await;
    // One word in, one out; an estimate of one word with the message's own four tokens and one out.
    let estimate = Money::from_usd(6.0 * 10.0 / 1e6);
    let wished = KeyWish {
        allowance: Allowance {
            budget: Some(Budget {
                period: Period::Month,
                money: Some(Money(estimate.0 * 10)),
                tokens: None,
            }),
            ..Allowance::default()
        },
        ..wish("ci")
    };
    let (key, token) = world
        .services
        .keys
        .create(&who, None, wished)
        .await
        .unwrap();
    let caller = Arc::new(world.services.authenticate(&token).unwrap());
    let calls = (0..64).map(|_| {
        let (chat, caller) = (Arc::clone(&world.services.chat), Arc::clone(&caller));
        tokio::spawn(async move {
            let answer = chat
                .stream(&caller, &context(), ask("fake/tiny", "hi"))
                .await;
            answer.map_err(|error| error.code().name)
        })
    });
    // All are held open, so that nothing is settled before all were admitted or refused.
    let held: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let refused = held.iter().filter_map(|call| call.as_ref().err());
    let refused: Vec<&&str> = refused.collect();
    assert_eq!(refused.len(), 54);
    assert!(refused.iter().all(|code| **code == "budget_exceeded"));
    assert_eq!(
        world.provider.requests().len(),
        10,
        "nobody else reached the upstream"
    );
    drop(held);
    world.usage(10).await;
    let standing = world
        .services
        .usage
        .standing(&who, Subject::Key(key.id))
        .await
        .unwrap();
    let (_, spent) = standing.spent[2];
    assert!(spent.money <= Money(estimate.0 * 10), "{spent:?}");
    assert!(spent.money > Money::ZERO);
}

#[tokio::test]
async fn what_was_spent_is_known_after_a_restart() {
    let world = World::gateway(priced()).await;
    let admin = world.somebody(Role::Admin).await;
    let who = world.somebody(Role::Creator).await;
    say(&world, &who, "hi").await.unwrap();
    world.usage(1).await;
    let subject = Subject::User(who.user);
    let allowance = Allowance {
        budget: Some(Budget {
            period: Period::Month,
            money: Some(Money(1)),
            tokens: None,
        }),
        ..Allowance::default()
    };
    let usage = &world.services.usage;
    let refused = usage
        .set_allowance(&who, subject.clone(), Some(allowance), None)
        .await
        .unwrap_err();
    assert_eq!(refused.code().name, "forbidden");
    usage
        .set_allowance(&admin, subject.clone(), Some(allowance), None)
        .await
        .unwrap();
    assert_eq!(say(&world, &who, "hi").await, Err("budget_exceeded"));
    let engine = world.another_engine().await;
    let there = engine.usage.standing(&who, subject.clone());
    let there = there.await.unwrap();
    assert_eq!(there.allowance, allowance);
    let here = usage.standing(&who, subject).await.unwrap();
    assert_eq!(there.spent, here.spent);
    let refused = engine
        .chat
        .complete(&who, &context(), ask("fake/tiny", "hi"))
        .await;
    assert_eq!(refused.unwrap_err().code().name, "budget_exceeded");
}

#[tokio::test]
async fn the_ledger_is_summed_by_what_is_asked_and_shows_nobody_elses() {
    let world = World::gateway(priced()).await;
    let admin = world.somebody(Role::Admin).await;
    let (who, other) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Creator).await,
    );
    for caller in [&who, &who, &other] {
        say(&world, caller, "one two").await.unwrap();
    }
    world.usage(3).await;
    let usage = &world.services.usage;
    let by = [UsageDimension::Model, UsageDimension::User];
    let own = usage.sum(&who, UsageFilter::default(), &by).await.unwrap();
    assert_eq!(own.len(), 1);
    assert_eq!(
        own[0].values,
        ["fake/tiny".to_owned(), who.user.to_string()]
    );
    assert_eq!((own[0].attempts, own[0].succeeded), (2, 2));
    assert_eq!(own[0].usage.output_tokens, 4);
    assert_eq!(own[0].cost, Money::from_usd(8.0 * 10.0 / 1e6));
    let all = usage
        .sum(&admin, UsageFilter::default(), &by)
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    let foreign = UsageFilter {
        user: Some(UserId::new()),
        ..UsageFilter::default()
    };
    let refused = usage.sum(&who, foreign, &by).await.unwrap_err();
    assert_eq!(refused.code().name, "forbidden");
}
