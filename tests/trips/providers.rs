//! Every provider of a hosted service in a real engine, against a server that answers as the service's
//! reference has it: the key goes out in the service's own header, and the text comes back.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::engine::Setup;
use crate::upstream::serve;

const OPENAI: &str = include_str!("../../plugins/provider-openai/tests/data/chat_stream.sse");
const ANTHROPIC: &str = include_str!("../../plugins/provider-anthropic/tests/data/stream_text.sse");
const GEMINI: &str = include_str!("../../plugins/provider-gemini/tests/data/stream.sse");

/// The provider's name, its credential and the header that carries it.
const PROVIDERS: [(&str, &str, &str); 8] = [
    ("anthropic", "anthropic", "x-api-key"),
    ("gemini", "gemini", "x-goog-api-key"),
    ("mistral", "mistral", "authorization"),
    ("deepseek", "deepseek", "authorization"),
    ("groq", "groq", "authorization"),
    ("openrouter", "openrouter", "authorization"),
    ("huggingface", "huggingface", "authorization"),
    ("ollama", "", ""),
];

/// The path of each request, and the keys that came with it.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

async fn answer(State(seen): State<Seen>, uri: Uri, headers: HeaderMap) -> Response {
    let keys = ["authorization", "x-api-key", "x-goog-api-key"].map(|name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.map(|value| format!("{name}: {value}"))
    });
    let keys: Vec<String> = keys.into_iter().flatten().collect();
    let path = uri.path().to_owned();
    seen.lock().unwrap().push((path.clone(), keys.join(", ")));
    let stream = match path.as_str() {
        path if path.ends_with("/v1/messages") => ANTHROPIC,
        path if path.ends_with(":streamGenerateContent") => GEMINI,
        path if path.ends_with("/chat/completions") => OPENAI,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], stream).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_speaks_its_services_language() {
    let seen = Seen::default();
    let app = Router::new().fallback(answer).with_state(seen.clone());
    let upstream = serve(app).await;
    let mut setup = Setup::new();
    for (name, credential, carrier) in PROVIDERS {
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
    for (name, credential, carrier) in PROVIDERS {
        let request = json!({
            "model": format!("{name}/m"),
            "messages": [{ "role": "user", "content": "Hi" }],
        });
        seen.lock().unwrap().clear();
        let (status, reply) = engine.post("/v1/chat/completions", &request).await;
        assert_eq!(status, 200, "{name}: {reply}");
        let said = reply["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(said.starts_with("Grüße"), "{name}: {reply}");
        assert!(
            reply["usage"]["prompt_tokens"].as_u64() > Some(0),
            "{name}: {reply}"
        );
        let sent = match credential {
            "" => String::new(),
            _ => format!("{carrier}: {}secret-of-{credential}", prefix(carrier)),
        };
        let requests = seen.lock().unwrap().clone();
        assert_eq!(requests.len(), 1, "{name}: {requests:?}");
        assert_eq!(requests[0].1, sent, "{name}");
    }
}

fn prefix(carrier: &str) -> &'static str {
    match carrier {
        "authorization" => "Bearer ",
        _ => "",
    }
}
