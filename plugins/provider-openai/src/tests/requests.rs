//! The very JSON that is sent, by the page "Create chat completion" of OpenAI's reference.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::{http, testing};
use serde_json::Value;

use crate::OpenAi;

fn send(settings: Value, request: Request) -> Result<http::Request> {
    testing::reset();
    testing::settings(&settings);
    testing::http(|_| {
        let body = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        Ok(testing::response(200).body(body))
    });
    OpenAi.complete(request)?.collect::<Result<Vec<Chunk>>>()?;
    Ok(testing::http_requests().remove(0))
}

/// What OpenAI would get.
pub fn body(request: Request) -> Value {
    body_with(json!({}), request)
}

fn body_with(settings: Value, request: Request) -> Value {
    let sent = send(settings, request).unwrap();
    serde_json::from_slice(&sent.body.unwrap()).unwrap()
}

fn refused(request: Request) -> Error {
    let error = send(json!({}), request).unwrap_err();
    assert!(
        testing::http_requests().is_empty(),
        "it was sent all the same"
    );
    error
}

fn compatible() -> Value {
    json!({"base_url": "http://127.0.0.1:8080/v1"})
}

fn hi() -> Request {
    Request::new("gpt-4.1").user("Hi")
}

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
        name: "get_current_weather".to_owned(),
        description: "Get the current weather".to_owned(),
        parameters:
            "{\n \"type\": \"object\", \"properties\": {\"location\": {\"type\": \"string\"}}\n}"
                .to_owned(),
    }
}

fn tool_call(id: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "get_current_weather".to_owned(),
        arguments: "{\"location\":\"Boston, MA\"}".to_owned(),
    })
}

#[test]
fn a_text() {
    let request = Request::new("gpt-4.1").system("Be kind.").user("Hi");
    let want = json!({
        "model": "gpt-4.1",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "Bye"},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    assert_eq!(body(request.assistant("Hello.").user("Bye")), want);
}

#[test]
fn the_head_of_the_request() {
    let sent = send(json!({}), hi()).unwrap();
    assert_eq!(sent.method, "POST");
    assert_eq!(sent.url, "https://api.openai.com/v1/chat/completions");
    assert_eq!(sent.credential.as_deref(), Some("openai"));
    assert_eq!(sent.timeout_ms, Some(120_000));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let want = [
        header("accept", "text/event-stream"),
        header("content-type", "application/json"),
    ];
    assert_eq!(sent.headers, want, "and above all no authorization");
}

#[test]
fn organization_credential_address_and_timeout_are_the_admins() {
    let settings = json!({
        "base_url": "https://llm.example/api/v1/", "organization": "org-1",
        "credential": "mine", "timeout_ms": 5,
    });
    let sent = send(settings, hi()).unwrap();
    assert_eq!(sent.url, "https://llm.example/api/v1/chat/completions");
    let organization = ("openai-organization".to_owned(), "org-1".to_owned());
    assert!(sent.headers.contains(&organization));
    assert!(sent.headers.iter().all(|(name, _)| name != "authorization"));
    assert_eq!(
        (sent.credential.as_deref(), sent.timeout_ms),
        (Some("mine"), Some(5))
    );
    let sent = send(json!({"credential": ""}), hi()).unwrap();
    assert_eq!(sent.credential, None);
}

#[test]
fn usage_is_not_asked_where_the_server_refuses_it() {
    let body = body_with(json!({"include_usage": false}), hi());
    assert_eq!(
        (&body["stream"], body.get("stream_options")),
        (&json!(true), None)
    );
}

#[test]
fn names_tell_speakers_apart() {
    let mut ann = Message::user("Hi");
    ann.name = Some("Ann".to_owned());
    let body = body(Request::new("m").message(ann));
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "name": "Ann", "content": "Hi"}])
    );
}

#[test]
fn images_as_bytes_and_by_address() {
    let request = Request::new("gpt-4.1").message(message(
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
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.jpg"}},
    ]}]);
    assert_eq!(body(request)["messages"], want);
}

#[test]
fn images_that_cannot_be_sent_are_refused() {
    let untyped = image("", ImageSource::Bytes(vec![1]));
    let error = refused(Request::new("m").message(message(Role::User, vec![untyped])));
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(error.message.contains("media type"), "{}", error.message);
    let typed = image("image/png", ImageSource::Bytes(vec![1]));
    let error = refused(Request::new("m").message(message(Role::Assistant, vec![typed])));
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(
        error.message.starts_with("`messages`: "),
        "{}",
        error.message
    );
}

#[test]
fn tools_their_calls_and_their_results() {
    let request = Request::new("gpt-4.1")
        .user("And in Boston?")
        .tool(weather());
    let request = request
        .message(message(
            Role::Assistant,
            vec![tool_call("call_1"), tool_call("call_2")],
        ))
        .message(message(
            Role::Tool,
            ["call_1", "call_2"]
                .map(|id| {
                    Part::ToolResult(ToolResult {
                        tool_call_id: id.to_owned(),
                        content: "22 °C".to_owned(),
                    })
                })
                .to_vec(),
        ));
    let body = body(request);
    let parameters = json!({"type": "object", "properties": {"location": {"type": "string"}}});
    let want = json!([{"type": "function", "function": {
        "name": "get_current_weather", "description": "Get the current weather", "parameters": parameters,
    }}]);
    assert_eq!(body["tools"], want);
    assert_eq!(
        body.get("tool_choice"),
        None,
        "auto is the API's own default"
    );
    let call = |id: &str| {
        json!({"id": id, "type": "function", "function": {
            "name": "get_current_weather", "arguments": "{\"location\":\"Boston, MA\"}",
        }})
    };
    let want = json!([
        {"role": "user", "content": "And in Boston?"},
        {"role": "assistant", "content": null, "tool_calls": [call("call_1"), call("call_2")]},
        {"role": "tool", "content": "22 °C", "tool_call_id": "call_1"},
        {"role": "tool", "content": "22 °C", "tool_call_id": "call_2"},
    ]);
    assert_eq!(body["messages"], want);
}

#[test]
fn an_assistant_may_speak_and_call() {
    let parts = vec![Part::Text("Let me see.".to_owned()), tool_call("call_1")];
    let body = body(hi().message(message(Role::Assistant, parts)));
    assert_eq!(body["messages"][1]["content"], "Let me see.");
    assert_eq!(body["messages"][1]["tool_calls"][0]["id"], "call_1");
}

#[test]
fn tool_choices() {
    let named = json!({"type": "function", "function": {"name": "get_current_weather"}});
    for (choice, want) in [
        (ToolChoice::Forbid, json!("none")),
        (ToolChoice::Require, json!("required")),
        (ToolChoice::Named("get_current_weather".to_owned()), named),
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
fn messages_that_make_no_sense_are_invalid_input() {
    let mut bad_tool = weather();
    bad_tool.parameters = "{".to_owned();
    for (request, words) in [
        (Request::new("m"), "`messages`"),
        (
            hi().message(message(Role::User, vec![tool_call("1")])),
            "only assistants",
        ),
        (
            hi().message(message(
                Role::User,
                vec![Part::Thought(Thought {
                    text: "Hm.".to_owned(),
                    signature: None,
                })],
            )),
            "only assistants",
        ),
        (hi().message(Message::new(Role::Tool, "x")), "`tool`"),
        (hi().tool(bad_tool), "get_current_weather"),
    ] {
        let error = refused(request);
        assert_eq!(error.kind, ErrorKind::InvalidInput);
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[test]
fn response_formats() {
    assert_eq!(body(hi()).get("response_format"), None);
    let mut request = hi();
    request.response_format = ResponseFormat::JsonObject;
    assert_eq!(
        body(request)["response_format"],
        json!({"type": "json_object"})
    );
    for strict in [true, false] {
        let mut request = hi();
        request.response_format = ResponseFormat::JsonSchema(JsonSchemaFormat {
            name: "point".to_owned(),
            schema: "{\"type\":\"object\"}".to_owned(),
            strict,
        });
        let want = json!({"type": "json_schema", "json_schema": {
            "name": "point", "schema": {"type": "object"}, "strict": strict,
        }});
        assert_eq!(body(request)["response_format"], want);
    }
}

#[test]
fn sampling_for_openai() {
    let mut request = hi()
        .temperature(0.7)
        .top_p(0.9)
        .seed(u64::MAX)
        .max_tokens(64);
    request.sampling.frequency_penalty = Some(-0.5);
    request.sampling.presence_penalty = Some(1.5);
    let want = json!({
        "model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}],
        "stream": true, "stream_options": {"include_usage": true},
        "temperature": 0.7, "top_p": 0.9, "frequency_penalty": -0.5, "presence_penalty": 1.5,
        "seed": u64::MAX, "max_completion_tokens": 64, "stop": ["\n", "END"],
    });
    assert_eq!(body(request.stop("\n").stop("END")), want);
}

#[test]
fn sampling_for_compatible_servers() {
    let request = hi().max_tokens(64).top_k(40).repeat_penalty(1.15);
    let want = json!({
        "model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}],
        "stream": true, "stream_options": {"include_usage": true},
        "max_tokens": 64, "top_k": 40, "repeat_penalty": 1.15, "repetition_penalty": 1.15,
    });
    assert_eq!(body_with(compatible(), request), want);
}

#[test]
fn the_dialect_can_be_set() {
    let openai = json!({"base_url": "http://127.0.0.1:8080/v1", "dialect": "openai"});
    let body = body_with(openai, hi().max_tokens(1));
    assert_eq!(
        (&body["max_completion_tokens"], body.get("max_tokens")),
        (&json!(1), None)
    );
    let body = body_with(json!({"dialect": "compatible"}), hi().max_tokens(1));
    assert_eq!(
        (&body["max_tokens"], body.get("max_completion_tokens")),
        (&json!(1), None)
    );
}

#[test]
fn local_sampling_is_refused_at_openai_by_name() {
    for (request, field) in [
        (hi().top_k(40), "`top_k`"),
        (hi().repeat_penalty(1.15), "`repeat_penalty`"),
    ] {
        let error = refused(request);
        assert_eq!(error.kind, ErrorKind::Unsupported);
        let field = format!("{field}: ");
        assert!(error.message.starts_with(&field), "{}", error.message);
        assert!(
            error.message.contains("`local_sampling`"),
            "{}",
            error.message
        );
    }
}

#[test]
fn a_request_may_say_that_what_is_lacking_is_dropped() {
    let request = || Request {
        drop_unsupported: true,
        ..hi().top_k(40).repeat_penalty(1.15)
    };
    assert_eq!(body(request()), body(hi()));
    // Where the server has the fields, there is nothing to drop.
    assert_eq!(body_with(compatible(), request())["top_k"], 40);
}

#[test]
fn thoughts_are_left_out_without_a_word() {
    let thought = || {
        Part::Thought(Thought {
            text: "Hm.".to_owned(),
            signature: Some("c2ln".to_owned()),
        })
    };
    let with = |parts| body(hi().message(message(Role::Assistant, parts)));
    let alone = |part: Part| with(vec![part]);
    let call = with(vec![thought(), tool_call("call_1")]);
    assert_eq!(call, alone(tool_call("call_1")));
    let text = Part::Text("Hello.".to_owned());
    assert_eq!(with(vec![thought(), text.clone()]), alone(text));
    assert_eq!(alone(thought()), body(hi()), "there is nothing left to say");
}

#[test]
fn a_repeat_penalty_of_one_is_none() {
    let openai = body(hi().repeat_penalty(1.0));
    assert_eq!(openai.get("repeat_penalty"), None);
    // A server may have a penalty of its own, which 1 turns off.
    let other = body_with(compatible(), hi().repeat_penalty(1.0));
    assert_eq!(other["repeat_penalty"], 1.0);
}

#[test]
fn local_sampling_can_be_dropped_sent_or_refused_anywhere() {
    let request = || hi().top_k(40).repeat_penalty(1.15);
    for mut settings in [json!({}), compatible()] {
        settings["local_sampling"] = json!("drop");
        let body = body_with(settings.clone(), request());
        for field in ["top_k", "repeat_penalty", "repetition_penalty"] {
            assert_eq!(body.get(field), None, "{settings}");
        }
        settings["local_sampling"] = json!("send");
        assert_eq!(body_with(settings.clone(), request())["top_k"], 40);
        settings["local_sampling"] = json!("refuse");
        let error = send(settings, request()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
    }
}

#[test]
fn extra_fields_are_passed_through() {
    let mut request = hi();
    request.extra = Some(
        r#"{"reasoning_effort":"low","metadata":{"a":1},"stream":false,"stream_options":{},"n":1}"#
            .to_owned(),
    );
    let want = json!({
        "model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}],
        "stream": true, "stream_options": {"include_usage": true},
        "reasoning_effort": "low", "metadata": {"a": 1},
    });
    assert_eq!(body(request), want);
}

#[test]
fn extra_fields_that_cannot_be_are_refused_by_name() {
    for (extra, kind, words) in [
        (r#"{"n":2}"#, ErrorKind::Unsupported, "`n`"),
        (r#"{"model":"x"}"#, ErrorKind::InvalidInput, "`model`"),
        (
            r#"{"max_tokens":1}"#,
            ErrorKind::InvalidInput,
            "`max_tokens`",
        ),
        (r#"{"models":["x"]}"#, ErrorKind::InvalidInput, "`models`"),
        (
            r#"{"fallbacks":["x"]}"#,
            ErrorKind::InvalidInput,
            "`fallbacks`",
        ),
        ("[1]", ErrorKind::InvalidInput, "`extra`"),
        ("{", ErrorKind::InvalidInput, "`extra`"),
    ] {
        let mut request = hi();
        request.extra = Some(extra.to_owned());
        let error = refused(request);
        assert_eq!(error.kind, kind, "{extra}");
        assert!(error.message.contains(words), "{}", error.message);
    }
}
