//! The conversion from and to Anthropic's shapes, without a server.

mod messages;
mod request;
mod streams;

use expect_test::Expect;
use inkstone_domain::chat::Request;
use serde_json::{Value, json};

use super::request::MessagesBody;

fn converted(json: Value) -> Request {
    // As from the wire: what a model wrote is kept byte by byte.
    let body: MessagesBody = serde_json::from_str(&json.to_string()).unwrap();
    body.into_domain().unwrap()
}

/// Checks what is wrong with a request that is `extra` beside one harmless message.
fn check_refusal(extra: Value, expected: Expect) {
    let mut json =
        json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in extra.as_object().unwrap() {
        json[name] = value.clone();
    }
    let body: MessagesBody = serde_json::from_str(&json.to_string()).unwrap();
    let error = body.into_domain().unwrap_err();
    assert_eq!(error.code().name, "invalid_input");
    let fields = error.fields().iter();
    let fields: String = fields
        .map(|field| format!("{}: {}\n", field.pointer, field.detail))
        .collect();
    expected.assert_eq(&fields);
}
