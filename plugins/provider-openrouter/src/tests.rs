//! What differs from OpenAI's API, as it goes out and as it comes in.

use inkstone_plugin::json::{Value, json};
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use provider_wire::openai::hosted::testing::{
    assert_has, assert_manifest_agrees, read, sent, with_all_sampling,
};

use crate::{OpenRouter, SERVICE};

#[test]
fn the_manifest_agrees() {
    assert_manifest_agrees(&SERVICE, include_str!("../plugin.toml"));
}

#[test]
fn it_lacks_nothing() {
    assert_has(
        &OpenRouter,
        &["top_k", "repeat_penalty", "seed", "logprobs"],
    );
}

#[test]
fn every_sampling_field_goes_out() {
    let body = sent(&OpenRouter, with_all_sampling()).unwrap();
    for (word, value) in [
        ("top_k", json!(40)),
        ("repetition_penalty", json!(1.5)),
        ("frequency_penalty", json!(0.5)),
        ("presence_penalty", json!(0.5)),
        ("seed", json!(7)),
        ("max_tokens", json!(9)),
    ] {
        assert_eq!(body[word], value, "{word}");
    }
}

/// By the page "Reasoning Tokens", preserving reasoning.
#[test]
fn thoughts_go_back_as_reasoning() {
    let thought = |text: &str| {
        Part::Thought(Thought {
            text: text.into(),
            signature: None,
        })
    };
    let request = Request::new("m").user("Hi").message(Message {
        role: Role::Assistant,
        name: None,
        parts: vec![thought("Hm."), thought("Aha."), Part::Text("Four.".into())],
    });
    let body = sent(&OpenRouter, request).unwrap();
    let want = json!({"role": "assistant", "content": "Four.", "reasoning": "Hm.\nAha."});
    assert_eq!(body["messages"][1], want);
}

/// By the pages "Model Routing", "Presets" and "Web Search": each serves another model than was asked for, or bills beside it.
#[test]
fn fields_that_route_are_refused_by_name_unless_they_are_allowed() {
    for (field, value) in [
        ("models", json!(["anthropic/claude-opus-4"])),
        ("route", json!("fallback")),
        ("preset", json!("dearer")),
        ("plugins", json!([{"id": "web"}])),
        ("web_search_options", json!({})),
    ] {
        let request = || Request {
            extra: Some(json!({field: value}).to_string()),
            ..Request::new("meta-llama/llama-3.3-70b-instruct").user("Hi")
        };
        let error = sent(&OpenRouter, request()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidInput, "{field}");
        assert!(
            error.message.starts_with(&format!("`{field}` ")),
            "{}",
            error.message
        );
        assert!(testing::http_requests().is_empty(), "{field}");

        let stream = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        testing::reset();
        testing::settings(&json!({"allow_routing": true}));
        testing::http(move |_| Ok(testing::response(200).body(stream)));
        OpenRouter.complete(request()).unwrap().for_each(drop);
        let body = testing::http_requests().remove(0).body.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body[field], value);
    }
}

#[test]
fn who_serves_the_model_may_be_said() {
    let extra = json!({"provider": {"sort": "price"}, "transforms": []});
    let request = Request {
        extra: Some(extra.to_string()),
        ..Request::new("m").user("Hi")
    };
    let body = sent(&OpenRouter, request).unwrap();
    assert_eq!(body["provider"], json!({"sort": "price"}));
}

/// The list of models is public; "Get current API key" is not.
#[test]
fn the_key_is_checked_where_a_key_is_needed() {
    testing::reset();
    testing::http(|request| {
        assert_eq!(request.url, "https://openrouter.ai/api/v1/key");
        let error = json!({"error": {"code": 401, "message": "User not found."}});
        Ok(testing::response(401).json(&error))
    });
    let error = OpenRouter.validate_connection().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
}

#[test]
fn a_stream_that_breaks_off_is_an_error() {
    let stream = concat!(
        ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n",
        r#"data: {"id":"gen-1","provider":"X","choices":[{"index":0,"delta":{"role":"assistant","content":"Fo"},"finish_reason":null}]}"#,
        "\n\n",
        r#"data: {"id":"gen-1","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#,
        "\n\n",
    );
    let error = read(&OpenRouter, stream).unwrap_err();
    assert_eq!(error.upstream_status, Some(502));
    assert!(
        error.message.contains("Provider disconnected"),
        "{}",
        error.message
    );
}
