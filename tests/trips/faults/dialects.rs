//! A stream that breaks in the middle, in the other two dialects: alone it ends with the dialect's own
//! error, and with a stand-in it goes on.

use futures::StreamExt;
use serde_json::{Value, json};

use crate::calls::events_of;
use crate::engine::{Engine, Setup};
use crate::scripted::{BEGINNING, Scripted, TEXT};

/// Each dialect has deployments of its own, so that each breaks off when its own beginning was read.
fn config(dialect: &str) -> String {
    format!(
        "\n[gateway.models.both-{dialect}]\nfallbacks = [\"ollama/good\"]\n[[gateway.models.both-{dialect}.deployments]]\nmodel = \"openai/reset--both-{dialect}\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_stream_is_told_or_mended_in_every_dialect() {
    let upstream = Scripted::start().await;
    let plugins = upstream.plugin("provider-openai") + &upstream.plugin("provider-ollama");
    let engine = Setup::new()
        .only(plugins)
        .configure(&(config("messages") + &config("responses")))
        .start()
        .await;
    let content = json!([{ "role": "user", "content": "Tell me a story." }]);
    for (who, has_stand_in) in [("openai/reset--alone", false), ("both", true)] {
        let order = |dialect| match has_stand_in {
            false => format!("reset--alone-{dialect}"),
            true => format!("reset--both-{dialect}"),
        };

        let model = format!("{who}-messages");
        let body = json!({ "model": model, "messages": content, "max_tokens": 10, "stream": true });
        let events = stream(
            &engine,
            "/v1/messages",
            &body,
            &upstream,
            &order("messages"),
        )
        .await;
        let said = texts(&events, |event| &event["delta"]["text"]);
        let last = events.last().unwrap();
        if has_stand_in {
            assert_eq!(said, format!("{BEGINNING}{TEXT}"), "{events:#?}");
            assert_eq!(last["type"], "message_stop", "{last}");
            let told = events.iter().find(|event| event["inkstone"].is_object());
            assert_eq!(told.unwrap()["inkstone"]["rerouted_to"], "ollama/good");
        } else {
            assert_eq!(said, BEGINNING, "{events:#?}");
            assert_eq!(last["type"], "error", "{last}");
            assert_eq!(last["error"]["type"], "api_error", "{last}");
        }

        let model = format!("{who}-responses");
        let body = json!({ "model": model, "input": "Tell me a story.", "stream": true });
        let events = stream(
            &engine,
            "/v1/responses",
            &body,
            &upstream,
            &order("responses"),
        )
        .await;
        let said = texts(&events, |event| &event["delta"]);
        let last = events.last().unwrap();
        if has_stand_in {
            assert_eq!(said, format!("{BEGINNING}{TEXT}"), "{events:#?}");
            assert_eq!(last["type"], "response.completed", "{last}");
            let told = &last["response"]["inkstone"]["rerouted_to"];
            assert_eq!(told, "ollama/good", "{last}");
        } else {
            assert_eq!(said, BEGINNING, "{events:#?}");
            assert_eq!(last["type"], "response.failed", "{last}");
            assert_eq!(last["response"]["status"], "failed", "{last}");
            assert!(last["response"]["error"]["code"].is_string(), "{last}");
        }
    }
}

/// All events. The upstream breaks off once the beginning was read.
async fn stream(
    engine: &Engine,
    path: &str,
    body: &Value,
    upstream: &Scripted,
    order: &str,
) -> Vec<Value> {
    let reply = engine.request("POST", path).json(body).send().await;
    let reply = reply.unwrap();
    assert_eq!(reply.status(), 200);
    let mut text = Vec::new();
    let mut pieces = reply.bytes_stream();
    while let Some(piece) = pieces.next().await {
        text.extend_from_slice(&piece.unwrap());
        if String::from_utf8_lossy(&text).contains(BEGINNING) {
            upstream.release(order);
        }
    }
    events_of(&String::from_utf8_lossy(&text))
}

fn texts(events: &[Value], of: impl Fn(&Value) -> &Value) -> String {
    events
        .iter()
        .filter(|event| {
            let kind = event["type"].as_str().unwrap_or_default();
            kind == "content_block_delta" || kind == "response.output_text.delta"
        })
        .filter_map(|event| of(event).as_str())
        .collect()
}
