//! Log probabilities, by the pages "Create chat completion" and "Streaming events" of OpenAI's reference.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use serde_json::Value;

use super::requests::body;
use super::streams::REPLAY;

fn token(token: &str, logprob: f32, top: &[(&str, f32)]) -> TokenLogprob {
    TokenLogprob {
        token: token.to_owned(),
        logprob,
        top: top
            .iter()
            .map(|&(token, logprob)| (token.to_owned(), logprob))
            .collect(),
    }
}

/// As the reference shows it, shortened.
fn hello() -> Value {
    json!({"token": "Hello", "logprob": -0.5, "bytes": [72, 101, 108, 108, 111], "top_logprobs": [
        {"token": "Hello", "logprob": -0.5, "bytes": [72, 101, 108, 108, 111]},
        {"token": "Hi", "logprob": -1.5, "bytes": [72, 105]},
    ]})
}

fn bang() -> Value {
    json!({"token": "!", "logprob": -0.25, "bytes": [33], "top_logprobs": []})
}

#[test]
fn they_are_asked_for_with_and_without_alternatives() {
    for (asked, logprobs, top) in [
        (None, None, None),
        (Some(0), Some(json!(true)), None),
        (Some(5), Some(json!(true)), Some(json!(5))),
    ] {
        let request = Request {
            logprobs: asked,
            ..Request::new("gpt-4.1").user("Hi")
        };
        let body = body(request);
        assert_eq!(body.get("logprobs"), logprobs.as_ref());
        assert_eq!(body.get("top_logprobs"), top.as_ref());
    }
}

#[test]
fn a_whole_answer_has_them_all() {
    let body = json!({"choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hello!"},
        "logprobs": {"content": [hello(), bang()], "refusal": null},
    }]});
    let want = [
        Chunk::text("Hello!"),
        Chunk::Logprobs(vec![
            token("Hello", -0.5, &[("Hello", -0.5), ("Hi", -1.5)]),
            token("!", -0.25, &[]),
        ]),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(REPLAY.unstreamed(body.to_string()).unwrap(), want);
}

#[test]
fn a_stream_has_those_of_each_piece() {
    let event = |content: &str, logprobs: Value| {
        let delta = json!({"content": content});
        let choice = json!({"index": 0, "delta": delta, "logprobs": logprobs});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    let stream = [
        event("Hello", json!({"content": [hello()], "refusal": null})),
        event("!", json!({"content": [bang()]})),
        event("", Value::Null),
        event("", json!({"content": []})),
        event("", json!({"tokens": ["legacy"], "token_logprobs": [-1.0]})),
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
            .to_owned(),
    ];
    let want = [
        Chunk::text("Hello"),
        Chunk::Logprobs(vec![token("Hello", -0.5, &[("Hello", -0.5), ("Hi", -1.5)])]),
        Chunk::text("!"),
        Chunk::Logprobs(vec![token("!", -0.25, &[])]),
        Chunk::Finish(FinishReason::Stop),
    ];
    assert_eq!(REPLAY.read(stream.concat()), want);
}

#[test]
fn those_of_a_refusal_and_of_next_to_nothing_count_too() {
    let body = json!({"choices": [{"finish_reason": "stop", "message": {"refusal": "No"},
        "logprobs": {"content": null, "refusal": [{"token": "No", "logprob": null}]},
    }]});
    let chunks = REPLAY.unstreamed(body.to_string()).unwrap();
    let want = Chunk::Logprobs(vec![token("No", -9999.0, &[])]);
    assert_eq!(chunks[1], want);
}
