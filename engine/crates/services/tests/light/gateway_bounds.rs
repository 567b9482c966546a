//! What one caller may take: of the engine's memory by images, of deployments by what is too large for them,
//! and of a budget, whatever becomes of the calls.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use inkstone_domain::allowance::{Allowance, Budget, Period, Subject};
use inkstone_domain::chat::{EmbedRequest, Image, ImageSource, Part, Request, RerankRequest};
use inkstone_domain::gateway::ImagesConfig;
use inkstone_domain::money::{Money, Price};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::usage::{Outcome, UsageRecord};
use inkstone_domain::{Error, codes};
use inkstone_services::gateway::{
    CacheMode, CacheWish, DeploymentConfig, GatewayConfig, ModelConfig,
};
use inkstone_services::{KeyWish, RequestContext};
use inkstone_testkit::{Gate, Say};

use crate::world::{World, ask, context};

const MIB: usize = 1 << 20;

/// Every token costs a thousandth of a cent, and every search a cent.
fn priced() -> GatewayConfig {
    let price = Price {
        input: 10.0,
        output: 10.0,
        search: Some(10.0),
        ..Price::default()
    };
    let models = ["fake/tiny", "fake/large", "fake/meaning", "fake/rerank"];
    let mut config = GatewayConfig {
        prices: models.map(|model| (model.to_owned(), price)).into(),
        ..GatewayConfig::default()
    };
    config.reliability.retries = 0;
    config
}

/// Somebody's key, with this budget of money.
async fn with_budget(world: &World, money: Money) -> (Principal, Subject) {
    let who = world.somebody(Role::Creator).await;
    let wished = KeyWish {
        name: "ci".to_owned(),
        allowance: Allowance {
            budget: Some(Budget {
                period: Period::Month,
                money: Some(money),
                tokens: None,
            }),
            ..Allowance::default()
        },
        ..KeyWish::default()
    };
    let keys = &world.services.keys;
    let (key, token) = keys.create(&who, None, wished).await.unwrap();
    (keys.authenticate(&token).unwrap(), Subject::Key(key.id))
}

/// Of a key, this month.
async fn spent(world: &World, who: &Principal, subject: Subject) -> Money {
    let owner = Principal::of(who.user, who.role);
    let usage = &world.services.usage;
    let standing = usage.standing(&owner, subject).await.unwrap();
    standing.spent[2].1.money
}

async fn complete(world: &World, who: &Principal, request: Request) -> Result<(), Error> {
    let done = world.services.chat.complete(who, &context(), request).await;
    done.map(drop)
}

/// A PNG by its first bytes.
fn png(bytes: usize) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.resize(bytes, 0);
    png
}

fn showing(images: impl IntoIterator<Item = ImageSource>) -> Request {
    let mut request = ask("fake/tiny", "what is this?");
    let images = images.into_iter().map(|source| {
        Part::Image(Image {
            media_type: "image/png".to_owned(),
            source,
        })
    });
    request.messages[0].parts.extend(images);
    request
}

fn addresses(world: &World, count: usize, bytes: usize) -> Vec<ImageSource> {
    let urls = (0..count).map(|at| format!("https://example.org/{at}.png"));
    let answers = urls.inspect(|url| world.egress.will_answer(url, 200, png(bytes)));
    answers.map(ImageSource::Url).collect()
}

fn with_images(max_total_mib: usize) -> GatewayConfig {
    GatewayConfig {
        images: ImagesConfig {
            max_total_bytes: max_total_mib * MIB,
            ..ImagesConfig::default()
        },
        ..GatewayConfig::default()
    }
}

#[tokio::test]
async fn images_of_a_request_are_bounded_together() {
    let world = World::gateway(with_images(12)).await;
    let who = world.somebody(Role::Creator).await;
    let request = showing(addresses(&world, 10, 5 * MIB));
    let refused = complete(&world, &who, request).await.unwrap_err();
    assert_eq!(refused.code().name, "invalid_input");
    assert!(refused.message().contains("max_total_mib"), "{refused}");
    let asked = world.egress.sent().len();
    assert!(asked <= 6, "{asked} were asked for, and two have room");
    // Those that come with the request count too.
    let mut images = addresses(&world, 1, 5 * MIB);
    images.push(ImageSource::Bytes(png(8 * MIB).into()));
    let refused = complete(&world, &who, showing(images)).await.unwrap_err();
    assert!(refused.message().contains("max_total_mib"), "{refused}");
    let alone = [ImageSource::Bytes(png(13 * MIB).into())];
    let refused = complete(&world, &who, showing(alone)).await.unwrap_err();
    assert!(refused.message().contains("max_total_mib"), "{refused}");
    assert!(world.provider.requests().is_empty());
    let two = showing(addresses(&world, 2, 5 * MIB));
    complete(&world, &who, two).await.unwrap();
}

#[tokio::test]
async fn choices_of_a_request_share_its_images() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let request = showing(addresses(&world, 2, MIB));
    let context = context();
    let chat = &world.services.chat;
    let calls = (0..5).map(|_| chat.complete(&who, &context, request.clone()));
    for answer in join_all(calls).await {
        answer.unwrap();
    }
    assert_eq!(world.egress.sent().len(), 2);
    let requests = world.provider.requests();
    let [_, Part::Image(one), ..] = &requests[0].messages[0].parts[..] else {
        panic!("no image");
    };
    let [_, Part::Image(other), ..] = &requests[4].messages[0].parts[..] else {
        panic!("no image");
    };
    let (ImageSource::Bytes(one), ImageSource::Bytes(other)) = (&one.source, &other.source) else {
        panic!("no bytes");
    };
    assert_eq!(one.as_ptr(), other.as_ptr(), "no copies");
}

#[tokio::test]
async fn all_calls_together_hold_no_more_images_than_there_is_room_for() {
    let world = World::gateway(with_images(1)).await;
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(world.somebody(Role::Creator).await);
    }
    let gate = Gate::closed();
    let mut calls = Vec::new();
    let one_more = async |who: &Principal| {
        let request = showing(addresses(&world, 1, MIB));
        complete(&world, who, request).await
    };
    // Whoever has much leaves something to the others.
    for (at, who) in [(12, 0), (3, 1), (1, 2)]
        .into_iter()
        .flat_map(|(count, who)| std::iter::repeat_n(who, count))
        .enumerate()
    {
        let who = &people[who];
        let script = [Say::Wait(gate.clone()), Say::text("so")];
        world
            .provider
            .will_say(script.into_iter().chain(Say::end(1, 1)));
        let request = showing(addresses(&world, 1, MIB));
        let (chat, who) = (Arc::clone(&world.services.chat), who.clone());
        let call = async move { chat.complete(&who, &context(), request).await };
        calls.push(tokio::spawn(call));
        gate.reached_times(at + 1).await;
        if at + 1 == 12 {
            let refused = one_more(&people[0]).await.unwrap_err();
            assert_eq!(refused.code().name, "overloaded");
            assert!(refused.message().contains("your share"), "{refused}");
        }
    }
    for who in &people {
        let refused = one_more(who).await.unwrap_err();
        assert_eq!(refused.code().name, "overloaded");
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    }
    gate.open();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // The fake keeps what it was asked; what egress gave is copied there.
    world.provider.forget();
    one_more(&people[0]).await.unwrap();
}

#[tokio::test]
async fn what_is_too_large_for_a_plugin_takes_it_from_nobody_else() {
    let world = World::gateway(priced()).await;
    let one = world.somebody(Role::Creator).await;
    let other = world.somebody(Role::Creator).await;
    for code in [
        &codes::PLUGIN_OUT_OF_MEMORY,
        &codes::PLUGIN_CPU_EXCEEDED,
        &codes::PLUGIN_OUTPUT_EXCEEDED,
    ] {
        for _ in 0..5 {
            world.provider.will_say([Say::Fail(Error::new(code, "no"))]);
            let failed = complete(&world, &one, ask("fake/tiny", "hi")).await;
            assert_eq!(failed.unwrap_err().code(), code);
        }
        complete(&world, &other, ask("fake/tiny", "hi"))
            .await
            .unwrap();
    }
}

/// The only line of a model.
fn line_of(lines: &[UsageRecord], outcome: Outcome) -> &UsageRecord {
    let mut found = lines.iter().filter(|line| line.outcome == outcome);
    let line = found.next().unwrap();
    assert!(found.next().is_none(), "{lines:?}");
    line
}

#[tokio::test]
async fn who_leaves_before_the_first_word_pays_for_the_input() {
    let world = World::gateway(priced()).await;
    let (who, subject) = with_budget(&world, Money::from_usd(1.0)).await;
    let gate = Gate::closed();
    world.provider.will_say([Say::Wait(gate.clone())]);
    let (chat, caller) = (Arc::clone(&world.services.chat), who.clone());
    let call = async move {
        chat.complete(&caller, &context(), ask("fake/tiny", "hi"))
            .await
    };
    let call = tokio::spawn(call);
    gate.reached().await;
    call.abort();
    let lines = world.usage(1).await;
    let line = line_of(&lines, Outcome::Cancelled);
    // One word with the message's own four tokens.
    assert_eq!((line.usage.input_tokens, line.usage.output_tokens), (5, 0));
    assert_eq!(line.cost, Money::from_usd(5.0 * 10.0 / 1e6));
    assert_eq!(spent(&world, &who, subject).await, line.cost);
}

#[tokio::test]
async fn an_upstream_that_took_the_request_and_broke_off_is_paid_and_one_that_refused_is_not() {
    let mut config = priced();
    config.reliability.first_token = Some(Duration::from_millis(30));
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    let open = Gate::closed();
    open.open();
    let reset = || Say::Fail(Error::new(&codes::UPSTREAM_ERROR, "reset"));
    world.provider.will_say([reset()]);
    world.provider.will_say([Say::Wait(open), reset()]);
    world.provider.will_say([Say::Wait(Gate::closed())]);
    for _ in 0..3 {
        let failed = complete(&world, &who, ask("fake/tiny", "hi")).await;
        assert!(failed.is_err());
    }
    let lines = world.usage(3).await;
    let spent: Vec<(Option<&str>, u64)> = lines
        .iter()
        .map(|line| (line.error_code.as_deref(), line.usage.input_tokens))
        .collect();
    assert_eq!(
        spent,
        [
            (Some("upstream_error"), 0),
            (Some("upstream_error"), 5),
            (Some("upstream_timeout"), 5),
        ]
    );
}

/// Providers send many texts in several requests, and a later one may fail.
#[tokio::test]
async fn texts_that_an_upstream_took_are_paid_where_the_rest_failed() {
    let world = World::gateway(priced()).await;
    let (who, subject) = with_budget(&world, Money::from_usd(1.0)).await;
    let provider = &world.provider;
    for texts in [2, 0, 5] {
        provider.will_not_embed_after(texts, Error::new(&codes::UPSTREAM_ERROR, "reset"));
        let request = EmbedRequest {
            model: "fake/meaning".to_owned(),
            inputs: vec!["tide".repeat(100); 5],
            dimensions: None,
        };
        let embedded = world.services.chat.embed(&who, &context(), request).await;
        assert_eq!(embedded.unwrap_err().code(), &codes::UPSTREAM_ERROR);
    }
    let lines = world.usage(3).await;
    let mut tokens: Vec<u64> = lines.iter().map(|line| line.usage.input_tokens).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, [0, 200, 500]);
    assert!(lines.iter().all(|line| line.outcome == Outcome::Failed));
    let cost = Money::from_usd(700.0 * 10.0 / 1e6);
    assert_eq!(spent(&world, &who, subject).await, cost);
}

#[tokio::test]
async fn who_lost_a_hedge_is_paid_for_the_input() {
    let mut config = priced();
    let deployment = |model: &str| DeploymentConfig {
        model: model.to_owned(),
        weight: 1,
    };
    let hedged = ModelConfig {
        deployments: vec![deployment("fake/tiny"), deployment("fake/large")],
        hedge_after: Some(Duration::from_millis(20)),
        ..ModelConfig::default()
    };
    config.models = [("both".to_owned(), hedged)].into();
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    world.provider.will_say([Say::Wait(Gate::closed())]);
    world.provider.will_say(Say::end(5, 2));
    complete(&world, &who, ask("both", "hi")).await.unwrap();
    let lines = world.usage(2).await;
    assert_eq!(line_of(&lines, Outcome::Cancelled).usage.input_tokens, 5);
}

#[tokio::test]
async fn a_key_without_budget_pays_for_no_comparison() {
    let mut config = priced();
    config.cache.semantic = Some(0.999);
    config.cache.embedding_model = "fake/meaning".to_owned();
    let world = World::gateway(config).await;
    let cached = RequestContext {
        cache: CacheWish {
            mode: Some(CacheMode::On),
            max_age: None,
        },
        ..context()
    };
    let say = async |who: &Principal, text: &str| {
        let request = ask("fake/tiny", text);
        let chat = &world.services.chat;
        let done = chat.complete(who, &cached, request).await;
        done.map(drop).map_err(|error| error.code().name)
    };
    let (poor, _) = with_budget(&world, Money::ZERO).await;
    assert_eq!(say(&poor, "hi").await, Err("budget_exceeded"));
    assert!(world.provider.embedded().is_empty());

    let (rich, subject) = with_budget(&world, Money::from_usd(1.0)).await;
    assert_eq!(say(&rich, "hi").await, Ok(()));
    assert_eq!(world.provider.embedded(), ["hi"]);
    let lines = world.usage(2).await;
    let key = rich.key.as_ref().map(|key| key.id);
    assert!(lines.iter().all(|line| line.key == key), "{lines:?}");
    let cost = lines.iter().map(|line| line.cost.0).sum();
    assert_eq!(spent(&world, &rich, subject).await, Money(cost));
}

#[tokio::test]
async fn a_key_may_compare_by_a_model_that_is_none_of_its_own() {
    let mut config = GatewayConfig::default();
    config.cache.semantic = Some(0.999);
    config.cache.mode = CacheMode::On;
    config.cache.embedding_model = "fake/meaning".to_owned();
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    let wished = KeyWish {
        name: "ci".to_owned(),
        models: vec!["fake/tiny".to_owned()],
        allowance: Allowance {
            max_parallel: Some(1),
            requests_per_minute: Some(1),
            ..Allowance::default()
        },
        ..KeyWish::default()
    };
    let keys = &world.services.keys;
    let (_, token) = keys.create(&who, None, wished).await.unwrap();
    let caller = keys.authenticate(&token).unwrap();
    // The comparison takes no place of its own.
    complete(&world, &caller, ask("fake/tiny", "hi"))
        .await
        .unwrap();
    assert_eq!(world.provider.embedded(), ["hi"]);
}

#[tokio::test]
async fn callers_without_a_bound_of_their_own_do_not_overspend_together() {
    let mut config = priced();
    config.limits.reserved_output_tokens = 100;
    let world = World::gateway(config).await;
    // Of an input of five tokens, of which the upstream tells one, and a hundred of output.
    let reserved = Money::from_usd(105.0 * 10.0 / 1e6);
    let budget = Money(reserved.0 * 10);
    let (who, subject) = with_budget(&world, budget).await;
    for _ in 0..64 {
        world.provider.will_say([Say::Everything]);
    }
    let calls = (0..64).map(|_| complete(&world, &who, ask("fake/tiny", "hi")));
    let served = join_all(calls).await;
    assert!(served.iter().filter(|call| call.is_ok()).count() >= 10);
    let spent = spent(&world, &who, subject).await;
    assert!(spent <= budget, "{spent:?} of {budget:?}");
    // Whoever names a bound keeps it, and whom no budget holds has none.
    let named = world.provider.requests().len();
    let (rich, _) = with_budget(&world, Money::from_usd(1.0)).await;
    let mut request = ask("fake/tiny", "hi");
    request.sampling.max_tokens = Some(7);
    complete(&world, &rich, request).await.unwrap();
    let free = world.somebody(Role::Creator).await;
    complete(&world, &free, ask("fake/tiny", "hi"))
        .await
        .unwrap();
    let bounds: Vec<Option<u32>> = world.provider.requests()[named..]
        .iter()
        .map(|request| request.sampling.max_tokens)
        .collect();
    assert_eq!(bounds, [Some(7), None]);
}

fn ranking(documents: usize) -> RerankRequest {
    RerankRequest {
        model: "fake/rerank".to_owned(),
        query: "q".to_owned(),
        documents: vec!["d".to_owned(); documents],
        top_n: None,
    }
}

#[tokio::test]
async fn a_reranking_reserves_a_search_for_each_hundred_documents() {
    let world = World::gateway(priced()).await;
    // Two searches and all words, but no third.
    let (who, _) = with_budget(&world, Money::from_usd(0.025)).await;
    let chat = &world.services.chat;
    let ranked = async |documents| {
        let done = chat.rerank(&who, &context(), ranking(documents)).await;
        done.map(drop).map_err(|error| error.code().name)
    };
    assert_eq!(ranked(201).await, Err("budget_exceeded"));
    assert_eq!(world.provider.reranked().len(), 0);
    assert_eq!(ranked(200).await, Ok(()));
}

#[tokio::test]
async fn searches_that_no_call_can_take_are_cut() {
    let world = World::gateway(priced()).await;
    let who = world.somebody(Role::Creator).await;
    world.provider.will_bill_searches(u64::MAX);
    let chat = &world.services.chat;
    chat.rerank(&who, &context(), ranking(1)).await.unwrap();
    let cost = world.usage(1).await[0].cost;
    assert!(cost.0 < u64::MAX / 1_000, "{cost:?}");
}
