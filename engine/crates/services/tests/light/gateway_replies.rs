//! Answers that are there already: the cache, and calls with an `Idempotency-Key`.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use inkstone_domain::chat::{Chunk, EmbedRequest, Reply};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::usage::CacheUse;
use inkstone_domain::{Error, codes};
use inkstone_services::chat::ChatStream;
use inkstone_services::gateway::{CacheMode, CacheWish, GatewayConfig};
use inkstone_services::{RequestContext, Services};
use inkstone_testkit::{Gate, Say};

use crate::world::{PATIENCE, World, ask, context};

fn cached(max_age: Option<Duration>) -> RequestContext {
    RequestContext {
        cache: CacheWish {
            mode: Some(CacheMode::On),
            max_age,
        },
        ..context()
    }
}

fn keyed(key: &str) -> RequestContext {
    RequestContext {
        idempotency_key: Some(key.to_owned()),
        ..context()
    }
}

async fn stream(
    world: &World,
    who: &Principal,
    context: &RequestContext,
    text: &str,
) -> Result<ChatStream, Error> {
    let request = ask("fake/tiny", text);
    world.services.chat.stream(who, context, request).await
}

async fn chunks(answer: ChatStream) -> Vec<Chunk> {
    answer.chunks.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn the_same_request_is_answered_from_the_cache_and_costs_nothing() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let other = world.somebody(Role::Creator).await;
    let first = stream(&world, &who, &cached(None), "one two")
        .await
        .unwrap();
    let (id, first) = (first.facts.id.clone(), chunks(first).await);
    let again = stream(&world, &who, &cached(None), "one two")
        .await
        .unwrap();
    assert_eq!(
        (again.facts.cache, again.facts.attempts),
        (CacheUse::Exact, 0)
    );
    assert_eq!(again.facts.id, id);
    assert_eq!(chunks(again).await, first);
    // Another question, another person, no wish for the cache: the upstream.
    for (who, context, text) in [
        (&who, cached(None), "one three"),
        (&other, cached(None), "one two"),
        (&who, context(), "one two"),
    ] {
        let answer = stream(&world, who, &context, text).await.unwrap();
        assert_eq!(answer.facts.cache, CacheUse::None);
        chunks(answer).await;
    }
    let lines = world.usage(5).await;
    assert_eq!(lines[1].cache, CacheUse::Exact);
    assert_eq!(lines[1].spend(), Default::default());
    // Another engine on the same store finds it too.
    let engine = world.another_engine().await;
    let request = ask("fake/tiny", "one two");
    let there = engine.chat.stream(&who, &cached(None), request).await;
    assert_eq!(there.unwrap().facts.cache, CacheUse::Exact);
}

#[tokio::test]
async fn what_is_too_old_is_not_taken() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    chunks(stream(&world, &who, &cached(None), "hi").await.unwrap()).await;
    world.clock.advance(Duration::from_secs(60));
    let use_of = async |context: &RequestContext| {
        let answer = stream(&world, &who, context, "hi").await.unwrap();
        answer.facts.cache
    };
    assert_eq!(use_of(&cached(None)).await, CacheUse::Exact);
    let fresh = cached(Some(Duration::from_secs(30)));
    assert_eq!(use_of(&fresh).await, CacheUse::None);
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(use_of(&cached(None)).await, CacheUse::None);
}

#[tokio::test]
async fn identical_requests_that_come_together_make_one_call() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let gate = Gate::closed();
    let script = [Say::text("slow"), Say::Wait(gate.clone()), Say::text("ly")];
    world
        .provider
        .will_say(script.into_iter().chain(Say::end(1, 1)));
    let context = cached(None);
    let leader = stream(&world, &who, &context, "hi").await.unwrap();
    let leader = tokio::spawn(chunks(leader));
    let others: Vec<_> = (0..8)
        .map(|_| {
            let chat = Arc::clone(&world.services.chat);
            let (who, context) = (who.clone(), context.clone());
            tokio::spawn(async move {
                let answer = chat.stream(&who, &context, ask("fake/tiny", "hi")).await;
                chunks(answer.unwrap()).await
            })
        })
        .collect();
    gate.open();
    let first = tokio::time::timeout(PATIENCE, leader)
        .await
        .unwrap()
        .unwrap();
    for other in tokio::time::timeout(PATIENCE, join_all(others))
        .await
        .unwrap()
    {
        assert_eq!(other.unwrap(), first);
    }
    assert_eq!(world.provider.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_not_kept() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let broken = Error::new(&codes::UPSTREAM_ERROR, "reset");
    world
        .provider
        .will_say([Say::text("half"), Say::Fail(broken)]);
    let answer = stream(&world, &who, &cached(None), "hi").await.unwrap();
    let ended = answer.chunks.collect::<Vec<_>>().await;
    assert!(ended.last().unwrap().is_err());
    let answer = stream(&world, &who, &cached(None), "hi").await.unwrap();
    assert_eq!(answer.facts.cache, CacheUse::None);
}

#[tokio::test]
async fn a_request_that_means_the_same_is_answered_from_the_cache() {
    let mut config = GatewayConfig::default();
    config.cache.semantic = Some(0.999);
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    // The fake's vectors tell texts apart by their length alone.
    let first = stream(&world, &who, &cached(None), "what is ink?")
        .await
        .unwrap();
    let first = chunks(first).await;
    let alike = stream(&world, &who, &cached(None), "what is ink!")
        .await
        .unwrap();
    assert_eq!(alike.facts.cache, CacheUse::Semantic);
    assert_eq!(chunks(alike).await, first);
    let unlike = stream(&world, &who, &cached(None), "ink").await.unwrap();
    assert_eq!(unlike.facts.cache, CacheUse::None);
}

#[tokio::test]
async fn calls_with_one_key_are_made_once_and_told_alike() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let gate = Gate::closed();
    let script = [Say::text("on"), Say::Wait(gate.clone()), Say::text("ce")];
    world
        .provider
        .will_say(script.into_iter().chain(Say::end(1, 1)));
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let chat = Arc::clone(&world.services.chat);
            let who = who.clone();
            tokio::spawn(async move {
                let answer = chat
                    .stream(&who, &keyed("k1"), ask("fake/tiny", "hi"))
                    .await;
                let answer = answer.unwrap();
                (answer.facts.id.clone(), chunks(answer).await)
            })
        })
        .collect();
    gate.open();
    let told = tokio::time::timeout(PATIENCE, join_all(calls))
        .await
        .unwrap();
    let told: Vec<_> = told.into_iter().map(Result::unwrap).collect();
    assert!(told.iter().all(|one| *one == told[0]));
    assert_eq!(world.provider.requests().len(), 1);
    assert_eq!(world.usage(1).await.len(), 1);

    let reused = stream(&world, &who, &keyed("k1"), "something else").await;
    assert_eq!(
        reused.map(drop).unwrap_err().code().name,
        "idempotency_key_reused"
    );
    // Another person's key of the same name is another key.
    let other = world.somebody(Role::Creator).await;
    let theirs = stream(&world, &other, &keyed("k1"), "something else")
        .await
        .unwrap();
    assert!(!theirs.facts.is_replay);
}

#[tokio::test]
async fn what_is_said_again_brings_its_cost_to_the_ledger_once() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let ask_again = async |services: &Services| {
        let request = ask("fake/tiny", "hi");
        let answer = services.chat.stream(&who, &keyed("k1"), request).await;
        let answer = answer.unwrap();
        let is_replay = answer.facts.is_replay;
        chunks(answer).await;
        is_replay
    };
    assert!(!ask_again(&world.services).await);
    assert_eq!(world.journal.noted(), 1);
    for _ in 0..3 {
        assert!(ask_again(&world.services).await);
    }
    assert_eq!(world.journal.noted(), 1, "nothing is written again");
    // An engine that has not seen the call makes it good, in case the other died before it could.
    let other = world.another_engine().await;
    for _ in 0..3 {
        assert!(ask_again(&other).await);
    }
    assert_eq!(world.usage(1).await.len(), 1);
}

#[tokio::test]
async fn a_call_with_a_key_ends_though_its_caller_left_and_waits_for_them() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let gate = Gate::closed();
    let script = [Say::text("on"), Say::Wait(gate.clone()), Say::text("wards")];
    world
        .provider
        .will_say(script.into_iter().chain(Say::end(1, 1)));
    let answer = stream(&world, &who, &keyed("k1"), "hi").await.unwrap();
    drop(answer);
    gate.open();
    let again = stream(&world, &who, &keyed("k1"), "hi").await.unwrap();
    assert!(again.facts.is_replay);
    let reply = chunks(again)
        .await
        .into_iter()
        .fold(Reply::default(), |mut reply, chunk| {
            reply.push(chunk);
            reply
        });
    assert_eq!(reply.text, "onwards");
    assert_eq!(world.provider.requests().len(), 1);
}

#[tokio::test]
async fn a_call_that_failed_may_be_made_again_with_its_key() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    world
        .provider
        .will_say([Say::Fail(Error::new(&codes::UNSUPPORTED, "no"))]);
    assert!(stream(&world, &who, &keyed("k1"), "hi").await.is_err());
    let again = stream(&world, &who, &keyed("k1"), "hi").await.unwrap();
    assert!(!again.facts.is_replay);
    for wrong in ["", "caf\u{e9}", &"x".repeat(256)] {
        let refused = stream(&world, &who, &keyed(wrong), "hi").await;
        assert_eq!(refused.map(drop).unwrap_err().code().name, "invalid_input");
    }
}

#[tokio::test]
async fn vectors_are_made_once_too() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let embed = async || {
        let request = EmbedRequest {
            model: String::new(),
            inputs: vec!["a".to_owned()],
            dimensions: None,
        };
        let embedded = world.services.chat.embed(&who, &keyed("e1"), request).await;
        embedded.unwrap()
    };
    let (first, again) = (embed().await, embed().await);
    assert_eq!(
        (&first.reply, &first.facts.id),
        (&again.reply, &again.facts.id)
    );
    assert!(!first.facts.is_replay && again.facts.is_replay);
    assert_eq!(world.usage(1).await.len(), 1);
}
