//! The very JSON that is sent, by the page "Create a Message" of Anthropic's reference.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use serde_json::Value;

use super::replay::*;

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message {
        role,
        name: None,
        parts,
    }
}

fn image(media_type: &str, source: ImageSource) -> Part {
    Part::Image(Image {
        media_type: media_type.to_owned(),
        source,
    })
}

fn weather() -> ToolDefinition {
    ToolDefinition {
        name: "get_weather".to_owned(),
        description: "Get the current weather".to_owned(),
        parameters:
            "{\n \"type\": \"object\", \"properties\": {\"location\": {\"type\": \"string\"}}\n}"
                .to_owned(),
    }
}

fn tool_call(id: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "get_weather".to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn tool_result(id: &str, content: &str) -> Part {
    Part::ToolResult(ToolResult {
        tool_call_id: id.to_owned(),
        content: content.to_owned(),
    })
}

fn messages(request: Request) -> Value {
    body(request)["messages"].take()
}

#[test]
fn a_text() {
    let request = Request::new("claude-opus-4-6")
        .system("Be kind.")
        .user("Hi");
    let want = json!({
        "model": "claude-opus-4-6",
        "max_tokens": 4096,
        "system": "Be kind.",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "Bye"},
        ],
        "stream": true,
    });
    assert_eq!(body(request.assistant("Hello.").user("Bye")), want);
}

#[test]
fn the_head_of_the_request() {
    let sent = send(json!({}), hi()).unwrap();
    assert_eq!(sent.method, "POST");
    assert_eq!(sent.url, "https://api.anthropic.com/v1/messages");
    assert_eq!(sent.credential.as_deref(), Some("anthropic"));
    assert_eq!(sent.timeout_ms, Some(120_000));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let want = [
        header("accept", "text/event-stream"),
        header("content-type", "application/json"),
        header("anthropic-version", "2023-06-01"),
    ];
    assert_eq!(sent.headers, want, "and above all no x-api-key");
}

#[test]
fn credential_address_and_timeout_are_the_admins() {
    for base_url in ["https://llm.example/api", "https://llm.example/api/v1/"] {
        let settings = json!({"base_url": base_url, "credential": "mine", "timeout_ms": 5});
        let sent = send(settings, hi()).unwrap();
        assert_eq!(sent.url, "https://llm.example/api/v1/messages");
        assert_eq!(
            (sent.credential.as_deref(), sent.timeout_ms),
            (Some("mine"), Some(5))
        );
    }
    let sent = send(json!({"credential": ""}), hi()).unwrap();
    assert_eq!(sent.credential, None);
}

#[test]
fn system_messages_are_gathered_wherever_they_stand() {
    let request = Request::new("m").system("a").user("Hi").system("b");
    let body = body(request);
    let want = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
    assert_eq!(body["system"], want);
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Hi"}]));
}

#[test]
fn messages_of_one_role_are_joined() {
    let request = Request::new("m")
        .user("a")
        .user("b")
        .assistant("c")
        .assistant("d");
    let text = |text: &str| json!({"type": "text", "text": text});
    let want = json!([
        {"role": "user", "content": [text("a"), text("b")]},
        {"role": "assistant", "content": [text("c"), text("d")]},
    ]);
    assert_eq!(messages(request), want);
}

#[test]
fn blank_texts_are_left_out() {
    let request = Request::new("m")
        .system(" ")
        .user("")
        .user("a")
        .assistant("\n")
        .user("b");
    let body = body(request);
    assert_eq!(body.get("system"), None);
    let want = json!([{"role": "user", "content": [
        {"type": "text", "text": "a"}, {"type": "text", "text": "b"},
    ]}]);
    assert_eq!(body["messages"], want);
}

#[test]
fn images_as_bytes_and_by_address() {
    let request = Request::new("m").message(message(
        Role::User,
        vec![
            Part::Text("What is in these?".to_owned()),
            image(
                "image/png",
                ImageSource::Bytes(vec![0x89, b'P', b'N', b'G']),
            ),
            image("", ImageSource::Url("https://a.example/b.jpg".to_owned())),
        ],
    ));
    let want = json!([{"role": "user", "content": [
        {"type": "text", "text": "What is in these?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
        {"type": "image", "source": {"type": "url", "url": "https://a.example/b.jpg"}},
    ]}]);
    assert_eq!(messages(request), want);
}

#[test]
fn tools_their_calls_and_their_results() {
    let calls = vec![
        Part::Text("Let me see.".to_owned()),
        tool_call("toolu_1", " {\"b\": 1.0, \"a\": 12345678901234567890123} "),
        tool_call("toolu_2", ""),
    ];
    let request = hi()
        .tool(weather())
        .message(message(Role::Assistant, calls))
        .message(message(Role::Tool, vec![tool_result("toolu_1", "22 °C")]))
        .message(Message::tool_result("toolu_2", ""))
        .user("Well?");
    let sent = send(json!({}), request).unwrap();
    let sent = String::from_utf8(sent.body.unwrap()).unwrap();
    // As the model wrote it: neither order nor numbers are touched.
    assert!(
        sent.contains("{\"b\": 1.0, \"a\": 12345678901234567890123}"),
        "{sent}"
    );
    let body: Value = serde_json::from_str(&sent).unwrap();
    let schema = json!({"type": "object", "properties": {"location": {"type": "string"}}});
    let want = json!([
        {"name": "get_weather", "description": "Get the current weather", "input_schema": schema},
    ]);
    assert_eq!(body["tools"], want);
    assert_eq!(
        body.get("tool_choice"),
        None,
        "auto is the API's own default"
    );
    assert_eq!(body["messages"][1]["role"], "assistant");
    let blocks = &body["messages"][1]["content"];
    assert_eq!(blocks[0], json!({"type": "text", "text": "Let me see."}));
    assert_eq!(
        (&blocks[1]["type"], &blocks[1]["id"]),
        (&json!("tool_use"), &json!("toolu_1"))
    );
    let want = json!({"type": "tool_use", "id": "toolu_2", "name": "get_weather", "input": {}});
    assert_eq!(blocks[2], want);
    let want = json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "22 °C"},
        {"type": "tool_result", "tool_use_id": "toolu_2"},
        {"type": "text", "text": "Well?"},
    ]});
    assert_eq!(body["messages"][2], want);
}

#[test]
fn results_go_before_texts_of_the_same_turn() {
    let parts = vec![
        Part::Text("a".to_owned()),
        tool_result("1", "x"),
        Part::Text("b".to_owned()),
        tool_result("2", "y"),
    ];
    let sent = messages(Request::new("m").message(message(Role::User, parts)));
    let kinds: Vec<&str> = sent[0]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text", "text"]);
}

#[test]
fn tool_choices() {
    for (choice, want) in [
        (ToolChoice::Forbid, json!({"type": "none"})),
        (ToolChoice::Require, json!({"type": "any"})),
        (
            ToolChoice::Named("get_weather".to_owned()),
            json!({"type": "tool", "name": "get_weather"}),
        ),
    ] {
        let mut request = hi().tool(weather());
        request.tool_choice = choice;
        assert_eq!(body(request)["tool_choice"], want);
    }
    let mut forbid = hi();
    forbid.tool_choice = ToolChoice::Forbid;
    assert_eq!(body(forbid).get("tool_choice"), None);
    let mut require = hi();
    require.tool_choice = ToolChoice::Require;
    let error = refused(require);
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("`tool_choice`"), "{}", error.message);
}

#[test]
fn messages_that_make_no_sense_are_refused() {
    let mut bad_tool = weather();
    bad_tool.parameters = "{".to_owned();
    let of = |role, part| {
        Request::new("m")
            .user("Hi")
            .message(message(role, vec![part]))
    };
    let typed = || image("image/png", ImageSource::Bytes(vec![1]));
    let untyped = image("", ImageSource::Bytes(vec![1]));
    let invalid = ErrorKind::InvalidInput;
    for (request, kind, words) in [
        (Request::new("m"), invalid, "`messages`"),
        (Request::new("m").system("a"), invalid, "`messages`"),
        (
            of(Role::User, tool_call("1", "{}")),
            invalid,
            "only assistants",
        ),
        (of(Role::System, tool_call("1", "{}")), invalid, "`system`"),
        (
            of(Role::Assistant, tool_result("1", "x")),
            invalid,
            "`assistant`",
        ),
        (
            of(Role::Tool, Part::Text("x".to_owned())),
            invalid,
            "`tool`",
        ),
        (
            of(Role::Assistant, tool_call("1", "{")),
            invalid,
            "`1` (`get_weather`): no JSON (",
        ),
        (
            of(Role::Assistant, tool_call("1", "[]")),
            invalid,
            "`1` (`get_weather`): no JSON object",
        ),
        (of(Role::User, untyped), invalid, "media type"),
        (
            of(Role::Assistant, typed()),
            ErrorKind::Unsupported,
            "`messages`: an image in a message of role `assistant`",
        ),
        (
            of(Role::System, typed()),
            ErrorKind::Unsupported,
            "`system`",
        ),
        (hi().tool(bad_tool), invalid, "`get_weather`"),
    ] {
        let error = refused(request);
        assert_eq!(error.kind, kind, "{}", error.message);
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[test]
fn sampling() {
    let request = hi().temperature(0.7).top_p(0.9).top_k(40).max_tokens(64);
    let want = json!({
        "model": "claude-opus-4-6", "messages": [{"role": "user", "content": "Hi"}],
        "stream": true, "max_tokens": 64, "temperature": 0.7, "top_p": 0.9, "top_k": 40,
        "stop_sequences": ["###", "END"],
    });
    assert_eq!(body(request.stop("###").stop("END")), want);
}

#[test]
fn the_limit_of_the_admin_holds_where_the_request_names_none() {
    let settings = json!({"max_tokens": 99});
    assert_eq!(body_with(settings.clone(), hi())["max_tokens"], 99);
    assert_eq!(body_with(settings, hi().max_tokens(5))["max_tokens"], 5);
}

#[test]
fn a_schema_goes_into_the_output_config() {
    let mut request = hi();
    request.response_format = ResponseFormat::JsonSchema(JsonSchemaFormat {
        name: "point".to_owned(),
        schema: "{\"type\":\"object\"}".to_owned(),
        strict: true,
    });
    let format = json!({"type": "json_schema", "schema": {"type": "object"}});
    assert_eq!(
        body(request.clone())["output_config"],
        json!({"format": format})
    );
    request.extra = Some(r#"{"output_config":{"effort":"low"}}"#.to_owned());
    let want = json!({"format": format, "effort": "low"});
    assert_eq!(body(request)["output_config"], want);
}
