//! The very JSON that is sent, by the page "Chat API (v2)" of Cohere's reference, and "Tool use" for how a conversation
//! goes on.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::*;
use inkstone_plugin::{http, testing};
use serde_json::Value;

use crate::Cohere;

fn send(settings: Value, request: Request) -> Result<http::Request> {
    testing::reset();
    testing::settings(&settings);
    testing::http(|_| Ok(testing::response(200).json(&json!({"finish_reason": "COMPLETE"}))));
    Cohere.complete(request)?.for_each(drop);
    Ok(testing::http_requests().remove(0))
}

fn body(request: Request) -> Value {
    body_with(json!({}), request)
}

fn body_with(settings: Value, request: Request) -> Value {
    let sent = send(settings, request).unwrap();
    serde_json::from_slice(&sent.body.unwrap()).unwrap()
}

fn refused(request: Request) -> Error {
    let error = send(json!({}), request).unwrap_err();
    let sent = testing::http_requests();
    assert!(sent.is_empty(), "it was sent all the same");
    error
}

fn hi() -> Request {
    Request::new("command-a-03-2025").user("Hi")
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message {
        role,
        name: None,
        parts,
    }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn thought(text: &str) -> Part {
    Part::Thought(Thought {
        text: text.to_owned(),
        signature: None,
    })
}

fn call(id: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments: "{\"at\":\"sky\"}".to_owned(),
    })
}

fn image(media_type: &str, source: ImageSource) -> Part {
    Part::Image(Image {
        media_type: media_type.to_owned(),
        source,
    })
}

fn with_tools(choice: ToolChoice) -> Request {
    let tool = |name: &str| ToolDefinition {
        name: name.to_owned(),
        description: String::new(),
        parameters: r#"{"type":"object"}"#.to_owned(),
    };
    let mut request = hi().tool(tool("look")).tool(tool("listen"));
    request.tool_choice = choice;
    request
}

#[test]
fn the_head_of_the_request() {
    let sent = send(json!({}), hi()).unwrap();
    assert_eq!(
        (sent.method.as_str(), sent.url.as_str()),
        ("POST", "https://api.cohere.com/v2/chat")
    );
    assert_eq!(sent.credential.as_deref(), Some("cohere"));
    assert_eq!(sent.timeout_ms, Some(120_000));
    let names = sent.headers.iter().map(|(name, _)| name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["accept", "content-type"]);
    let settings = json!({"base_url": "https://llm.example/", "credential": "", "timeout_ms": 5});
    let sent = send(settings, hi()).unwrap();
    assert_eq!(sent.url, "https://llm.example/v2/chat");
    assert_eq!((sent.credential, sent.timeout_ms), (None, Some(5)));
}

#[test]
fn a_conversation_streamed_or_not() {
    let request = || hi().system("Be brief.").assistant("Hello.").user("Bye");
    let want = |stream: bool| {
        json!({
            "model": "command-a-03-2025", "stream": stream, "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "system", "content": "Be brief."},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "Bye"},
            ],
        })
    };
    assert_eq!(body(request()), want(true));
    let stream = false;
    assert_eq!(
        body(Request {
            stream,
            ..request()
        }),
        want(false)
    );
}

#[test]
fn sampling_has_its_names() {
    let mut request = hi().temperature(0.5).top_p(0.25).top_k(40).seed(7);
    request.sampling.frequency_penalty = Some(0.5);
    request.sampling.presence_penalty = Some(0.25);
    let request = request.max_tokens(9).stop("END").repeat_penalty(1.0);
    let want = json!({
        "model": "command-a-03-2025", "stream": true,
        "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5, "p": 0.25, "k": 40, "seed": 7, "frequency_penalty": 0.5,
        "presence_penalty": 0.25, "max_tokens": 9, "stop_sequences": ["END"],
    });
    assert_eq!(body(request), want);
}

#[test]
fn tool_calls_go_back_with_their_plan() {
    let request = hi()
        .message(message(
            Role::Assistant,
            vec![thought("I will look."), call("a"), call("b")],
        ))
        .message(message(
            Role::Tool,
            ["a", "b"]
                .map(|id| {
                    Part::ToolResult(ToolResult {
                        tool_call_id: id.to_owned(),
                        content: "blue".to_owned(),
                    })
                })
                .to_vec(),
        ))
        .message(message(
            Role::Assistant,
            vec![thought("Hm."), text("Blue.")],
        ))
        .message(message(Role::Assistant, vec![thought("Hm.")]));
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{\"at\":\"sky\"}"}});
    let want = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "blue"},
        {"role": "tool", "tool_call_id": "b", "content": "blue"},
        {"role": "assistant", "content": "Blue."},
    ]);
    assert_eq!(body(request)["messages"], want);
}

#[test]
fn images_go_as_bytes_or_by_address() {
    let parts = vec![
        text("What?"),
        image("image/png", ImageSource::Bytes(vec![1, 2, 3, 255])),
        image("", ImageSource::Url("https://a.example/b.jpg".to_owned())),
    ];
    let want = json!([
        {"type": "text", "text": "What?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID/w=="}},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.jpg"}},
    ]);
    let sent = body(Request::new("m").message(message(Role::User, parts)));
    assert_eq!(sent["messages"][0]["content"], want);
}

#[test]
fn a_tool_that_must_be_called_is_the_only_one_offered() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    let both = json!([tool("look"), tool("listen")]);
    for (choice, word, tools) in [
        (ToolChoice::Auto, None, both.clone()),
        (ToolChoice::Forbid, Some(json!("NONE")), both.clone()),
        (ToolChoice::Require, Some(json!("REQUIRED")), both),
        (
            ToolChoice::Named("listen".to_owned()),
            Some(json!("REQUIRED")),
            json!([tool("listen")]),
        ),
    ] {
        let body = body(with_tools(choice));
        assert_eq!(
            (body.get("tool_choice"), &body["tools"]),
            (word.as_ref(), &tools)
        );
    }
    let mut request = hi();
    request.tool_choice = ToolChoice::Forbid;
    assert_eq!(body(request.clone()), body(hi()));
    request.tool_choice = ToolChoice::Require;
    assert_eq!(refused(request).kind, ErrorKind::InvalidInput);
    let unknown = with_tools(ToolChoice::Named("smell".to_owned()));
    assert_eq!(refused(unknown).kind, ErrorKind::InvalidInput);
}

#[test]
fn answers_are_held_to_json() {
    let format = |format| {
        let mut request = hi();
        request.response_format = format;
        body(request)["response_format"].take()
    };
    assert_eq!(
        format(ResponseFormat::JsonObject),
        json!({"type": "json_object"})
    );
    let schema = ResponseFormat::JsonSchema(JsonSchemaFormat {
        name: "answer".to_owned(),
        schema: r#"{"type":"object"}"#.to_owned(),
        strict: true,
    });
    let want = json!({"type": "json_object", "json_schema": {"type": "object"}});
    assert_eq!(format(schema), want);
}

#[test]
fn what_the_api_lacks_is_refused_by_name_or_dropped() {
    let mut named = hi();
    named.messages[0].name = Some("Ada".to_owned());
    let mut likely = hi();
    likely.logprobs = Some(0);
    for (field, request) in [
        ("`repeat_penalty`: ", hi().repeat_penalty(1.1)),
        ("`logprobs`: ", likely),
        ("`name`: ", named),
    ] {
        let error = refused(request.clone());
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message.starts_with(field), "{}", error.message);
        let drops = json!({"drop_unsupported": true});
        assert_eq!(body_with(drops, request.clone()), body(hi()));
        let drop_unsupported = true;
        let sent = body(Request {
            drop_unsupported,
            ..request
        });
        assert_eq!(sent, body(hi()), "{field}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    use ErrorKind::{InvalidInput, Unsupported};
    let picture = || image("image/png", ImageSource::Bytes(vec![1]));
    let mut bad_tool = with_tools(ToolChoice::Auto);
    bad_tool.tools[0].parameters = "{".to_owned();
    let of = |role, part| hi().message(message(role, vec![part]));
    for (kind, words, request) in [
        (InvalidInput, "`messages`", Request::new("m")),
        (InvalidInput, "`tool`", of(Role::Tool, text("x"))),
        (InvalidInput, "`user`", of(Role::User, call("a"))),
        (InvalidInput, "`system`", of(Role::System, thought("hm"))),
        (Unsupported, "`messages`: ", of(Role::Assistant, picture())),
        (
            InvalidInput,
            "media type",
            of(Role::User, image("", ImageSource::Bytes(vec![1]))),
        ),
        (InvalidInput, "`look`", bad_tool),
    ] {
        let error = refused(request);
        assert_eq!(error.kind, kind, "{}", error.message);
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[test]
fn further_fields_are_passed_on_or_refused_by_name() {
    let with = |extra: Value| {
        let mut request = hi();
        request.extra = Some(extra.to_string());
        request
    };
    let documents = json!({"documents": ["a"], "safety_mode": "OFF", "stream": false});
    let sent = body(with(documents));
    assert_eq!(
        (&sent["documents"], &sent["stream"]),
        (&json!(["a"]), &json!(true))
    );
    for name in ["k", "top_k", "p", "logprobs", "stop_sequences"] {
        let error = refused(with(json!({name: 1})));
        assert!(error.message.contains(name), "{}", error.message);
    }
}
