//! The gateway: first chunk, order, and usage on every ending.

use futures::StreamExt;
use inkstone_domain::chat::{Chunk, EmbedRequest, FinishReason, Usage};
use inkstone_domain::ids::JobId;
use inkstone_domain::money::{Money, Price};
use inkstone_domain::principal::Role;
use inkstone_domain::usage::Outcome;
use inkstone_domain::{Error, codes};
use inkstone_services::RequestContext;
use inkstone_services::gateway::GatewayConfig;
use inkstone_testkit::{Gate, Say};

use crate::world::{World, ask, context};

fn spent(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage {
        input_tokens,
        output_tokens,
        ..Usage::default()
    }
}

#[tokio::test]
async fn an_answer_streams_ends_once_and_is_in_the_ledger() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let job = JobId::new();
    // Usage and finish early and twice: users see each once, last.
    world.provider.will_say(
        [Say::text("Hel")]
            .into_iter()
            .chain(Say::end(1, 1))
            .chain([Say::text("lo")])
            .chain(Say::end(3, 2)),
    );
    let context = RequestContext {
        request_id: "req-7".to_owned(),
        job: Some(job),
        ..RequestContext::default()
    };
    let answer = world
        .services
        .chat
        .stream(&who, &context, ask("fast", "hi"))
        .await
        .unwrap();
    assert_eq!(
        (answer.model.as_str(), answer.plugin.as_str()),
        ("fake/tiny", "provider-fake")
    );
    assert_eq!(answer.plugin_digest, "digest-of-provider-fake-1.0.0");
    let chunks: Vec<Chunk> = answer.chunks.map(Result::unwrap).collect().await;
    assert_eq!(
        chunks,
        [
            Chunk::Text("Hel".to_owned()),
            Chunk::Text("lo".to_owned()),
            Chunk::Finish(FinishReason::Stop),
            Chunk::Usage(spent(3, 2)),
        ]
    );
    let ledger = world.usage(1).await;
    let line = &ledger[0];
    assert_eq!(
        (line.user, line.job, line.outcome),
        (who.user, Some(job), Outcome::Succeeded)
    );
    assert_eq!(
        (line.model.as_str(), line.usage),
        ("fake/tiny", spent(3, 2))
    );
    assert!(line.first_chunk_ms.is_some());
    assert_eq!(world.provider.requests()[0].model, "tiny");
    assert_eq!(world.provider.request_ids(), ["req-7"]);
}

#[tokio::test]
async fn an_error_before_the_first_chunk_is_the_callers() {
    let mut config = GatewayConfig::default();
    config.reliability.retries = 0;
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    let down = Error::new(&codes::UPSTREAM_UNREACHABLE, "nobody answers");
    world.provider.will_say([Say::Fail(down)]);
    let error = world
        .services
        .chat
        .stream(&who, &context(), ask("", "hi"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.code().name, "upstream_unreachable");
    world.provider.will_say([]);
    let error = world
        .services
        .chat
        .stream(&who, &context(), ask("", "hi"))
        .await
        .err()
        .unwrap();
    assert_eq!(error.code().name, "upstream_error");
    let ledger = world.usage(2).await;
    assert!(ledger.iter().all(|line| line.outcome == Outcome::Failed));
    assert_eq!(ledger[0].first_chunk_ms, None);
}

#[tokio::test]
async fn an_error_halfway_ends_the_stream_and_counts_what_was_spent() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let broken = Error::new(&codes::UPSTREAM_ERROR, "it broke");
    let [_, usage] = Say::end(5, 1);
    world
        .provider
        .will_say([Say::text("a"), usage, Say::Fail(broken), Say::text("never")]);
    let answer = world
        .services
        .chat
        .stream(&who, &context(), ask("", "hi"))
        .await
        .unwrap();
    let chunks: Vec<_> = answer.chunks.collect().await;
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[1].as_ref().unwrap_err().message(), "it broke");
    let ledger = world.usage(1).await;
    assert_eq!(
        (ledger[0].outcome, ledger[0].usage),
        (Outcome::Failed, spent(5, 1))
    );
}

#[tokio::test]
async fn who_leaves_is_counted_as_cancelled() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    world
        .provider
        .will_say([Say::text("a"), Say::Wait(Gate::closed())]);
    let mut answer = world
        .services
        .chat
        .stream(&who, &context(), ask("", "hi"))
        .await
        .unwrap();
    assert_eq!(
        answer.chunks.next().await.unwrap().unwrap(),
        Chunk::Text("a".to_owned())
    );
    drop(answer);

    // Also before the first chunk.
    let gate = Gate::closed();
    world.provider.will_say([Say::Wait(gate.clone())]);
    let chat = world.services.chat.clone();
    let waiting = tokio::spawn({
        let who = who.clone();
        async move { chat.complete(&who, &context(), ask("", "hi")).await }
    });
    gate.reached().await;
    waiting.abort();
    let ledger = world.usage(2).await;
    assert!(ledger.iter().all(|line| line.outcome == Outcome::Cancelled));
}

#[tokio::test]
async fn without_figures_and_finish_the_answer_still_ends_well() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    world.provider.will_say([Say::text("a")]);
    let reply = world
        .services
        .chat
        .complete(&who, &context(), ask("", "hi"))
        .await
        .unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.finish),
        ("a", Some(FinishReason::Stop))
    );
    // What nobody tells is estimated, by the length of the words.
    assert_eq!(reply.usage, spent(5, 1));
    assert_eq!(world.usage(1).await[0].usage, spent(5, 1));
}

#[tokio::test]
async fn embeddings_are_counted_too() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let request = |model: &str, inputs: &[&str]| EmbedRequest {
        model: model.to_owned(),
        inputs: inputs.iter().map(|text| (*text).to_owned()).collect(),
        dimensions: None,
    };
    let chat = &world.services.chat;
    let embedded = chat
        .embed(&who, &context(), request("fake/embed", &["a", "b c"]))
        .await
        .unwrap();
    assert_eq!(
        (embedded.model.as_str(), embedded.reply.vectors.len()),
        ("fake/embed", 2)
    );
    let error = chat
        .embed(&who, &context(), request("fake/embed", &[]))
        .await
        .unwrap_err();
    assert_eq!(error.code().name, "invalid_input");
    assert!(
        chat.embed(&who, &context(), request("fake/tiny", &["a"]))
            .await
            .is_err()
    );
    let ledger = world.usage(2).await;
    assert_eq!(
        (ledger[0].usage, ledger[0].outcome),
        (spent(3, 0), Outcome::Succeeded)
    );
    assert_eq!(ledger[1].outcome, Outcome::Failed);
}

/// The fake counts words, and there are none: many services tell no tokens of embeddings at all.
#[tokio::test]
async fn embeddings_that_nobody_counts_are_estimated() {
    let price = Price {
        input: 10.0,
        ..Price::default()
    };
    let world = World::gateway(GatewayConfig {
        prices: [("fake/embed".to_owned(), price)].into(),
        ..GatewayConfig::default()
    })
    .await;
    let who = world.somebody(Role::Creator).await;
    let request = EmbedRequest {
        model: "fake/embed".to_owned(),
        inputs: vec![" ".repeat(400), " ".repeat(200)],
        dimensions: None,
    };
    let chat = &world.services.chat;
    let embedded = chat.embed(&who, &context(), request).await.unwrap();
    assert_eq!(embedded.reply.usage, spent(150, 0));
    let ledger = world.usage(1).await;
    assert_eq!(ledger[0].usage, spent(150, 0));
    assert_eq!(ledger[0].cost, Money::from_usd(0.0015));
}

/// Some servers send the field, and nothing in it.
#[tokio::test]
async fn an_answer_of_no_tokens_at_all_is_estimated() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    world
        .provider
        .will_say([Say::text("four")].into_iter().chain(Say::end(0, 0)));
    let chat = &world.services.chat;
    let reply = chat
        .complete(&who, &context(), ask("", "hi"))
        .await
        .unwrap();
    assert_eq!(reply.usage, spent(5, 1));
    assert_eq!(world.usage(1).await[0].usage, spent(5, 1));
}

#[tokio::test]
async fn what_cannot_be_asked_costs_nothing() {
    let world = World::new().await;
    let viewer = world.somebody(Role::Viewer).await;
    let creator = world.somebody(Role::Creator).await;
    let chat = &world.services.chat;
    let mut silent = ask("", "hi");
    silent.messages.clear();
    for (who, request, code) in [
        (&viewer, ask("", "hi"), "forbidden"),
        (&creator, ask("nowhere/model", "hi"), "unknown_model"),
        (&creator, silent, "invalid_input"),
    ] {
        let error = chat.complete(who, &context(), request).await.unwrap_err();
        assert_eq!(error.code().name, code);
    }
    assert!(world.services.shutdown(crate::world::PATIENCE).await);
    assert_eq!(world.usage(0).await, []);
}

#[tokio::test]
async fn a_shutdown_waits_for_answers_and_writes_the_ledger() {
    let world = World::new().await;
    let who = world.somebody(Role::Creator).await;
    let gate = Gate::closed();
    world.provider.will_say(
        [Say::text("a"), Say::Wait(gate.clone())]
            .into_iter()
            .chain(Say::end(1, 1)),
    );
    let answer = world
        .services
        .chat
        .stream(&who, &context(), ask("", "hi"))
        .await
        .unwrap();
    let reading = tokio::spawn(answer.chunks.collect::<Vec<_>>());
    gate.reached().await;
    let services = world.services.clone();
    let shutdown = tokio::spawn(async move { services.shutdown(crate::world::PATIENCE).await });
    while world.services.health.readiness().await.ready {
        tokio::task::yield_now().await;
    }
    assert!(!shutdown.is_finished());
    gate.open();
    assert!(shutdown.await.unwrap());
    assert_eq!(reading.await.unwrap().len(), 3);
    assert_eq!(world.usage(1).await[0].outcome, Outcome::Succeeded);
}
