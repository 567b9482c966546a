//! Names of models, and their lists.

use std::time::Duration;

use inkstone_domain::money::Price;
use inkstone_domain::principal::Role;
use inkstone_domain::{Error, codes};
use inkstone_services::gateway::GatewayConfig;
use inkstone_services::plugins::Choice;
use inkstone_testkit::plugin_spec;

use crate::world::{World, ask, context};

#[tokio::test]
async fn names_aliases_and_the_default_find_their_provider() {
    let world = World::new().await;
    for (asked, model, name) in [
        ("", "tiny", "fake/tiny"),
        ("fast", "tiny", "fake/tiny"),
        ("fake/large", "large", "fake/large"),
        ("provider-fake/large", "large", "fake/large"),
        (
            "fake/some/deep/name",
            "some/deep/name",
            "fake/some/deep/name",
        ),
    ] {
        let route = world
            .services
            .models
            .resolve(asked, &Choice::stable())
            .unwrap();
        assert_eq!(
            (route.model.as_str(), route.name.as_str()),
            (model, name),
            "{asked}"
        );
    }
    assert_eq!(
        world.provider.listings(),
        0,
        "no list is asked for on the way"
    );
}

#[tokio::test]
async fn unknown_models_say_what_would_help() {
    let world = World::new().await;
    let models = &world.services.models;
    models.list().await;
    for (asked, helps) in [
        ("tiny", "did you mean `fake/tiny`?"),
        ("fats", "did you mean `fast`?"),
        ("fake/", "names a provider, but no model"),
        ("openai/gpt", "these do: fake"),
        ("zzz", "GET /v1/models"),
    ] {
        let error = models.resolve(asked, &Choice::stable()).err().unwrap();
        assert_eq!(error.code().name, "unknown_model", "{asked}");
        assert!(error.message().contains(helps), "{asked}: {error}");
    }
}

/// Prices and limits go by the name: under another spelling the same model would be free.
#[tokio::test]
async fn another_spelling_of_a_priced_model_is_unknown() {
    let config = GatewayConfig {
        prices: [("fake/tiny".to_owned(), Price::default())].into(),
        ..GatewayConfig::default()
    };
    let world = World::gateway(config).await;
    let who = world.somebody(Role::Creator).await;
    let call = async |model: &str| {
        let request = ask(model, "hi");
        world
            .services
            .chat
            .complete(&who, &context(), request)
            .await
    };
    for asked in [
        "fake/Tiny",
        "fake/models/tiny",
        "fake/tiny:latest",
        "fake/tiny/",
        "provider-fake/TINY",
    ] {
        let error = call(asked).await.unwrap_err();
        assert_eq!(error.code().name, "unknown_model", "{asked}");
        assert!(error.message().contains("`fake/tiny`"), "{asked}: {error}");
    }
    for asked in ["fake/ tiny", "fake/ti\u{0}ny"] {
        let error = call(asked).await.unwrap_err();
        assert_eq!(error.code().name, "unknown_model", "{asked}");
    }
    assert!(world.provider.requests().is_empty());
    call(" fake/tiny ").await.unwrap();
}

#[tokio::test]
async fn lists_are_kept_for_a_while_and_failures_are_left_out() {
    let world = World::new().await;
    let models = &world.services.models;
    let names = || async {
        let listed = models.list().await;
        listed
            .into_iter()
            .map(|model| model.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["fake/embed", "fake/large", "fake/tiny"]);
    world
        .provider
        .will_list(Some(Error::new(&codes::UPSTREAM_UNREACHABLE, "down")));
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(names().await.len(), 3);
    assert_eq!(world.provider.listings(), 1);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(names().await, Vec::<String>::new());
    world.provider.will_list(None);
    assert_eq!(names().await.len(), 3, "a failure is not kept");
}

#[tokio::test]
async fn a_reload_forgets_the_list() {
    let world = World::new().await;
    world.services.models.list().await;
    let mut spec = plugin_spec("provider-fake");
    spec.settings = serde_json::json!({ "base_url": "elsewhere" });
    let provider = inkstone_domain::plugin::PluginBody::Provider(world.provider.clone());
    world.loader.put(inkstone_testkit::loaded_plugin(
        "provider-fake",
        "1.0.0",
        provider,
    ));
    world.services.plugins.apply(vec![spec]).await;
    world.services.models.list().await;
    assert_eq!(world.provider.listings(), 2);
}
