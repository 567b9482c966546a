//! Plugins that subscribe to events, through the real engine: `subscriber-chat` posts to a chat that listens here,
//! in order and through a kill -9; one that does harm holds up nobody.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};

use crate::engine::{Engine, PATIENCE, Setup, root};
use crate::upstream::serve;

const CHAT: &str = "plugin:subscriber-chat";
const HOSTILE: &str = "plugin:subscriber-hostile";

/// Where messages are posted to.
#[derive(Clone, Default)]
struct Chat {
    is_down: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Chat {
    async fn start() -> (Self, String) {
        let chat = Self::default();
        let router = Router::new().route("/post", post(take));
        let url = serve(router.with_state(chat.clone())).await;
        (chat, url)
    }

    async fn until(&self, is_enough: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let taken = self.taken.lock().unwrap().clone();
            let texts: Vec<String> = taken
                .iter()
                .map(|message| message["text"].as_str().unwrap().to_owned())
                .collect();
            if is_enough(&texts) {
                return texts;
            }
            assert!(Instant::now() < deadline, "{texts:?}");
            // What is waited for happens in a process of its own.
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

async fn take(State(chat): State<Chat>, body: String) -> StatusCode {
    if chat.is_down.load(Ordering::SeqCst) {
        chat.refused.fetch_add(1, Ordering::SeqCst);
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let message = serde_json::from_str(&body).unwrap();
    chat.taken.lock().unwrap().push(message);
    StatusCode::NO_CONTENT
}

/// The list's entry of `subscriber-chat`, which may hear of articles of one project.
fn chat_entry(url: &str) -> String {
    format!(
        r#"
[[plugin]]
id = "subscriber-chat"
source = {{ path = "subscriber-chat.wasm" }}
grants = {{ events = ["article.created in handbook"], outbound_hosts = ["POST {url}"] }}
settings = {{ url = "{url}/post", credential = "", texts = {{ "article.created" = "{{id}}" }} }}
"#
    )
}

fn hostile_entry(harm: &str, events: &str) -> String {
    let built = root().join("tests/guests/dist/subscriber-hostile.wasm");
    format!(
        r#"
[[plugin]]
id = "subscriber-hostile"
source = {{ path = "{}" }}
grants = {{ events = {events}, search = true }}
settings = {{ do = "{harm}" }}
"#,
        built.display()
    )
}

async fn start(setup: Setup) -> Engine {
    // So that after a kill nobody waits long for the dead.
    setup
        .set("INKSTONE__EVENTS__LEASE_MS", "3000")
        .start()
        .await
}

async fn with_handbook(setup: Setup) -> Engine {
    let engine = start(setup).await;
    let (status, made) = engine
        .post("/v1/projects", &json!({"slug": "handbook"}))
        .await;
    assert_eq!(status, 201, "{made}");
    engine
}

/// How a handler stands, once it stands so.
async fn until(engine: &Engine, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let find = |list: &Value| {
        let all = list["data"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).cloned()
    };
    let list = engine
        .until("/v1/events/handlers", |list| {
            find(list).is_some_and(|one| is_so(&one))
        })
        .await;
    find(&list).unwrap()
}

fn is_held(handler: &Value) -> bool {
    handler["holder"].is_string()
}

async fn write(engine: &Engine, project: Option<&str>, title: &str) -> String {
    let article = json!({"title": title, "project": project});
    let (status, made) = engine.post("/v1/articles", &article).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_said_in_order_and_also_after_kill_9() {
    let (chat, url) = Chat::start().await;
    let engine = with_handbook(Setup::new().only(chat_entry(&url))).await;
    let (_, plugin) = engine.get("/v1/plugins/subscriber-chat").await;
    assert_eq!(plugin["kind"], "subscriber", "{plugin}");
    let details = &plugin["details"];
    assert_eq!(details["asked"]["events"], json!(["*"]));
    assert_eq!(
        details["granted"]["events"],
        json!(["article.created in handbook"])
    );
    until(&engine, CHAT, is_held).await;

    let mut written = Vec::new();
    for number in 0..5 {
        write(&engine, None, "of nobody's concern").await;
        written.push(write(&engine, Some("handbook"), &format!("number {number}")).await);
    }
    let said = chat.until(|said| said.len() >= 5).await;
    assert_eq!(said, written);

    // It is down, and the engine dies while it tries again.
    chat.is_down.store(true, Ordering::SeqCst);
    written.push(write(&engine, Some("handbook"), "while it is down").await);
    let failing = |handler: &Value| handler["failing"]["tries"].as_u64() >= Some(2);
    let state = until(&engine, CHAT, failing).await;
    assert_eq!(state["failing"]["type"], "article.created");
    assert!(chat.refused.load(Ordering::SeqCst) >= 2);
    written.push(write(&engine, Some("handbook"), "behind it").await);
    let setup = engine.kill();
    chat.is_down.store(false, Ordering::SeqCst);
    let engine = start(setup).await;
    let said = chat.until(|said| said.len() >= 7).await;
    assert_eq!(said, written);
    let state = until(&engine, CHAT, |handler| handler["behind"] == 0).await;
    assert_eq!(state["failing"], Value::Null);
    assert_eq!(state["passed_over"], json!([]));

    let replay = format!("/v1/events/handlers/{CHAT}/replay");
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    let (status, _) = engine.post(&replay, &since).await;
    assert_eq!(status, 204);
    let said = chat.until(|said| said.len() >= 14).await;
    assert_eq!(said[7..], written);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_harm_holds_up_nobody() {
    for (harm, code) in [("spin", "plugin_cpu_exceeded"), ("trap", "plugin_trapped")] {
        let (chat, url) = Chat::start().await;
        let plugins = chat_entry(&url) + &hostile_entry(harm, r#"["*"]"#);
        let engine = with_handbook(Setup::new().only(plugins)).await;
        for name in [CHAT, HOSTILE] {
            until(&engine, name, is_held).await;
        }
        let mut written = vec![write(&engine, Some("handbook"), "the first").await];
        let failing = |handler: &Value| handler["failing"]["code"] == code;
        until(&engine, HOSTILE, failing).await;
        for number in 0..10 {
            written.push(write(&engine, Some("handbook"), &format!("number {number}")).await);
        }
        let said = chat.until(|said| said.len() >= 11).await;
        assert_eq!(said, written, "{harm}");
        for own in ["webhooks", "notifications", "publications"] {
            until(&engine, own, |handler| handler["behind"] == 0).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_called_it_so_it_searches_for_nobody() {
    // It is granted the power, and nothing says in whose name.
    let entry = hostile_entry("search", r#"["article.*"]"#);
    let setup = Setup::new().only(entry.clone());
    let engine = with_handbook(setup).await;
    until(&engine, HOSTILE, is_held).await;
    write(&engine, Some("handbook"), "one").await;
    let refused = |handler: &Value| handler["failing"]["code"] == "power_denied";
    let state = until(&engine, HOSTILE, refused).await;
    let message = state["failing"]["message"].as_str().unwrap();
    assert!(message.contains("`run_as` in plugins.toml"), "{message}");

    // The list says it: the same event comes through.
    let plugins = engine.setup().data.path().join("plugins.toml");
    let with_name = format!("{entry}run_as = \"{}\"\n", crate::engine::ADMIN_EMAIL);
    std::fs::write(plugins, with_name).unwrap();
    let state = until(&engine, HOSTILE, |handler| handler["behind"] == 0).await;
    assert_eq!(state["failing"], Value::Null);
    assert_eq!(state["passed_over"], json!([]));
    let (_, plugin) = engine.get("/v1/plugins/subscriber-hostile").await;
    assert_eq!(plugin["details"]["run_as"], crate::engine::ADMIN_EMAIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hears_nothing_that_it_was_not_granted() {
    // Whatever it were told of would fail at once.
    let engine = with_handbook(Setup::new().only(hostile_entry("trap", "[]"))).await;
    until(&engine, HOSTILE, is_held).await;
    let (_, plugin) = engine.get("/v1/plugins/subscriber-hostile").await;
    assert_eq!(plugin["details"]["refused"], json!(["events: *", "ai"]));
    write(&engine, Some("handbook"), "one").await;
    let state = until(&engine, HOSTILE, |handler| handler["behind"] == 0).await;
    assert_eq!(state["failing"], Value::Null);
    assert_eq!(state["passed_over"], json!([]));
}
