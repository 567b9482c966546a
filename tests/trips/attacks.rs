//! Statements in the place of values: every parameter of every path and query that the engine documents,
//! against the real database.

use std::io::ErrorKind;
use std::net::TcpListener;

use reqwest::Url;
use serde_json::{Value, json};

use crate::engine::{Engine, Setup};

/// What would do harm if it became a part of a statement.
const PAYLOADS: [&str; 8] = [
    "'; DELETE user; --",
    "' OR true --",
    "x\"; REMOVE TABLE article; \"",
    "user:⟨x⟩; DELETE article",
    "$before; THROW 'refused:not_found'",
    "type::record('user', 'x')",
    "refused:revision_mismatch:1",
    "\u{0}' OR 1 = 1 /*",
];

/// They go on until something happens.
fn is_stream(path: &str) -> bool {
    path.ends_with("/events")
}

/// With the payload in one place of the path or query, and plain words in the others.
fn addresses(engine: &Engine, path: &str, parameters: &[Value], payload: &str) -> Vec<Url> {
    let of = |place: &str| -> Vec<&str> {
        let wanted = parameters.iter().filter(|one| one["in"] == place);
        wanted.map(|one| one["name"].as_str().unwrap()).collect()
    };
    let (parts, names) = (of("path"), of("query"));
    let filled = |attacked: Option<&str>| {
        let mut url = Url::parse(&engine.url).unwrap();
        let segments = path.trim_start_matches('/').split('/').map(|segment| {
            let name = segment.trim_start_matches('{').trim_end_matches('}');
            match (segment.starts_with('{'), attacked == Some(name)) {
                (true, true) => payload,
                (true, false) => "default",
                (false, _) => segment,
            }
        });
        url.path_segments_mut().unwrap().extend(segments);
        url
    };
    let in_path = parts.iter().map(|part| filled(Some(part)));
    let in_query = names.iter().map(|name| {
        let mut url = filled(None);
        url.query_pairs_mut().append_pair(name, payload);
        url
    });
    in_path.chain(in_query).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_parameter_becomes_a_statement() {
    let engine = Setup::new().only("").start().await;
    let article = json!({"title": "The tides", "body": "Water."});
    let (status, article) = engine.post("/v1/articles", &article).await;
    assert_eq!(status, 201, "{article}");
    let users = engine.get("/v1/users").await.1;
    let (_, document) = engine.get("/openapi.json").await;
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["get"];
        let Some(parameters) = operation["parameters"].as_array() else {
            continue;
        };
        if is_stream(path) {
            continue;
        }
        for payload in PAYLOADS {
            for url in addresses(&engine, path, parameters, payload) {
                let request = engine.http.get(url.clone()).bearer_auth(&engine.token);
                let reply = request.send().await.unwrap();
                let status = reply.status().as_u16();
                let text = reply.text().await.unwrap();
                assert!(status < 500, "{url}: {status} {text}");
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
    assert_eq!(engine.get("/v1/users").await.1, users);
    let path = format!("/v1/articles/{}", article["id"].as_str().unwrap());
    assert_eq!(engine.get(&path).await.1["title"], "The tides");
    let log = engine.log();
    assert!(!log.contains("the database refused the statement"), "{log}");
}

/// Whatever is done with an article, nobody calls at the address of its cover or of its pictures.
#[tokio::test(flavor = "multi_thread")]
async fn no_cover_is_fetched() {
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let port = inside.local_addr().unwrap().port();
    let engine = Setup::new().only("").start().await;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let cover = format!("http://{host}:{port}/latest/meta-data?to=http://169.254.169.254/");
        let body = format!("![a]({cover}) <img src=\"{cover}\">");
        let article = json!({"title": "A", "body": body, "cover": cover, "status": "published"});
        let (status, article) = engine.post("/v1/articles", &article).await;
        assert_eq!(status, 201, "{article}");
        let id = article["id"].as_str().unwrap();
        let path = format!("/v1/articles/{id}?include=html,cover");
        let (status, read) = engine.get(&path).await;
        assert_eq!((status, &read["cover"]), (200, &json!(cover)));
    }
    for path in [
        "/v1/search?q=a&wait=true",
        "/v1/articles",
        "/v1/projects/default/export?format=html",
        "/v1/projects/default/export?format=archive",
    ] {
        let request = engine.http.get(format!("{}{path}", engine.url));
        let reply = request.bearer_auth(&engine.token).send().await.unwrap();
        assert!(reply.status().as_u16() < 500, "{path}");
        reply.bytes().await.unwrap();
    }
    for cover in [
        "file:///etc/passwd",
        "gopher://127.0.0.1/_x",
        "//127.0.0.1/a",
    ] {
        let article = json!({"title": "A", "cover": cover});
        let (status, refused) = engine.post("/v1/articles", &article).await;
        assert_eq!(status, 400, "{cover}: {refused}");
    }
    let nobody = inside.accept().map(|(_, from)| from);
    assert_eq!(
        nobody.map_err(|error| error.kind()),
        Err(ErrorKind::WouldBlock)
    );
}
