//! Every provider of a hosted service in a real engine, against a server that answers as the service's
//! reference has it: the key goes out in the service's own header, and the text comes back.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::calls::events_of;
use crate::engine::{Engine, Setup};
use crate::upstream::serve;

/// What a service says to a plain request and to a streamed one, each with how it begins.
type Answers = [(&'static str, &'static str); 2];

const OPENAI: Answers = [
    (
        include_str!("../../plugins/provider-openai/tests/data/chat_whole.json"),
        "Hello!",
    ),
    (
        include_str!("../../plugins/provider-openai/tests/data/chat_stream.sse"),
        "Grüße",
    ),
];
const ANTHROPIC: Answers = [
    (
        include_str!("../../plugins/provider-anthropic/tests/data/message_whole.json"),
        "Hi!",
    ),
    (
        include_str!("../../plugins/provider-anthropic/tests/data/stream_text.sse"),
        "Grüße",
    ),
];
const GEMINI: Answers = [
    (
        include_str!("../../plugins/provider-gemini/tests/data/whole.json"),
        "Grüße",
    ),
    (
        include_str!("../../plugins/provider-gemini/tests/data/stream.sse"),
        "Grüße",
    ),
];
const COHERE: Answers = [
    (
        include_str!("../../plugins/provider-cohere/tests/data/chat_whole.json"),
        "One moment.",
    ),
    (
        include_str!("../../plugins/provider-cohere/tests/data/chat_stream.sse"),
        "Yes, gym",
    ),
];

/// The provider's name, its credential, the header that carries it, and the answers of its service.
const PROVIDERS: [(&str, &str, &str, &Answers); 9] = [
    ("anthropic", "anthropic", "x-api-key", &ANTHROPIC),
    ("gemini", "gemini", "x-goog-api-key", &GEMINI),
    ("cohere", "cohere", "authorization", &COHERE),
    ("mistral", "mistral", "authorization", &OPENAI),
    ("deepseek", "deepseek", "authorization", &OPENAI),
    ("groq", "groq", "authorization", &OPENAI),
    ("openrouter", "openrouter", "authorization", &OPENAI),
    ("huggingface", "huggingface", "authorization", &OPENAI),
    ("ollama", "", "", &OPENAI),
];

/// The path of each request, and the keys that came with it.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

async fn answer(
    State(seen): State<Seen>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let keys = ["authorization", "x-api-key", "x-goog-api-key"].map(|name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map(|value| format!("{name}: {value}"))
    });
    let keys: Vec<String> = keys.into_iter().flatten().collect();
    let path = uri.path().to_owned();
    seen.lock().unwrap().push((path.clone(), keys.join(", ")));
    let is_stream = body["stream"] == true || path.ends_with(":streamGenerateContent");
    let answers = match path.as_str() {
        path if path.ends_with("/v1/messages") => ANTHROPIC,
        path if path.ends_with(":streamGenerateContent") => GEMINI,
        path if path.ends_with(":generateContent") => GEMINI,
        path if path.ends_with("/v2/chat") => COHERE,
        path if path.ends_with("/chat/completions") => OPENAI,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let (kind, answer) = match is_stream {
        false => ("application/json", answers[0].0),
        true => ("text/event-stream", answers[1].0),
    };
    ([(header::CONTENT_TYPE, kind)], answer).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_speaks_its_services_language() {
    let seen = Seen::default();
    let app = Router::new().fallback(answer).with_state(seen.clone());
    let upstream = serve(app).await;
    let mut setup = Setup::new();
    for (name, credential, carrier, _) in PROVIDERS {
        let credentials = match credential {
            "" => String::new(),
            _ => format!(r#", credentials = ["{credential}"]"#),
        };
        setup.plugins += &format!(
            r#"
[[plugin]]
id = "provider-{name}"
source = {{ path = "provider-{name}.wasm" }}
enabled = true
grants = {{ outbound_hosts = ["{upstream}"]{credentials} }}
settings = {{ base_url = "{upstream}", models = ["m"] }}
"#
        );
        if credential.is_empty() {
            continue;
        }
        let of = |key: &str| {
            format!(
                "INKSTONE__CREDENTIALS__{}__{key}",
                credential.to_uppercase()
            )
        };
        let variable = format!("KEY_OF_{}", credential.to_uppercase());
        setup = setup
            .set(&of("SECRET__ENV"), variable.as_str())
            .set(&variable, format!("secret-of-{credential}"))
            .set(&of("HOSTS"), format!(r#"["{upstream}"]"#))
            .set(&of("HEADER"), carrier)
            .set(&of("PREFIX"), prefix(carrier));
    }
    let engine = setup.start().await;
    for (name, credential, carrier, answers) in PROVIDERS {
        let sent = match credential {
            "" => String::new(),
            _ => format!("{carrier}: {}secret-of-{credential}", prefix(carrier)),
        };
        for (is_stream, (_, beginning)) in [false, true].into_iter().zip(answers) {
            seen.lock().unwrap().clear();
            let (said, prompt_tokens) = ask(&engine, name, is_stream).await;
            assert!(said.starts_with(beginning), "{name}: {said}");
            assert!(prompt_tokens > 0, "{name}: {said}");
            let requests = seen.lock().unwrap().clone();
            assert_eq!(requests.len(), 1, "{name}: {requests:?}");
            assert_eq!(requests[0].1, sent, "{name}");
        }
    }
}

/// The text of the answer, and the tokens of the prompt.
async fn ask(engine: &Engine, provider: &str, is_stream: bool) -> (String, u64) {
    let mut request = json!({
        "model": format!("{provider}/m"),
        "messages": [{ "role": "user", "content": "Hi" }],
        "stream": is_stream,
    });
    let path = "/v1/chat/completions";
    if !is_stream {
        let (status, reply) = engine.post(path, &request).await;
        assert_eq!(status, 200, "{provider}: {reply}");
        let said = reply["choices"][0]["message"]["content"].as_str();
        let tokens = reply["usage"]["prompt_tokens"].as_u64();
        return (said.unwrap().to_owned(), tokens.unwrap());
    }
    request["stream_options"] = json!({ "include_usage": true });
    let reply = engine.request("POST", path).json(&request).send().await;
    let text = reply.unwrap().text().await.unwrap();
    let events = events_of(&text);
    let pieces = events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    let tokens = events.last().unwrap()["usage"]["prompt_tokens"].as_u64();
    (
        pieces.collect(),
        tokens.unwrap_or_else(|| panic!("{provider}: {text}")),
    )
}

fn prefix(carrier: &str) -> &'static str {
    match carrier {
        "authorization" => "Bearer ",
        _ => "",
    }
}
