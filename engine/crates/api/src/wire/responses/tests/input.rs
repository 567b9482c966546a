//! Items, and the messages they become.

use expect_test::expect;
use inkstone_domain::chat::{Image, ImageSource, Message, Part, Role, Thought, ToolCall};
use serde_json::{Value, json};

use super::{check_refusal, converted};

fn messages(items: Value) -> Vec<Message> {
    converted(json!({"input": items})).0.messages
}

fn message(role: Role, parts: impl Into<Vec<Part>>) -> Message {
    Message {
        role,
        name: None,
        parts: parts.into(),
    }
}

fn call(id: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "weather".to_owned(),
        arguments: "{\"city\":\"Oslo\"}".to_owned(),
    })
}

fn thought(text: &str, signature: Option<&str>) -> Part {
    Part::Thought(Thought {
        text: text.to_owned(),
        signature: signature.map(str::to_owned),
    })
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

#[test]
fn messages_carry_texts_and_images() {
    let items = json!([
        {"role": "developer", "content": "be brief"},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "what is this?"},
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0K", "detail": "low"},
            {"type": "input_image", "image_url": "https://example.org/a.jpg"}]},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "a dot", "annotations": []},
            {"type": "refusal", "refusal": "no more"}]},
    ]);
    let image = |media_type: &str, source| {
        Part::Image(Image {
            media_type: media_type.to_owned(),
            source,
        })
    };
    assert_eq!(
        messages(items),
        [
            Message::text(Role::System, "be brief"),
            message(
                Role::User,
                [
                    text("what is this?"),
                    image("image/png", ImageSource::Bytes(b"\x89PNG\r\n"[..].into())),
                    image("", ImageSource::Url("https://example.org/a.jpg".to_owned())),
                ]
            ),
            message(Role::Assistant, [text("a dot"), text("no more")]),
        ]
    );
}

#[test]
fn what_an_assistant_did_at_once_is_one_message() {
    let call_item = |id: &str| {
        json!({"type": "function_call", "id": "fc_1", "call_id": id, "name": "weather",
               "arguments": "{\"city\":\"Oslo\"}", "status": "completed"})
    };
    let items = json!([
        {"role": "user", "content": "weather?"},
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "sig",
         "summary": [{"type": "summary_text", "text": "cold"}]},
        {"role": "assistant", "content": "let me see"},
        call_item("c1"),
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "and"}]},
        call_item("c2"),
        {"type": "function_call_output", "call_id": "c1", "output": "4 °C"},
        {"type": "function_call_output", "call_id": "c2", "output": [
            {"type": "input_text", "text": "5 "}, {"type": "input_text", "text": "°C"}]},
        call_item("c3"),
    ]);
    let result = |id: &str, content: &str| {
        let result = Part::ToolResult {
            tool_call_id: id.to_owned(),
            content: content.to_owned(),
        };
        message(Role::Tool, [result])
    };
    assert_eq!(
        messages(items),
        [
            Message::text(Role::User, "weather?"),
            message(
                Role::Assistant,
                [
                    thought("cold", Some("sig")),
                    text("let me see"),
                    call("c1"),
                    thought("and", None),
                    call("c2"),
                ]
            ),
            result("c1", "4 °C"),
            result("c2", "5 °C"),
            message(Role::Assistant, [call("c3")]),
        ]
    );
}

#[test]
fn what_an_assistant_said_at_different_times_stays_apart() {
    let items = json!([
        {"role": "assistant", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"role": "assistant", "content": "three"},
    ]);
    assert_eq!(
        messages(items),
        [
            message(Role::Assistant, [text("one")]),
            message(Role::Assistant, [text("two")]),
            message(Role::Assistant, [thought("hm", None), text("three")]),
        ]
    );
}

#[test]
fn a_thought_that_tells_nothing_is_left_out() {
    let items = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": null},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": ""},
        {"role": "user", "content": "hi"},
    ]);
    assert_eq!(messages(items), [Message::text(Role::User, "hi")]);
}

#[test]
fn an_input_is_needed() {
    check_refusal(
        json!({"input": null}),
        expect![[r#"
        /input: must be a text or a list of at least one item
    "#]],
    );
    check_refusal(
        json!({"input": []}),
        expect![[r#"
        /input: must be a text or a list of at least one item
    "#]],
    );
}

#[test]
fn wrong_items_are_told_by_name() {
    check_refusal(
        json!({"input": [
            {"content": "who?"},
            {"role": "tool", "content": "4"},
            {"role": "user"},
            {"type": "item_reference", "id": "msg_1"},
            {"type": "web_search_call", "id": "ws_1"},
            {"type": "function_call", "arguments": "{}"},
            {"type": "function_call_output"},
            {"type": "function_call_output", "call_id": "c", "output": [
                {"type": "input_image", "image_url": "https://example.org/a.png"}]},
        ]}),
        expect![[r#"
            /input/0/role: a message needs a role: `user`, `assistant`, `system` or `developer`
            /input/1/role: `tool` is not read here; send an item of the type `function_call_output`
            /input/2/content: must be a string or a list of parts
            /input/3/type: `item_reference` is not possible here, since nothing is stored; send the item itself
            /input/4/type: `web_search_call` is not one of `message`, `function_call`, `function_call_output`, `reasoning`
            /input/5/name: a call must name its function
            /input/5/call_id: must name the call; it ties the output to it
            /input/6/output: must be a string or a list of parts
            /input/6/call_id: must name the call; it ties the output to it
            /input/7/output/0/type: `input_image` is not read here; an output is made of `input_text`
        "#]],
    );
}

#[test]
fn wrong_parts_are_told_by_name() {
    check_refusal(
        json!({"input": [
            {"role": "user", "content": [
                {"type": "text", "text": "a"}, {"type": "input_text"}, {"type": "input_file", "file_id": "f"},
                {"type": "input_image", "file_id": "f"}, {"type": "input_image", "image_url": "http://a.b/c.png"},
                {"type": "refusal", "refusal": "no"}]},
            {"role": "assistant", "content": [{"type": "input_image", "image_url": "https://a.b/c.png"}]},
        ]}),
        expect![[r#"
            /input/0/content/0/type: `text` is not read here; use `input_text`, `output_text` or `input_image`
            /input/0/content/1/text: a part of the type `input_text` needs a text
            /input/0/content/2/type: `input_file` is not read here; use `input_text`, `output_text` or `input_image`
            /input/0/content/3/image_url: an image needs a URL: no files are stored here
            /input/0/content/4/image_url: must be `https://…` or `data:image/<type>;base64,<data>`
            /input/0/content/5/type: `refusal` is not read here; use `input_text`, `output_text` or `input_image`
            /input/1/content/0/type: only a message of the role `user` can carry images
        "#]],
    );
}
