//! Messages and their blocks.

use expect_test::expect;
use inkstone_domain::chat::{Image, ImageSource, Message, Part, Role, Thought, ToolCall};
use serde_json::{Value, json};

use super::{check_refusal, converted};

fn messages(messages: Value) -> Vec<Message> {
    converted(json!({"max_tokens": 9, "messages": messages})).messages
}

fn message(role: Role, parts: impl Into<Vec<Part>>) -> Message {
    Message {
        role,
        name: None,
        parts: parts.into(),
    }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn thought(text: &str, signature: Option<&str>) -> Part {
    Part::Thought(Thought {
        text: text.to_owned(),
        signature: signature.map(str::to_owned),
    })
}

fn png() -> Part {
    Part::Image(Image {
        media_type: "image/png".to_owned(),
        source: ImageSource::Bytes(b"\x89PNG\r\n"[..].into()),
    })
}

fn png_block() -> Value {
    json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0K"}})
}

fn result(id: &str, content: &str) -> Message {
    let result = Part::ToolResult {
        tool_call_id: id.to_owned(),
        content: content.to_owned(),
    };
    message(Role::Tool, [result])
}

#[test]
fn texts_and_images() {
    let sent = json!([
        {"role": "user", "content": [
            {"type": "text", "text": "wer? 🤔", "cache_control": {"type": "ephemeral"}}, png_block(),
            {"type": "image", "source": {"type": "url", "url": "https://example.org/a.jpg"}}]},
        {"role": "assistant", "content": "Ada"},
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": ""},
    ]);
    let linked = Part::Image(Image {
        media_type: String::new(),
        source: ImageSource::Url("https://example.org/a.jpg".to_owned()),
    });
    assert_eq!(
        messages(sent),
        [
            message(Role::User, [text("wer? 🤔"), png(), linked]),
            Message::text(Role::Assistant, "Ada"),
            Message::text(Role::System, "be brief"),
            Message::text(Role::User, ""),
        ]
    );
}

#[test]
fn tools_make_the_round_trip() {
    let sent = json!([
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "cold", "signature": "sig"},
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "text", "text": "let me see"},
            {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo", "days": 1.0}},
            {"type": "tool_use", "id": "c2", "name": "clock", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": [
                {"type": "text", "text": "4 "}, png_block(), {"type": "text", "text": "°C"}]},
            {"type": "tool_result", "tool_use_id": "c2", "is_error": true, "content": "no clock"},
            {"type": "text", "text": "go on"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c3"}]},
    ]);
    let call = |id: &str, name: &str, arguments: &str| {
        Part::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        })
    };
    assert_eq!(
        messages(sent),
        [
            Message::text(Role::User, "weather?"),
            message(
                Role::Assistant,
                [
                    thought("cold", Some("sig")),
                    thought("", Some("redacted:xyz")),
                    text("let me see"),
                    call("c1", "weather", r#"{"city":"Oslo","days":1.0}"#),
                    call("c2", "clock", "{}"),
                ]
            ),
            result("c1", "4 °C"),
            result("c2", "Error: no clock"),
            message(Role::User, [png(), text("go on")]),
            result("c3", ""),
        ]
    );
}

#[test]
fn a_thought_that_tells_nothing_is_left_out() {
    let sent = json!([{"role": "assistant", "content": [
        {"type": "thinking", "thinking": "", "signature": ""}, {"type": "text", "text": "a"}]}]);
    assert_eq!(messages(sent), [message(Role::Assistant, [text("a")])]);
}

#[test]
fn wrong_blocks_are_told_by_name() {
    check_refusal(
        json!({"messages": [
            {"role": "user", "content": []},
            {"role": "user", "content": [
                {"type": "document", "source": {"type": "text"}}, {"type": "text"}, {"type": "image"},
                {"type": "tool_result", "content": [{"type": "document"}]},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "input": "{}"}, {"type": "server_tool_use"}, png_block()]},
            {"role": "system", "content": [{"type": "thinking", "thinking": "hm"}]},
        ]}),
        expect![[r#"
            /messages/0/content: at least one block is needed
            /messages/1/content/0/type: `document` is not read here; a user sends `text`, `image` or `tool_result`
            /messages/1/content/1/text: a block of the type `text` needs a text
            /messages/1/content/2/source: an image needs a source
            /messages/1/content/3/tool_use_id: is needed
            /messages/1/content/3/content/0/type: `document` is not possible here; only `text` is
            /messages/1/content/4/type: `tool_use` is not read here; a user sends `text`, `image` or `tool_result`
            /messages/2/content/0/input: must be an object
            /messages/2/content/0/id: is needed
            /messages/2/content/0/name: is needed
            /messages/2/content/1/type: `server_tool_use` is not read here; an assistant sends `text`, `tool_use`, `thinking` or `redacted_thinking`
            /messages/2/content/2/type: `image` is not read here; an assistant sends `text`, `tool_use`, `thinking` or `redacted_thinking`
            /messages/3/content/0/type: `thinking` is not possible here; only `text` is
        "#]],
    );
}

#[test]
fn wrong_images_are_told_by_name() {
    let image = |source: Value| json!({"type": "image", "source": source});
    check_refusal(
        json!({"messages": [{"role": "user", "content": [
            image(json!({"type": "base64", "media_type": "image/png", "data": "%%%"})),
            image(json!({"type": "base64", "media_type": "text/html", "data": "aGk="})),
            image(json!({"type": "url", "url": "http://example.org/a.png"})),
            image(json!({"type": "file", "file_id": "f"})),
        ]}]}),
        expect![[r#"
            /messages/0/content/0/source/data: the data is not base64: Invalid symbol 37, offset 0.
            /messages/0/content/1/source: must be `{"type": "base64", "media_type": "image/…", "data": …}`
            /messages/0/content/2/source/url: must be `https://…`
            /messages/0/content/3/source/type: `file` is not one of `base64`, `url`
        "#]],
    );
}
