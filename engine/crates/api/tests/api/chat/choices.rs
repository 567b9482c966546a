//! Several choices, and what may come with each: log probabilities and thoughts.

use axum::http::Method;
use inkstone_domain::chat::{Chunk, TokenLogprob};
use inkstone_domain::{Error, codes};
use inkstone_testkit::api_client::{EventReader, TestApi};
use inkstone_testkit::{Gate, Say};
use serde_json::json;

use super::{PATH, hello};
use crate::check;

#[tokio::test]
async fn several_choices_are_several_calls() {
    let api = TestApi::start().await;
    for text in ["one", "two", "three"] {
        let script = [Say::text(text)].into_iter().chain(Say::end(2, 3));
        api.provider.will_say(script);
    }
    let body = hello(json!({"n": 3, "seed": 7}));
    let answer = api.creator().post(PATH, body).await.json();
    let mut texts = Vec::new();
    for (index, choice) in answer["choices"].as_array().unwrap().iter().enumerate() {
        assert_eq!(choice["index"], index);
        texts.push(choice["message"]["content"].as_str().unwrap().to_owned());
    }
    texts.sort();
    assert_eq!(texts, ["one", "three", "two"]);
    assert_eq!(answer["usage"]["prompt_tokens"], 6);
    assert_eq!(answer["usage"]["completion_tokens"], 9);
    let requests = api.provider.requests();
    let mut seeds: Vec<_> = requests.iter().map(|one| one.sampling.seed).collect();
    seeds.sort();
    assert_eq!(seeds, [Some(7), Some(8), Some(9)]);
}

#[tokio::test]
async fn several_choices_are_streamed_together() {
    let api = TestApi::start().await;
    let (one, other) = (Gate::closed(), Gate::closed());
    for (gate, text) in [(&one, "one"), (&other, "other")] {
        let script = [Say::text("first"), Say::Wait(gate.clone()), Say::text(text)];
        let script = script.into_iter().chain(Say::end(1, 2));
        api.provider.will_say(script);
    }
    let body = hello(json!({"n": 2, "stream": true, "stream_options": {"include_usage": true}}));
    let response = api.creator().open(Method::POST, PATH, Some(body)).await;
    let mut events = EventReader::new(response);
    let mut next = async || events.next().await.unwrap();
    for delta in [
        json!({"role": "assistant", "content": ""}),
        json!({"content": "first"}),
    ] {
        for index in [0, 1] {
            let choice = &next().await.json()["choices"][0];
            assert_eq!(choice["index"], index);
            assert_eq!(choice["delta"], delta);
        }
    }
    other.open();
    let late = next().await.json();
    assert_eq!(late["choices"][0]["delta"]["content"], "other");
    let finished = next().await.json();
    assert_eq!(finished["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        finished["choices"][0]["index"], late["choices"][0]["index"],
        "the other choice goes on"
    );
    one.open();
    let last = next().await.json();
    assert_eq!(last["choices"][0]["delta"]["content"], "one");
    assert_eq!(next().await.json()["choices"][0]["finish_reason"], "stop");
    let usage = next().await.json();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["total_tokens"], 6);
    assert_eq!(next().await.data, "[DONE]");
}

#[tokio::test]
async fn where_one_choice_fails_the_request_does() {
    let api = TestApi::start().await;
    let failure = || Error::new(&codes::PLUGIN_TRAPPED, "the plugin `provider-fake` crashed");
    for stream in [false, true] {
        api.provider.will_say([Say::text("a")]);
        api.provider.will_say([Say::Fail(failure())]);
        let body = hello(json!({"n": 2, "stream": stream}));
        let reply = api.creator().post(PATH, body).await;
        check::openai_error(&reply, 500, "server_error", "plugin_trapped");
    }
    let gate = Gate::closed();
    api.provider
        .will_say([Say::text("a"), Say::Wait(gate.clone())]);
    api.provider
        .will_say([Say::text("b"), Say::Fail(failure())]);
    let body = hello(json!({"n": 2, "stream": true}));
    let events = api.creator().post(PATH, body).await.events();
    assert_eq!(
        events.last().unwrap().json()["error"]["code"],
        "plugin_trapped",
        "the end, though the other one would go on: {events:?}"
    );
}

#[tokio::test]
async fn log_probabilities_and_thoughts_are_told() {
    let api = TestApi::start().await;
    let script = || {
        let token = TokenLogprob {
            token: "é".to_owned(),
            logprob: -0.5,
            top: vec![("e".to_owned(), -1.5)],
        };
        let chunks = [
            Chunk::Reasoning("hm".to_owned()),
            Chunk::ThoughtSignature("sig".to_owned()),
            Chunk::Text("é".to_owned()),
            Chunk::Logprobs(vec![token]),
        ];
        chunks.map(Say::Chunk).into_iter().chain(Say::end(1, 1))
    };
    let wanted = json!({"refusal": null, "content": [{"token": "é", "logprob": -0.5, "bytes": [195, 169],
        "top_logprobs": [{"token": "e", "logprob": -1.5, "bytes": [101]}]}]});
    api.provider.will_say(script());
    let body = hello(json!({"logprobs": true, "top_logprobs": 1}));
    let whole = api.creator().post(PATH, body).await.json();
    let choice = &whole["choices"][0];
    assert_eq!(choice["logprobs"], wanted);
    assert_eq!(choice["message"]["reasoning_content"], "hm");
    assert_eq!(choice["message"]["reasoning_signature"], "sig");
    assert_eq!(api.provider.requests()[0].logprobs, Some(1));
    api.provider.will_say(script());
    let body = hello(json!({"logprobs": true, "top_logprobs": 1, "stream": true}));
    let events = api.creator().post(PATH, body).await.events();
    let choice = |index: usize| events[index].json()["choices"][0].clone();
    assert_eq!(choice(1)["delta"], json!({"reasoning_content": "hm"}));
    assert_eq!(choice(2)["delta"], json!({"reasoning_signature": "sig"}));
    assert_eq!(choice(3)["delta"], json!({"content": "é"}));
    assert_eq!(choice(3)["logprobs"], wanted);
}
