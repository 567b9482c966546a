//! A canary whose upstream is down, in a running engine: it is rolled back by itself, stays rolled
//! back after a restart, and its history says what served when.

use std::time::Instant;

use serde_json::{Value, json};

use crate::editions::{ID, own_plugins, package, package_of};
use crate::engine::{Engine, PATIENCE};

/// Nothing listens there: the discard port of RFC 863.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The version that answered, and the status.
async fn ask(engine: &Engine, question: &Value) -> (Option<String>, u16) {
    let request = engine.request("POST", "/v1/chat/completions");
    let reply = request.json(question).send().await.unwrap();
    let version = reply.headers().get("x-inkstone-plugin").cloned();
    let version = version.map(|version| version.to_str().unwrap().to_owned());
    (version, reply.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_fails_is_rolled_back_by_itself_and_stays_so() {
    let list = format!(
        "[[plugin]]\nid = \"{ID}\"\nsource = {{ path = \"{ID}-1.0.0.inkplug\" }}\n\
         grants = {{ outbound_hosts = [\"{NOWHERE}\"] }}\nconsent = \"1.1.0\"\n\
         [plugin.rollout]\ncanary = \"1.1.0\"\nshare = 0.5\nsticky = \"random\"\n\
         guard = {{ min_calls = 20, error_margin = 0.05, latency_ratio = 10.0 }}\n"
    );
    let setup = own_plugins(&list);
    let folder = setup.data.path().join("dist");
    package("1.0.0", &folder);
    // The same id in another component: it asks its upstream, and the upstream is not there.
    package_of("provider-hostile", "1.1.0", &folder);
    let engine = setup.start().await;
    let question = json!({
        "model": format!("shout/get {NOWHERE}/"),
        "messages": [{ "role": "user", "content": "who are you" }],
    });

    let began = Instant::now();
    let (mut good, mut bad) = (0, 0);
    let rolled_back = loop {
        let (version, status) = ask(&engine, &question).await;
        match (version.as_deref(), status) {
            (Some("provider-shout@1.0.0"), 200) => good += 1,
            (_, 503) => bad += 1,
            other => panic!("{other:?}"),
        }
        let (status, rollout) = engine.get(&format!("/v1/plugins/{ID}/rollout")).await;
        assert_eq!(status, 200, "{rollout}");
        if rollout["state"]["status"] == "rolled_back" {
            break rollout;
        }
        assert!(began.elapsed() < PATIENCE, "{rollout}\n{}", engine.log());
    };
    // The gateway tries again what may pass, and each try is a call of the canary.
    let calls = rolled_back["canary"]["calls"].as_u64().unwrap();
    assert!(
        calls >= 20 && bad > 0 && good > 0,
        "{good} good, {bad} bad: {rolled_back}"
    );
    assert_eq!(rolled_back["share"], 0.0, "{rolled_back}");
    let reason = rolled_back["state"]["reason"].as_str().unwrap();
    assert!(reason.contains("fails more often"), "{reason}");
    for _ in 0..20 {
        assert_eq!(ask(&engine, &question).await.1, 200);
    }

    let (status, history) = engine.get(&format!("/v1/plugins/{ID}/history")).await;
    assert_eq!(status, 200, "{history}");
    let spans: Vec<(&str, &str)> = history["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| {
            (
                span["version"].as_str().unwrap(),
                span["cause"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(spans.contains(&("1.1.0", "loaded")), "{spans:?}");
    assert!(spans.contains(&("1.1.0", "rolled_back")), "{spans:?}");
    for span in history["data"].as_array().unwrap().iter().rev() {
        println!(
            "{} {} share {} {} {}",
            span["from"], span["version"], span["share"], span["cause"], span["reason"]
        );
    }

    let (setup, _) = engine.stop();
    let engine = setup.start().await;
    let (_, rollout) = engine.get(&format!("/v1/plugins/{ID}/rollout")).await;
    assert_eq!(rollout["state"]["status"], "rolled_back", "{rollout}");
    assert_eq!(ask(&engine, &question).await.1, 200);
}
