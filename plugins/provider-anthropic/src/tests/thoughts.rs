//! Thoughts on their way back, by the pages "Extended thinking" (preserving thinking blocks, redacted thinking) and
//! "Create a Message" of Anthropic's reference; and the request for an answer in one piece.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::testing;
use serde_json::Value;

use super::replay::*;
use crate::Anthropic;

fn thought(text: &str, signature: Option<&str>) -> Part {
    Part::Thought(Thought {
        text: text.to_owned(),
        signature: signature.map(str::to_owned),
    })
}

fn call() -> Part {
    Part::ToolCall(ToolCall {
        id: "toolu_1".to_owned(),
        name: "get_weather".to_owned(),
        arguments: "{}".to_owned(),
    })
}

fn said(parts: Vec<Part>) -> Request {
    hi().message(Message {
        role: Role::Assistant,
        name: None,
        parts,
    })
}

fn blocks(parts: Vec<Part>) -> Value {
    body(said(parts))["messages"][1]["content"].take()
}

#[test]
fn a_signed_thought_goes_back_before_the_call() {
    let thinking = json!({"type": "thinking", "thinking": "It rains.", "signature": "c2ln"});
    let redacted = json!({"type": "redacted_thinking", "data": "ZW5j"});
    let text = json!({"type": "text", "text": "Let me see."});
    let tool_use = json!({"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}});
    let want = json!([thinking, redacted, text, tool_use]);
    let thoughts = || {
        [
            thought("It rains.", Some("c2ln")),
            thought("", Some("redacted:ZW5j")),
            Part::Text("Let me see.".to_owned()),
        ]
    };
    let mut parts = Vec::from(thoughts());
    parts.push(call());
    assert_eq!(blocks(parts), want);
    let mut parts = vec![call()];
    parts.extend(thoughts());
    assert_eq!(blocks(parts), want);
}

#[test]
fn a_thought_without_a_signature_is_left_out() {
    for signature in [None, Some("")] {
        let parts = vec![
            thought("It rains.", signature),
            Part::Text("Wet.".to_owned()),
        ];
        assert_eq!(blocks(parts), "Wet.");
        let alone = body(said(vec![thought("It rains.", signature)]));
        assert_eq!(alone["messages"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn what_came_out_goes_back_as_it_was() {
    let body = json!({"type": "message", "stop_reason": "end_turn", "content": [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZW5j"},
        {"type": "text", "text": "a"},
    ]});
    let mut parts = Vec::new();
    let mut text = String::new();
    for chunk in whole(body.to_string()).unwrap() {
        match chunk {
            Chunk::Reasoning(piece) => text.push_str(&piece),
            Chunk::ThoughtSignature(signature) => {
                parts.push(thought(&std::mem::take(&mut text), Some(&signature)));
            }
            Chunk::Text(text) => parts.push(Part::Text(text)),
            _ => {}
        }
    }
    assert_eq!(blocks(parts), body["content"]);
}

#[test]
fn only_assistants_think() {
    for role in [Role::User, Role::System, Role::Tool] {
        let message = Message {
            role,
            name: None,
            parts: vec![thought("hm", Some("c2ln"))],
        };
        let error = refused(hi().message(message));
        assert_eq!(error.kind, ErrorKind::InvalidInput);
    }
}

#[test]
fn an_answer_in_one_piece_is_asked_for_without_a_stream() {
    testing::reset();
    let answer = json!({"type": "message", "content": [], "stop_reason": "end_turn"});
    testing::http(move |_| Ok(testing::response(200).json(&answer)));
    let request = Request {
        stream: false,
        ..hi()
    };
    Anthropic.complete(request).unwrap().for_each(drop);
    let sent = testing::http_requests().remove(0);
    let accept = ("accept".to_owned(), "application/json".to_owned());
    assert!(sent.headers.contains(&accept), "{:?}", sent.headers);
    let sent: Value = serde_json::from_slice(&sent.body.unwrap()).unwrap();
    let mut want = body(hi());
    want["stream"] = json!(false);
    assert_eq!(sent, want);
}
