//! Plugins through the API: research on a real page, analytics, powers that were not granted, and
//! reload under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;

use crate::engine::{PATIENCE, Setup, root};
use crate::upstream;

const PAGE: &str = r#"<!doctype html><html lang="en"><head><title>The long walk of the eel</title>
<meta name="author" content="Ada Poole"></head><body><nav><a href="/a">Home</a></nav><article>
<h1>The long walk of the eel</h1>
<p>Eels are born in the Sargasso Sea and drift for years before they reach a river. The young ones are clear as glass.</p>
<p>They live in fresh water for ten years or more, hidden under stones by day, and eat at night whatever is small enough.</p>
<p>One autumn they stop eating, turn silver, and swim six thousand kilometres back to the place where they were born.</p>
</article><footer>Imprint</footer></body></html>"#;

#[tokio::test(flavor = "multi_thread")]
async fn research_reads_a_page_that_the_grant_names_and_no_other() {
    let url = upstream::serve(Router::new().route("/eel", get(|| async { Html(PAGE) }))).await;
    let mut setup = Setup::new();
    setup.plugins = setup.plugins.replace(
        r#"outbound_hosts = ["https://*:443", "http://*:80"]"#,
        &format!(r#"outbound_hosts = ["{url}", "http://*:*"]"#),
    );
    let engine = setup.start().await;
    let fetch = async |target: String| {
        engine
            .post("/v1/research/research-web/fetch", &json!({ "url": target }))
            .await
    };
    let (status, answer) = fetch(format!("{url}/eel")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["content"]["title"], "The long walk of the eel");
    let text = answer["text"].as_str().unwrap();
    assert!(text.contains("Sargasso"), "{text}");
    assert!(!text.contains("Imprint"), "{text}");
    assert_eq!(answer["sources"][0]["url"], format!("{url}/eel"));

    // Any host is granted, but a private address only where it is named.
    let elsewhere = upstream::serve(Router::new().route("/", get(|| async { "secret" }))).await;
    for target in [
        elsewhere.as_str(),
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:80/",
    ] {
        let (status, refused) = fetch(target.to_owned()).await;
        assert_eq!(status, 403, "{target}: {refused}");
        assert_eq!(refused["code"], "egress_denied", "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_measures_and_plots() {
    let engine = Setup::new().start().await;
    let text = "# Eels\n\nEels are born in the sea. They are good swimmers.\n\n## Rivers\n\nThey love rivers.";
    let (status, report) = engine
        .post(
            "/v1/analytics/analytics-content/content",
            &json!({ "text": text }),
        )
        .await;
    assert_eq!(status, 200, "{report}");
    let blocks = report["blocks"].as_array().unwrap();
    let kinds: Vec<&str> = blocks
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect();
    for kind in ["metric", "table", "chart"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let chart = blocks
        .iter()
        .find(|block| block["type"] == "chart")
        .unwrap();
    let schema = chart["spec"]["$schema"].as_str().unwrap();
    assert!(schema.contains("vega-lite"), "{schema}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_under_load_loses_no_request_and_a_bad_one_changes_nothing() {
    let engine = Arc::new(Setup::new().start().await);
    let list = engine.setup().data.path().join("plugins.toml");
    let original = engine.setup().plugins.clone();
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (engine, done) = (Arc::clone(&engine), Arc::clone(&done));
            tokio::spawn(async move {
                let body = json!({ "text": "Short texts are measured quickly. This is one." });
                let mut answers = 0;
                while !done.load(Ordering::Relaxed) {
                    let (status, reply) = engine
                        .post("/v1/analytics/analytics-content/content", &body)
                        .await;
                    assert_eq!(status, 200, "{reply}");
                    answers += 1;
                }
                answers
            })
        })
        .collect();

    // One plugin leaves, and comes back with other limits; the one under load is touched by neither.
    let section = "source = { path = \"research-web.wasm\" }\nenabled = ";
    let without = original.replace(&format!("{section}true"), &format!("{section}false"));
    assert_ne!(without, original);
    std::fs::write(&list, &without).unwrap();
    engine
        .until("/v1/plugins/research-web", |plugin| {
            plugin["state"] == "disabled"
        })
        .await;
    let slower = original.replace(
        "source = { path = \"analytics-content.wasm\" }",
        "source = { path = \"analytics-content.wasm\" }\nlimits = { cpu_ms = 9000 }",
    );
    std::fs::write(&list, &slower).unwrap();
    engine
        .until("/v1/plugins/research-web", |plugin| {
            plugin["state"] == "serving"
        })
        .await;

    // A list that is wrong is refused whole.
    std::fs::write(&list, "[[plugin]]\nid = 5\n").unwrap();
    let began = std::time::Instant::now();
    while !engine.log().contains("plugins.toml:2") {
        assert!(began.elapsed() < PATIENCE, "{}", engine.log());
        tokio::task::yield_now().await;
    }
    let (_, plugins) = engine.get("/v1/plugins").await;
    for plugin in plugins["data"].as_array().unwrap() {
        assert_eq!(plugin["state"], "serving", "{plugin}");
    }

    done.store(true, Ordering::Relaxed);
    for caller in callers {
        assert!(caller.await.unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_plugin_serves() {
    let mut setup = Setup::new();
    let component = root().join("tests/guests/dist/provider-shout.wasm");
    setup.plugins = format!(
        "[[plugin]]\nid = \"provider-shout\"\nsource = {{ path = \"{}\" }}\n",
        component.display()
    );
    let engine = setup.start().await;
    let body =
        json!({ "model": "shout/loud", "messages": [{ "role": "user", "content": "be quiet" }] });
    let (status, reply) = engine.post("/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["choices"][0]["message"]["content"], "BE QUIET");
    assert_eq!(reply["usage"]["completion_tokens"], 2);
}
