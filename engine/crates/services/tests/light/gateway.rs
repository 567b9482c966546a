//! Faults of providers: tries, stand-ins, rests, hedges, and answers that others go on with.

use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::chat::{Chunk, Image, ImageSource, Message, Part, Role as Speaker};
use inkstone_domain::principal::{Principal, Role};
use inkstone_domain::usage::Outcome;
use inkstone_domain::{Error, codes};
use inkstone_services::chat::ChatStream;
use inkstone_services::gateway::{DeploymentConfig, GatewayConfig, ModelConfig};
use inkstone_testkit::{Gate, Say};

use crate::world::{World, ask, context};

fn failing(code: &'static codes::Code) -> Vec<Say> {
    vec![Say::Fail(Error::new(code, "no"))]
}

fn saying(text: &str) -> Vec<Say> {
    [Say::text(text)]
        .into_iter()
        .chain(Say::end(3, 2))
        .collect()
}

/// Waits of milliseconds, so that tests need no other clock.
fn quick(mut config: GatewayConfig) -> GatewayConfig {
    config.reliability.retry_min = Duration::from_millis(1);
    config.reliability.retry_max = Duration::from_millis(50);
    config.reliability.cooldown = Duration::from_millis(30);
    config
}

/// The name `both`: `fake/tiny`, and `fake/large` stands in.
fn with_stand_in() -> GatewayConfig {
    let both = ModelConfig {
        deployments: vec![deployment("fake/tiny")],
        fallbacks: vec!["fake/large".to_owned()],
        ..ModelConfig::default()
    };
    GatewayConfig {
        models: [("both".to_owned(), both)].into(),
        ..GatewayConfig::default()
    }
}

fn deployment(model: &str) -> DeploymentConfig {
    DeploymentConfig {
        model: model.to_owned(),
        weight: 1,
    }
}

async fn asked(world: &World, who: &Principal, model: &str) -> Result<ChatStream, Error> {
    let request = ask(model, "hi");
    world.services.chat.stream(who, &context(), request).await
}

async fn text_of(answer: ChatStream) -> String {
    let chunks: Vec<Chunk> = answer.chunks.map(Result::unwrap).collect().await;
    let texts = chunks.into_iter().filter_map(|chunk| match chunk {
        Chunk::Text(text) => Some(text),
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn a_fault_that_may_pass_is_tried_again_and_every_attempt_is_in_the_ledger() {
    let world = World::gateway(quick(GatewayConfig::default())).await;
    let who = world.somebody(Role::Creator).await;
    world
        .provider
        .will_say(failing(&codes::UPSTREAM_UNREACHABLE));
    world.provider.will_say(failing(&codes::UPSTREAM_ERROR));
    world.provider.will_say(saying("at last"));
    let answer = asked(&world, &who, "fake/tiny").await.unwrap();
    assert_eq!(answer.facts.attempts, 3);
    assert_eq!(text_of(answer).await, "at last");
    let lines = world.usage(3).await;
    let seen: Vec<(u32, Outcome, Option<&str>)> = lines
        .iter()
        .map(|line| (line.attempt, line.outcome, line.error_code.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, Outcome::Failed, Some("upstream_unreachable")),
            (2, Outcome::Failed, Some("upstream_error")),
            (3, Outcome::Succeeded, None),
        ]
    );
}

#[tokio::test]
async fn a_wait_that_the_upstream_asks_for_is_kept_and_one_too_long_is_not_made() {
    let world = World::gateway(quick(GatewayConfig::default())).await;
    let who = world.somebody(Role::Creator).await;
    let busy = |ms| {
        let error = Error::new(&codes::UPSTREAM_RATE_LIMITED, "later");
        vec![Say::Fail(
            error.with_retry_after(Some(Duration::from_millis(ms))),
        )]
    };
    world.provider.will_say(busy(40));
    world.provider.will_say(saying("yes"));
    let began = tokio::time::Instant::now();
    let answer = asked(&world, &who, "fake/tiny").await.unwrap();
    assert_eq!(text_of(answer).await, "yes");
    assert!(began.elapsed() >= Duration::from_millis(40));

    world.provider.will_say(busy(60_000));
    let error = asked(&world, &who, "fake/large")
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(error.code().name, "upstream_rate_limited");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_told_at_once() {
    let world = World::gateway(with_stand_in()).await;
    let who = world.somebody(Role::Creator).await;
    world.provider.will_say(failing(&codes::UNSUPPORTED));
    let error = asked(&world, &who, "both").await.map(drop).unwrap_err();
    assert_eq!(error.code().name, "unsupported");
    assert_eq!(world.provider.requests().len(), 1);
}

#[tokio::test]
async fn who_stands_in_answers_where_the_first_does_not() {
    let world = World::gateway(with_stand_in()).await;
    let who = world.somebody(Role::Creator).await;
    // A refused credential is not tried again.
    world
        .provider
        .will_say(failing(&codes::UPSTREAM_UNAUTHORIZED));
    world.provider.will_say(saying("large here"));
    let answer = asked(&world, &who, "both").await.unwrap();
    assert_eq!(
        (answer.model.as_str(), answer.facts.attempts),
        ("fake/large", 2)
    );
    assert_eq!(text_of(answer).await, "large here");
}

#[tokio::test]
async fn a_fault_may_have_stand_ins_of_its_own() {
    let mut config = with_stand_in();
    let both = config.models.get_mut("both").unwrap();
    both.fallbacks = Vec::new();
    let longer = vec!["fake/large".to_owned()];
    both.fallbacks_on = [("context_too_long".to_owned(), longer)].into();
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    world.provider.will_say(failing(&codes::CONTEXT_TOO_LONG));
    world.provider.will_say(saying("it fits"));
    let answer = asked(&world, &who, "both").await.unwrap();
    assert_eq!(answer.model, "fake/large");
}

#[tokio::test]
async fn a_deployment_rests_after_faults_and_is_tried_once_after_its_rest() {
    let mut config = quick(GatewayConfig::default());
    config.reliability.retries = 0;
    config.reliability.cooldown_failures = 2;
    config.reliability.cooldown = Duration::from_millis(300);
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    for _ in 0..2 {
        world.provider.will_say(failing(&codes::UPSTREAM_ERROR));
        assert!(asked(&world, &who, "fake/tiny").await.is_err());
    }
    let error = asked(&world, &who, "fake/tiny")
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(error.code().name, "model_unavailable");
    let wait = error.retry_after().unwrap();
    assert!(wait <= Duration::from_millis(300), "{wait:?}");
    assert_eq!(world.provider.requests().len(), 2, "nobody was asked");
    tokio::time::sleep(wait).await;
    world.provider.will_say(saying("back"));
    let answer = asked(&world, &who, "fake/tiny").await.unwrap();
    assert_eq!(text_of(answer).await, "back");
}

#[tokio::test]
async fn another_model_goes_on_with_an_answer_that_broke_off() {
    let world = World::gateway(with_stand_in()).await;
    let who = world.somebody(Role::Creator).await;
    world.provider.will_say([
        Say::text("The answer is for"),
        Say::Fail(Error::new(&codes::UPSTREAM_ERROR, "reset")),
    ]);
    world.provider.will_say(saying("ty-two."));
    let answer = asked(&world, &who, "both").await.unwrap();
    let chunks: Vec<Chunk> = answer.chunks.map(Result::unwrap).collect().await;
    assert_eq!(chunks[0], Chunk::Text("The answer is for".to_owned()));
    assert_eq!(chunks[1], Chunk::Rerouted("fake/large".to_owned()));
    assert_eq!(chunks[2], Chunk::Text("ty-two.".to_owned()));
    let Some(Chunk::Usage(usage)) = chunks.last() else {
        panic!("{chunks:?}");
    };
    // Both attempts: what the first had said is estimated, since nobody told.
    let lines = world.usage(2).await;
    let both = lines[0].usage.output_tokens + lines[1].usage.output_tokens;
    assert_eq!(usage.output_tokens, both);
    assert!(lines[0].usage.output_tokens > 0);
    let second = &world.provider.requests()[1];
    assert_eq!(
        second.messages[1],
        Message::text(Speaker::Assistant, "The answer is for")
    );
    assert!(
        matches!(&second.messages[2].parts[..], [Part::Text(text)] if text.contains("cut off"))
    );
}

#[tokio::test]
async fn silence_ends_an_attempt() {
    let mut config = GatewayConfig::default();
    config.reliability.retries = 0;
    config.reliability.first_token = Some(Duration::from_millis(30));
    config.reliability.between_tokens = Some(Duration::from_millis(20));
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    world.provider.will_say([Say::Wait(Gate::closed())]);
    let error = asked(&world, &who, "fake/tiny")
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(error.code().name, "upstream_timeout");
    world
        .provider
        .will_say([Say::text("so"), Say::Wait(Gate::closed())]);
    let mut answer = asked(&world, &who, "fake/tiny").await.unwrap();
    assert!(answer.chunks.next().await.unwrap().is_ok());
    let error = answer.chunks.next().await.unwrap().unwrap_err();
    assert_eq!(error.code().name, "upstream_timeout");
}

#[tokio::test]
async fn a_second_deployment_is_asked_where_the_first_is_silent() {
    let hedged = ModelConfig {
        deployments: vec![deployment("fake/tiny"), deployment("fake/large")],
        hedge_after: Some(Duration::from_millis(50)),
        ..ModelConfig::default()
    };
    let config = GatewayConfig {
        models: [("both".to_owned(), hedged)].into(),
        ..GatewayConfig::default()
    };
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    world.provider.will_say([Say::Wait(Gate::closed())]);
    world.provider.will_say(saying("me first"));
    let answer = asked(&world, &who, "both").await.unwrap();
    assert_eq!(answer.facts.attempts, 2);
    assert_eq!(text_of(answer).await, "me first");
    let lines = world.usage(2).await;
    let outcomes: Vec<Outcome> = lines.iter().map(|line| line.outcome).collect();
    assert!(outcomes.contains(&Outcome::Cancelled) && outcomes.contains(&Outcome::Succeeded));
}

#[tokio::test]
async fn repetitions_have_a_budget() {
    let mut config = GatewayConfig::default();
    config.reliability.retries = 20;
    config.reliability.retry_min = Duration::from_millis(1);
    config.reliability.retry_max = Duration::from_millis(2);
    config.reliability.cooldown_failures = 1_000_000;
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    for _ in 0..40 {
        for _ in 0..21 {
            world.provider.will_say(failing(&codes::UPSTREAM_ERROR));
        }
    }
    for _ in 0..40 {
        assert!(asked(&world, &who, "fake/tiny").await.is_err());
    }
    // Forty calls with twenty tries each would be 840; the budget is ten a second over ten seconds and a fifth.
    let made = world.provider.requests().len();
    assert!((40..=200).contains(&made), "{made}");
}

#[tokio::test]
async fn images_by_address_are_fetched_by_the_engine() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let png = b"\x89PNG\r\n\x1a\nrest".to_vec();
    world
        .egress
        .will_answer("https://example.org/a", 200, png.clone());
    world
        .egress
        .will_answer("https://example.org/b", 200, "<html>");
    world.egress.will_answer("https://example.org/c", 404, "");
    let ask_with = async |url: &str| {
        let mut request = ask("fake/tiny", "what is this?");
        request.messages[0].parts.push(Part::Image(Image {
            media_type: String::new(),
            source: ImageSource::Url(url.to_owned()),
        }));
        let done = world
            .services
            .chat
            .complete(&who, &context(), request)
            .await;
        done.map(drop).map_err(|error| error.code().name)
    };
    assert_eq!(ask_with("https://example.org/a").await, Ok(()));
    let seen = world.provider.requests();
    let expected = Image {
        media_type: "image/png".to_owned(),
        source: ImageSource::Bytes(png.into()),
    };
    assert_eq!(seen[0].messages[0].parts[1], Part::Image(expected));
    assert_eq!(
        ask_with("https://example.org/b").await,
        Err("invalid_input")
    );
    assert_eq!(
        ask_with("https://example.org/c").await,
        Err("invalid_input")
    );
    assert_eq!(
        ask_with("https://example.org/d").await,
        Err("upstream_unreachable")
    );
}

fn both_of(config: ModelConfig) -> GatewayConfig {
    let both = ModelConfig {
        deployments: vec![deployment("fake/tiny"), deployment("fake/large")],
        ..config
    };
    quick(GatewayConfig {
        models: [("both".to_owned(), both)].into(),
        ..GatewayConfig::default()
    })
}

#[tokio::test]
async fn a_fault_that_does_not_pass_is_met_by_another_deployment() {
    for hedge_after in [None, Some(Duration::from_secs(60))] {
        let world = World::gateway(both_of(ModelConfig {
            hedge_after,
            ..ModelConfig::default()
        }))
        .await;
        let who = world.somebody(Role::Creator).await;
        for code in [&codes::UPSTREAM_UNAUTHORIZED, &codes::UPSTREAM_ERROR] {
            world.provider.will_say(failing(code));
            world.provider.will_say(saying("here"));
            let before = world.provider.requests().len();
            let answer = asked(&world, &who, "both").await.unwrap();
            assert_eq!(text_of(answer).await, "here");
            let asked: Vec<String> = world.provider.requests()[before..]
                .iter()
                .map(|request| request.model.clone())
                .collect();
            assert_eq!(asked.len(), 2);
            assert_ne!(asked[0], asked[1], "{hedge_after:?} {}", code.name);
        }
    }
}

#[tokio::test]
async fn who_stands_in_answers_where_the_first_is_not_there_at_all() {
    let mut config = with_stand_in();
    let both = config.models.get_mut("both").unwrap();
    both.deployments = vec![deployment("gone/model")];
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    let answer = asked(&world, &who, "both").await.unwrap();
    assert_eq!(answer.model, "fake/large");
    let error = asked(&world, &who, "gone/model")
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(error.code().name, "unknown_model");
}

#[tokio::test]
async fn callers_that_come_together_wait_for_a_short_rest() {
    let world = World::gateway(quick(GatewayConfig::default())).await;
    let who = world.somebody(Role::Creator).await;
    let busy = Error::new(&codes::UPSTREAM_RATE_LIMITED, "later");
    let busy = busy.with_retry_after(Some(Duration::from_millis(20)));
    world.provider.will_say([Say::Fail(busy)]);
    let calls = (0..4).map(|_| asked(&world, &who, "fake/tiny"));
    for answer in futures::future::join_all(calls).await {
        assert!(answer.is_ok());
    }
}
