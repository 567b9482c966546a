//! `/v1/events/ws`, asked by a real client on a real socket.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use inkstone_api::ServeConfig;
use inkstone_domain::engine::EngineRole;
use inkstone_testkit::api_client::{ApiClient, TestApi};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Only a broken test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);
const MOST_SUBSCRIPTIONS: usize = 32;

/// An API on a socket, whose events get their numbers.
struct Served {
    api: TestApi,
    address: SocketAddr,
    _stop: DropGuard,
}

impl Served {
    async fn start() -> Self {
        let api = TestApi::start().await;
        api.services.start(EngineRole::Api, 0);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let until = stop.clone().cancelled_owned();
        let config = ServeConfig::default();
        tokio::spawn(inkstone_api::serve(listener, api.router(), config, until));
        Self {
            api,
            address,
            _stop: stop.drop_guard(),
        }
    }

    async fn connect(&self, who: &ApiClient) -> Result<Socket, Error> {
        let url = format!("ws://{}/v1/events/ws", self.address);
        let mut request = url.into_client_request().unwrap();
        let shown = format!("Bearer {}", who.token());
        let headers = request.headers_mut();
        headers.insert("authorization", shown.parse().unwrap());
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Socket(socket))
    }

    async fn open(&self, who: &ApiClient) -> Socket {
        self.connect(who).await.unwrap()
    }
}

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn say(&mut self, what: &Value) {
        self.0.send(text(what)).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        loop {
            let heard = timeout(PATIENCE, self.0.next()).await;
            match heard.expect("nothing was said").unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn ask(&mut self, what: &Value) -> Value {
        self.say(what).await;
        self.hear().await
    }

    async fn subscribe(&mut self, id: &str) {
        let said = self.ask(&subscription(id)).await;
        assert_eq!(said, json!({"type": "subscribed", "id": id}));
    }

    /// The next thing that is said is that this article was made.
    async fn hears_of(&mut self, id: &str, article: &str) -> Value {
        let heard = self.hear().await;
        assert_eq!(heard["type"], "event", "{heard}");
        assert_eq!(heard["id"], id, "{heard}");
        assert_eq!(heard["event"]["type"], "article.created", "{heard}");
        assert_eq!(heard["event"]["data"]["article"], article, "{heard}");
        heard["event"].clone()
    }
}

fn text(what: &Value) -> Message {
    Message::text(what.to_string())
}

fn subscription(id: &str) -> Value {
    json!({"type": "subscribe", "id": id, "types": ["article.created"]})
}

fn end_of(id: &str) -> Value {
    json!({"type": "unsubscribe", "id": id})
}

/// The id of a new article of theirs.
async fn write(who: &ApiClient, title: &str) -> String {
    let made = who.post("/v1/articles", json!({"title": title})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_happens_is_heard_from_a_place_in_the_log_until_the_end_is_asked_for() {
    let served = Served::start().await;
    let creator = served.api.creator();
    let mut socket = served.open(&creator).await;
    write(&creator, "Before").await;
    socket.subscribe("a").await;
    let first = write(&creator, "One").await;
    let told = socket.hears_of("a", &first).await;
    assert_eq!(told["v"], 1);
    assert_eq!(told["aggregate"]["revision"], 1);
    let second = write(&creator, "Two").await;
    socket.hears_of("a", &second).await;

    // Another client goes on where this one was.
    let mut other = served.open(&creator).await;
    let mut wish = subscription("b");
    wish["after"] = told["id"].clone();
    let said = other.ask(&wish).await;
    assert_eq!(said, json!({"type": "subscribed", "id": "b"}));
    other.hears_of("b", &second).await;

    // What is filtered away or over is not heard.
    let said = other
        .ask(&json!({"type": "subscribe", "id": "c", "project": "elsewhere"}))
        .await;
    assert_eq!(said, json!({"type": "subscribed", "id": "c"}));
    let said = socket.ask(&end_of("a")).await;
    assert_eq!(said, json!({"type": "unsubscribed", "id": "a"}));
    let third = write(&creator, "Three").await;
    other.hears_of("b", &third).await;
    let said = other.ask(&end_of("b")).await;
    assert_eq!(said, json!({"type": "unsubscribed", "id": "b"}));
    socket.subscribe("d").await;
    let fourth = write(&creator, "Four").await;
    socket.hears_of("d", &fourth).await;
}

#[tokio::test]
async fn nobody_hears_what_they_may_not_read() {
    let served = Served::start().await;
    let (creator, stranger) = (served.api.creator(), served.api.stranger());
    let mut theirs = served.open(&stranger).await;
    theirs.subscribe("a").await;
    write(&creator, "Private").await;
    let own = write(&stranger, "Own").await;
    theirs.hears_of("a", &own).await;

    let refused = served.connect(&served.api.anonymous()).await.err();
    match refused.unwrap() {
        Error::Http(reply) => assert_eq!(reply.status(), 401),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_name_that_is_taken_again_at_once_stands_for_the_new_subscription() {
    let served = Served::start().await;
    let creator = served.api.creator();
    let mut socket = served.open(&creator).await;
    socket.subscribe("a").await;
    // Which of the two the engine takes first, the end of the old one or the request for the new one, is left to chance.
    for number in 0..40 {
        socket.0.feed(text(&end_of("a"))).await.unwrap();
        socket.0.feed(text(&subscription("a"))).await.unwrap();
        socket.0.flush().await.unwrap();
        let said = [socket.hear().await, socket.hear().await];
        let ended = json!({"type": "unsubscribed", "id": "a"});
        assert_eq!(said, [ended, json!({"type": "subscribed", "id": "a"})]);
        let article = write(&creator, &format!("Number {number}")).await;
        socket.hears_of("a", &article).await;
    }
}

#[tokio::test]
async fn there_are_32_subscriptions_at_a_time() {
    let served = Served::start().await;
    let mut socket = served.open(&served.api.creator()).await;
    for number in 0..MOST_SUBSCRIPTIONS {
        socket.subscribe(&number.to_string()).await;
    }
    let refused = socket.ask(&subscription("more")).await;
    assert_eq!(refused["type"], "error");
    assert_eq!(refused["id"], "more");
    assert_eq!(refused["code"], "conflict");
    let ended = socket.ask(&end_of("7")).await;
    assert_eq!(ended["type"], "unsubscribed");
    socket.subscribe("more").await;
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_words_and_the_connection_goes_on() {
    let served = Served::start().await;
    let creator = served.api.creator();
    let mut socket = served.open(&creator).await;
    socket.subscribe("taken").await;
    let long = "a".repeat(101);
    let unknown = "evt_01J9ZQ7V8M3K5N2P4R6T8W0Y1A";
    for (said, id, code, words) in [
        (json!({"type": "shout"}), None, "invalid_json", "shout"),
        (json!({"type": "subscribe"}), None, "invalid_json", "`id`"),
        (
            json!({"type": "subscribe", "id": "a", "kinds": []}),
            None,
            "invalid_json",
            "`kinds`",
        ),
        (
            json!({"type": "subscribe", "id": "a", "types": ["article.eaten"]}),
            Some("a"),
            "invalid_input",
            "type of event",
        ),
        (
            json!({"type": "subscribe", "id": "a", "after": "evt_1"}),
            Some("a"),
            "invalid_input",
            "beginning",
        ),
        (
            json!({"type": "subscribe", "id": "a", "after": unknown}),
            Some("a"),
            "not_found",
            unknown,
        ),
        (subscription(""), Some(""), "invalid_input", "1 to 100"),
        (
            subscription(&long),
            Some(&long),
            "invalid_input",
            "1 to 100",
        ),
        (
            subscription("taken"),
            Some("taken"),
            "already_exists",
            "unsubscribe it first",
        ),
        (end_of("nothing"), Some("nothing"), "not_found", "`nothing`"),
    ] {
        let refused = socket.ask(&said).await;
        is_refusal(&refused, id, code, words);
    }
    let bytes = Bytes::from_static(b"{}");
    for (said, code, words) in [
        (
            Message::text("subscribe, please"),
            "invalid_json",
            "no request",
        ),
        (Message::binary(bytes), "invalid_input", "JSON text"),
    ] {
        socket.0.send(said).await.unwrap();
        is_refusal(&socket.hear().await, None, code, words);
    }
    let article = write(&creator, "One").await;
    socket.hears_of("taken", &article).await;
}

fn is_refusal(said: &Value, id: Option<&str>, code: &str, words: &str) {
    assert_eq!(said["type"], "error", "{said}");
    assert_eq!(said["id"].as_str(), id, "{said}");
    assert_eq!(said["code"], code, "{said}");
    assert!(said["detail"].as_str().unwrap().contains(words), "{said}");
}
