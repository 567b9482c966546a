//! Ratings count for the version that answered, once, and only one's own.

use futures::StreamExt;
use inkstone_domain::plugin::StatsSnapshot;
use inkstone_domain::principal::Role;
use inkstone_services::RequestContext;
use inkstone_services::plugins::Choice;
use inkstone_services::research::Inquiry;
use inkstone_testkit::Step;
use serde_json::json;

use crate::jobs::task;
use crate::world::{World, ask, job_when};

fn stats(world: &World, id: &str) -> StatsSnapshot {
    let snapshot = world.services.plugins.snapshot();
    let choice = Choice::stable();
    let plugin = match id {
        "provider-fake" => snapshot.provider(id, &choice).unwrap().plugin,
        "research-fake" => snapshot.research(id, &choice).unwrap().plugin,
        _ => snapshot.generator(id, &choice).unwrap().plugin,
    };
    plugin.stats.snapshot()
}

fn context(request_id: &str) -> RequestContext {
    RequestContext {
        request_id: request_id.to_owned(),
        ..RequestContext::default()
    }
}

#[tokio::test]
async fn an_answer_is_rated_once_by_who_asked() {
    let world = World::new().await;
    let (ada, eve) = (
        world.somebody(Role::Creator).await,
        world.somebody(Role::Creator).await,
    );
    let answer = world
        .services
        .chat
        .stream(&ada, &context("req-1"), ask("fast", "one two"))
        .await
        .unwrap();
    answer.chunks.count().await;
    let plugins = &world.services.plugins;
    for (who, request, rating, code) in [
        (&eve, "req-1", 5, "not_found"),
        (&ada, "req-2", 5, "not_found"),
        (&ada, "req-1", 0, "invalid_input"),
        (&ada, "req-1", 6, "invalid_input"),
    ] {
        let error = plugins.rate(who, request, rating).unwrap_err();
        assert_eq!(error.code().name, code);
    }
    let rated = plugins.rate(&ada, "req-1", 4).unwrap();
    assert_eq!(
        (rated.plugin.as_str(), rated.version.as_str()),
        ("provider-fake", "1.0.0")
    );
    let error = plugins.rate(&ada, "req-1", 1).unwrap_err();
    assert_eq!(error.code().name, "conflict");
    let stats = stats(&world, "provider-fake");
    assert_eq!((stats.ratings, stats.rating_sum), (1, 4));
    // Tokens are counted where the call is settled.
    assert_eq!((stats.input_tokens, stats.output_tokens), (2, 2));
}

#[tokio::test]
async fn a_rating_of_a_job_or_a_tool_is_for_the_plugin_that_was_asked() {
    let world = World::generating([Step::Section("one"), Step::Draft]).await;
    let ada = world.somebody(Role::Creator).await;
    world.services.start_workers(1);
    let job = world
        .services
        .jobs
        .submit(&ada, task("ink"), Default::default())
        .await
        .unwrap();
    job_when(&world.store, job.id, |job| job.status.is_final()).await;
    let request_id = job.id.to_string();
    let rated = world.services.plugins.rate(&ada, &request_id, 5).unwrap();
    assert_eq!(rated.plugin, "generator-fake");
    assert_eq!(stats(&world, "generator-fake").ratings, 1);

    let research = &world.services.research;
    let inquiry = Inquiry {
        plugin: "research-fake",
        tool: "echo",
        input: json!({}),
        keep_in: None,
    };
    let found = research.call(&ada, &context("req-9"), inquiry).await;
    let found = found.unwrap().answered;
    assert_eq!(found.plugin.manifest.id, "research-fake");
    let rated = world.services.plugins.rate(&ada, "req-9", 2).unwrap();
    assert_eq!(rated.plugin, "research-fake");
}
