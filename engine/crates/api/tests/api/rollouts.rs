//! `/v1/plugins/{id}/rollout`, `/v1/plugins/{id}/history` and `/v1/plugins/{id}/stats`.

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::codes;
use inkstone_domain::outbound::{AuditedAddress, OutboundCounts, RefusedReason};
use inkstone_domain::plugin::{
    CallEnd, LoadedPlugin, PluginBody, Rollout, RolloutGuard, RolloutStep, Sticky,
};
use inkstone_testkit::api_client::TestApi;
use inkstone_testkit::{FakeResearch, loaded_plugin, plugin_spec};
use serde_json::json;

use crate::check;

const ID: &str = "research-fake";
const ROLLOUT: &str = "/v1/plugins/research-fake/rollout";
const TOOL: &str = "/v1/research/research-fake/echo";

/// With a canary 1.2.0 of `research-fake` that gets no call by itself.
async fn with_canary() -> (TestApi, Arc<LoadedPlugin>) {
    let api = TestApi::start().await;
    let body = PluginBody::Research(Arc::new(FakeResearch::new()));
    let canary = loaded_plugin(ID, "1.2.0", body);
    api.loader.put_at("canary.wasm", canary.clone());
    let mut spec = plugin_spec(ID);
    spec.rollout = Some(Rollout {
        canary: "1.2.0".to_owned(),
        path: "canary.wasm".into(),
        share: 0.0,
        sticky: Sticky::User,
        steps: vec![RolloutStep {
            share: 0.25,
            good_minutes: 5,
        }],
        guard: RolloutGuard::default(),
    });
    let specs = vec![plugin_spec("provider-fake"), spec];
    let report = api.services.plugins.apply(specs).await;
    assert!(report.failed.is_empty(), "{report:?}");
    (api, canary)
}

#[tokio::test]
async fn testers_choose_a_version_by_header_and_replies_tell_it() {
    let (api, _) = with_canary().await;
    let reply = api.creator().post(TOOL, json!({})).await;
    assert_eq!(reply.header("x-inkstone-plugin"), "research-fake@1.0.0");
    let tester = |pin| api.admin().with_header("x-inkstone-plugin-version", pin);
    let reply = tester("research-fake@1.2.0").post(TOOL, json!({})).await;
    assert_eq!(
        (reply.status, reply.header("x-inkstone-plugin")),
        (200, "research-fake@1.2.0")
    );

    let reply = tester("research-fake@9.9.9").post(TOOL, json!({})).await;
    let problem = check::problem(&reply, 404, "unknown_version");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("`1.0.0` and `1.2.0`"),
        "{problem}"
    );
    let reply = tester("research-none@1.0.0").post(TOOL, json!({})).await;
    check::problem(&reply, 404, "unknown_plugin");
    let reply = tester("research-fake").post(TOOL, json!({})).await;
    check::problem(&reply, 400, "invalid_input");
    let client = api
        .creator()
        .with_header("x-inkstone-plugin-version", "research-fake@1.2.0");
    check::problem(&client.post(TOOL, json!({})).await, 403, "forbidden");

    // On OpenAI's routes in OpenAI's envelope, and told on every reply of a model.
    let question = json!({"messages": [{"role": "user", "content": "hi"}]});
    let client = tester("provider-fake@2.0.0");
    let reply = client.post("/v1/chat/completions", question.clone()).await;
    check::openai_error(&reply, 404, "invalid_request_error", "unknown_version");
    let reply = api.creator().post("/v1/chat/completions", question).await;
    assert_eq!(reply.header("x-inkstone-plugin"), "provider-fake@1.0.0");
    let reply = api
        .creator()
        .post(
            "/v1/embeddings",
            json!({"model": "fake/embed", "input": "a"}),
        )
        .await;
    assert_eq!(reply.header("x-inkstone-plugin"), "provider-fake@1.0.0");
}

#[tokio::test]
async fn admins_see_and_steer_a_rollout() {
    let (api, canary) = with_canary().await;
    let admin = api.admin();
    canary.stats.tokens(3, 4);
    let rollout = admin.get(ROLLOUT).await.json();
    assert_eq!(
        rollout["plan"],
        json!({"canary": "1.2.0", "share": 0.0, "sticky": "user",
               "steps": [{"share": 0.25, "good_minutes": 5}],
               "guard": {"min_calls": 50, "error_margin": 0.02, "latency_ratio": 1.5}})
    );
    assert_eq!(rollout["state"]["status"], "running");
    assert_eq!(rollout["stable"]["version"], "1.0.0");
    assert_eq!(rollout["stable"]["share"], 1.0);
    assert_eq!(rollout["canary"]["output_tokens"], 4);

    let promoted = admin
        .post(&format!("{ROLLOUT}/promote"), json!({}))
        .await
        .json();
    assert_eq!(
        (&promoted["state"]["status"], &promoted["share"]),
        (&json!("promoted"), &json!(1.0))
    );
    let reply = api.creator().post(TOOL, json!({})).await;
    assert_eq!(reply.header("x-inkstone-plugin"), "research-fake@1.2.0");
    let reason = json!({"reason": "it is slow"});
    let back = admin
        .post(&format!("{ROLLOUT}/rollback"), reason)
        .await
        .json();
    assert_eq!(back["state"]["status"], "rolled_back");
    assert_eq!(back["state"]["reason"], "it is slow");
    let reply = api.creator().post(TOOL, json!({})).await;
    assert_eq!(reply.header("x-inkstone-plugin"), "research-fake@1.0.0");
    let again = admin
        .post(&format!("{ROLLOUT}/restart"), json!({}))
        .await
        .json();
    assert_eq!(again["state"]["status"], "running");

    let reply = admin.get("/v1/plugins/provider-fake/rollout").await;
    check::problem(&reply, 404, "not_found");
    let reply = admin
        .post(&format!("{ROLLOUT}/promote"), json!({"why": "x"}))
        .await;
    check::problem(&reply, 400, "invalid_input");
}

#[tokio::test]
async fn the_history_pages_newest_first() {
    let (api, _) = with_canary().await;
    let admin = api.admin();
    let reason = json!({"reason": "it is good"});
    admin.post(&format!("{ROLLOUT}/promote"), reason).await;
    let page = admin
        .get("/v1/plugins/research-fake/history?limit=2")
        .await
        .json();
    let line = &page["data"][0];
    assert_eq!(
        (
            &line["version"],
            &line["share"],
            &line["cause"],
            &line["reason"],
            &line["to"]
        ),
        (
            &json!("1.2.0"),
            &json!(1.0),
            &json!("promoted"),
            &json!("it is good"),
            &json!(null)
        )
    );
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/v1/plugins/research-fake/history?limit=20&cursor={cursor}");
    let rest = admin.get(&path).await.json();
    let causes: Vec<&str> = rest["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["cause"].as_str().unwrap())
        .collect();
    assert_eq!(causes, ["loaded", "loaded", "loaded"]);
    assert!(rest["data"][0]["to"].is_string());
    let reply = admin.get("/v1/plugins/nothing/history").await;
    check::problem(&reply, 404, "unknown_plugin");
}

#[tokio::test]
async fn stats_show_every_version() {
    let (api, canary) = with_canary().await;
    for error in [
        None,
        Some(&codes::PLUGIN_TRAPPED),
        None,
        Some(&codes::INVALID_INPUT),
    ] {
        canary.stats.ended(&CallEnd {
            error,
            latency: Duration::from_millis(100),
            cpu: Duration::from_millis(2),
            memory_bytes: 4_096,
            sent_bytes: 5,
            received_bytes: 7,
            host_calls: 3,
        });
    }
    canary.stats.rated(4);
    let counts = OutboundCounts {
        audited: vec![AuditedAddress {
            address: "https://example.org:443".to_owned(),
            methods: ["GET".to_owned()].into(),
            count: 3,
        }],
        refused: vec![RefusedReason {
            reason: "not_granted",
            count: 2,
        }],
    };
    api.outbound.set(ID, counts);
    let stats = api
        .admin()
        .get("/v1/plugins/research-fake/stats")
        .await
        .json();
    assert_eq!(stats["plugin"], ID);
    assert_eq!(
        stats["outbound"],
        json!({
            "audited": [{"address": "https://example.org:443", "methods": ["GET"], "calls": 3}],
            "refused": {"not_granted": 2},
        })
    );
    assert_eq!(stats["versions"][0]["role"], "stable");
    let canary = &stats["versions"][1];
    for (field, want) in [
        ("role", json!("canary")),
        ("version", json!("1.2.0")),
        ("calls", json!(4)),
        ("failures", json!(1)),
        ("failure_rate", json!(0.25)),
        ("errors", json!({"plugin_trapped": 1, "invalid_input": 1})),
        ("cpu_ms", json!(8.0)),
        ("peak_memory_bytes", json!(4_096)),
        ("received_bytes", json!(28)),
        ("host_calls", json!(12)),
        ("ratings", json!({"count": 1, "mean": 4.0})),
        ("quarantine", json!(null)),
    ] {
        assert_eq!(canary[field], want, "{field}");
    }
    let p95 = canary["latency"]["p95_ms"].as_f64().unwrap();
    assert!((100.0..112.0).contains(&p95), "{p95}");
    assert_eq!(canary["latency"]["buckets"][0]["calls"], 4);
    assert_eq!(stats["versions"][0]["latency"]["p50_ms"], json!(null));
}

#[tokio::test]
async fn a_plugin_that_rests_says_when_to_come_back() {
    let (api, _) = with_canary().await;
    let snapshot = api.services.plugins.snapshot();
    let stable = snapshot.researchers().remove(0).plugin;
    for _ in 0..5 {
        stable.stats.ended(&CallEnd {
            error: Some(&codes::PLUGIN_TRAPPED),
            latency: Duration::from_millis(1),
            cpu: Duration::ZERO,
            memory_bytes: 0,
            sent_bytes: 0,
            received_bytes: 0,
            host_calls: 0,
        });
    }
    api.services.plugins.tick().await;
    let reply = api.creator().post(TOOL, json!({})).await;
    check::problem(&reply, 503, "plugin_quarantined");
    assert_eq!(reply.header("retry-after"), "30");
    let plugin = api.admin().get("/v1/plugins/research-fake").await.json();
    assert_eq!(plugin["state"], "quarantined");
    let versions = &plugin["details"]["versions"];
    assert!(
        versions[0]["quarantine"]["reason"]
            .as_str()
            .unwrap()
            .contains("plugin_trapped 5")
    );
    assert_eq!(versions[1]["quarantine"], json!(null));
    let plugin = api.viewer().get("/v1/plugins/research-fake").await.json();
    assert_eq!(plugin["state"], "quarantined");
    assert!(plugin.get("details").is_none());
}
