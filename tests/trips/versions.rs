//! Old versions of the contract keep working: guests of 0.1.0 and of 0.2.0 in one host, side by side
//! and refused alike, because the checks stand behind both and in neither.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use inkstone_domain::chat::{Chunk, FinishReason, Request};
use inkstone_domain::plugin::{LoadedPlugin, PluginBody, PluginSpec};
use inkstone_domain::ports::{GuestCall, PluginLoader};
use inkstone_domain::report::Block;
use inkstone_domain::search::DocumentQuery;
use inkstone_domain::{Error, Result, codes};
use serde_json::{Value, json};

use crate::engine::Setup;
use crate::hostile::surroundings::{
    KnowsNoModel, OnePassage, Surroundings, call_with, guest, harm, spec,
};

/// Each kind on 0.1.0 and on 0.2.0.
const ANALYTICS: [&str; 2] = ["analytics-hostile", "analytics-latest"];
const PROVIDERS: [&str; 2] = ["provider-probe", "provider-latest"];

async fn run(plugin: &LoadedPlugin, word: &str) -> Result<Vec<Block>> {
    let PluginBody::Analytics(analytics) = &plugin.body else {
        panic!("{plugin:?} is no analytics plugin");
    };
    let call = call_with(KnowsNoModel);
    analytics.run(&call, "harm", harm(word)).await
}

async fn complete(plugin: &LoadedPlugin, model: &str) -> Result<Vec<Chunk>> {
    let PluginBody::Provider(provider) = &plugin.body else {
        panic!("{plugin:?} is no provider");
    };
    let request = Request {
        model: model.to_owned(),
        ..Request::default()
    };
    let chunks = provider.complete(&GuestCall::default(), request).await?;
    chunks.try_collect().await
}

fn number(blocks: &[Block]) -> f64 {
    match blocks {
        [Block::Metric(metric)] => metric.value,
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> Chunk {
    Chunk::Text(text.to_owned())
}

async fn load(
    around: &Surroundings,
    ids: [&str; 2],
    granted: bool,
) -> Vec<(String, Arc<LoadedPlugin>)> {
    let mut loaded = Vec::new();
    for (id, api) in ids.into_iter().zip(["0.1.0", "0.2.0"]) {
        let mut spec = spec(id);
        if !granted {
            spec.grants = Default::default();
        }
        let plugin = around.load(&spec).await;
        assert_eq!(plugin.manifest.api, api, "{id}");
        loaded.push((id.to_owned(), plugin));
    }
    loaded
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_answer_at_the_same_time() {
    let around = Surroundings::new();
    let analytics = load(&around, ANALYTICS, true).await;
    let providers = load(&around, PROVIDERS, true).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        for (id, plugin) in analytics.clone() {
            calls.spawn(async move {
                assert_eq!(number(&run(&plugin, "ok").await.unwrap()), 1.0, "{id}");
                assert_eq!(number(&run(&plugin, "keep").await.unwrap()), 5.0, "{id}");
            });
        }
        for (id, plugin) in providers.clone() {
            calls.spawn(async move {
                let counted = complete(&plugin, "count").await.unwrap();
                assert_eq!(counted[..3], [text("1"), text("2"), text("3")], "{id}");
                assert!(matches!(counted[3], Chunk::Usage(usage) if usage.output_tokens == 3));
                assert_eq!(counted[4..], [Chunk::Finish(FinishReason::Stop)], "{id}");
                // A resource of the host, under both names of its interface.
                let local = complete(&plugin, "local").await.unwrap();
                assert_eq!(local[..3], [text("a"), text("b"), text("c")], "{id}");
            });
        }
    }
    while let Some(ended) = calls.join_next().await {
        ended.unwrap();
    }
    for (id, plugin) in &providers {
        let body = futures::stream::iter([Ok("one".into()), Ok("two".into())]);
        around.egress.answer(Ok(body.boxed()));
        let read = complete(plugin, "http").await.unwrap();
        assert_eq!(read, [text("one"), text("two")], "{id}");
    }
    around.host.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_are_refused_alike() {
    let around = Surroundings::new();
    for (word, grant) in [
        ("ask-ai", "`ai = true`"),
        ("search", "`search = true`"),
        ("keep", "`kv_quota_bytes"),
    ] {
        for (id, plugin) in load(&around, ANALYTICS, false).await {
            let error = run(&plugin, word).await.expect_err(word);
            assert_eq!(error.code().name, "power_denied", "{id} {word}: {error:?}");
            assert!(error.message().contains(grant), "{id} {word}: {error}");
        }
    }
    for (model, code) in [("http", "egress_denied"), ("local", "power_denied")] {
        for (id, plugin) in load(&around, PROVIDERS, false).await {
            let error = complete(&plugin, model).await.expect_err(model);
            assert_eq!(error.code().name, code, "{id} {model}: {error:?}");
        }
    }
    // What is granted has the same bounds, and an import's error goes through both as it is.
    for (id, plugin) in load(&around, ANALYTICS, true).await {
        for (word, code) in [
            ("keep-too-much", "quota_exceeded"),
            ("ask-ai", "unknown_model"),
            ("search", "power_denied"),
        ] {
            let error = run(&plugin, word).await.expect_err(word);
            assert_eq!(error.code().name, code, "{id} {word}: {error:?}");
        }
    }
    for (id, plugin) in load(&around, PROVIDERS, true).await {
        let denied = Error::new(&codes::EGRESS_DENIED, "no way there")
            .with_upstream_code(Some("proxy_says_no".to_owned()));
        around.egress.answer(Err(denied));
        let error = complete(&plugin, "http").await.expect_err("http");
        assert_eq!(error.code().name, "egress_denied", "{id}: {error:?}");
        // 0.1.0 has no word for it, and still it is not lost.
        assert_eq!(error.upstream_code(), Some("proxy_says_no"), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_found_by_both_and_passages_by_the_new_one() {
    let around = Surroundings::new();
    let asked = Arc::new(OnePassage::default());
    let run = async |plugin: &LoadedPlugin, word: &str| {
        let PluginBody::Analytics(analytics) = &plugin.body else {
            panic!("{plugin:?} is no analytics plugin");
        };
        let call = GuestCall {
            search: Some(asked.clone()),
            ..call_with(KnowsNoModel)
        };
        analytics.run(&call, "harm", harm(word)).await
    };
    let plugins = load(&around, ANALYTICS, true).await;
    for (id, plugin) in &plugins {
        assert_eq!(number(&run(plugin, "search").await.unwrap()), 0.0, "{id}");
    }
    let told = number(&run(&plugins[1].1, "passages").await.unwrap());
    assert_eq!(told, 18.0, "its length by its place, and by its words");
    let error = run(&plugins[0].1, "passages").await.unwrap_err();
    assert_eq!(error.code().name, "unsupported", "{error:?}");
    let old = DocumentQuery {
        text: "anything".to_owned(),
        limit: 100,
        ..DocumentQuery::default()
    };
    let new = DocumentQuery {
        project: Some("handbook".to_owned()),
        tags: vec!["sea".to_owned()],
        locale: Some("en".to_owned()),
        ratio: Some(0.25),
        ..old.clone()
    };
    let passages = DocumentQuery {
        limit: 50,
        ..new.clone()
    };
    assert_eq!(*asked.0.lock().unwrap(), [old, new, passages]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_new_version_can_tell_the_upstreams_code() {
    let around = Surroundings::new();
    let providers = load(&around, PROVIDERS, true).await;
    for ((_, plugin), told) in providers.iter().zip([None, Some("insufficient_quota")]) {
        let error = complete(plugin, "limited").await.expect_err("limited");
        assert_eq!(error.code().name, "upstream_rate_limited");
        assert_eq!(error.retry_after().unwrap().as_millis(), 1500);
        assert_eq!(error.upstream_code(), told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_not_spoken_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("provider-latest.wasm");
    std::fs::write(&path, stamped(&guest("provider-latest"), "0.3.0")).unwrap();
    let around = Surroundings::new();
    let spec = PluginSpec::new("provider-latest", path);
    let error = around.host.prepare(&spec).await.unwrap_err();
    assert_eq!(error.code().name, "plugin_rejected");
    for words in [
        "provider-latest.wasm: ",
        "built for version 0.3.0 of the plugin contract",
        "speaks 0.1.0 and 0.2.0",
        "take an engine that speaks 0.3.0, or build the plugin again",
    ] {
        assert!(error.message().contains(words), "{error}");
    }
}

/// The component with another version in the section that the SDK writes.
fn stamped(component: &std::path::Path, version: &str) -> Vec<u8> {
    const SECTION: &[u8] = b"inkstone:api-version";
    let mut bytes = std::fs::read(component).unwrap();
    let name = bytes
        .windows(SECTION.len())
        .position(|window| window == SECTION)
        .unwrap();
    let stamp = name + SECTION.len();
    assert_eq!(&bytes[stamp..stamp + 5], b"0.2.0");
    bytes[stamp..stamp + 5].copy_from_slice(version.as_bytes());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_clients_see_what_is_new() {
    let mut setup = Setup::new();
    setup.plugins = [ANALYTICS, PROVIDERS]
        .concat()
        .into_iter()
        .map(listed)
        .collect();
    let engine = setup.start().await;

    // Fields stand in the log as fields, each under its name; what is no name is left out.
    for id in ANALYTICS {
        let path = format!("/v1/analytics/{id}/harm");
        let (status, reply) = engine.post(&path, &harm("ok")).await;
        assert_eq!(status, 200, "{reply}");
        let (status, reply) = engine.post(&path, &harm("ask-ai")).await;
        assert_eq!((status, &reply["code"]), (403, &json!("power_denied")));
    }
    let path = "/v1/analytics/analytics-latest/harm";
    let (status, reply) = engine.post(path, &harm("log")).await;
    assert_eq!(status, 200, "{reply}");
    let log = engine.log();
    let line: Value = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|line: &Value| line["message"] == "the text is short")
        .unwrap_or_else(|| panic!("{log}"));
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["plugin"], "analytics-latest");
    assert_eq!(line["fields"], json!({ "words": "3" }));

    // Clients of OpenAI's API know its codes.
    for (model, code) in [
        ("probe/limited", "upstream_rate_limited"),
        ("latest/limited", "insufficient_quota"),
    ] {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
        let (status, reply) = engine.post("/v1/chat/completions", &body).await;
        assert_eq!(status, 429, "{reply}");
        assert_eq!(reply["error"]["code"], code, "{reply}");
        assert_eq!(reply["error"]["type"], "rate_limit_error");
    }
}

/// A section of plugins.toml that grants nothing.
fn listed(id: &str) -> String {
    let path = guest(id);
    format!(
        "[[plugin]]\nid = \"{id}\"\nsource = {{ path = \"{}\" }}\n",
        path.display()
    )
}
