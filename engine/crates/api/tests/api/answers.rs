//! `/v1/answer`, and passages and reranking in `/v1/search`.

use axum::http::Method;
use inkstone_domain::{Error, codes};
use inkstone_testkit::Say;
use inkstone_testkit::api_client::TestApi;
use serde_json::{Value, json};

use crate::check;

const PATH: &str = "/v1/answer";

async fn with_article() -> (TestApi, String) {
    let api = TestApi::start().await;
    let body = json!({"title": "Tides", "body": "# Causes\n\nThe moon pulls the sea.",
                      "status": "published"});
    let made = api.creator().post("/v1/articles", body).await.json();
    (api, made["id"].as_str().unwrap().to_owned())
}

fn will_say(api: &TestApi, pieces: &[&str]) {
    let pieces = pieces.iter().map(|piece| Say::text(piece));
    api.provider.will_say(pieces.chain(Say::end(7, 3)));
}

fn citation(id: &str) -> Value {
    json!({
        "marker": 1,
        "document": {"kind": "article", "id": id, "revision": 1, "project": "default",
                     "title": "Tides", "slug": "tides"},
        "passage": {"ordinal": 0, "start": 0, "end": 33, "headings": ["Causes"],
                    "text": "# Causes\n\nThe moon pulls the sea."},
        "score": 1.0,
    })
}

#[tokio::test]
async fn an_answer_and_what_it_is_from() {
    let (api, id) = with_article().await;
    will_say(&api, &["It is the moon [1]", " and [7] no more."]);
    let reply = api.stranger().post(PATH, json!({"question": "moon"})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("x-inkstone-plugin"), "provider-fake@1.0.0");
    let answer = reply.json();
    assert_eq!(answer["answer"], "It is the moon [1] and no more.");
    assert_eq!(answer["found"], true);
    assert_eq!(answer["citations"], json!([citation(&id)]));
    assert_eq!(answer["model"], "fake/chat");
    assert_eq!(answer["usage"]["prompt_tokens"], 7);
    assert_eq!(answer["passages"], 1);
    assert_eq!(answer["semantic"], "unavailable");
}

#[tokio::test]
async fn a_streamed_answer_has_its_citations_last() {
    let (api, id) = with_article().await;
    will_say(&api, &["The ", "moon [", "1]."]);
    let body = json!({"question": "moon", "stream": true});
    let reply = api.creator().post(PATH, body).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let events = reply.events();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["delta", "delta", "delta", "citations", "done"]);
    let text: String = events[..3]
        .iter()
        .map(|event| event.json()["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(text, "The moon [1].");
    assert_eq!(events[3].json()["citations"], json!([citation(&id)]));
    let done = events[4].json();
    assert_eq!(
        (&done["found"], &done["model"]),
        (&json!(true), &json!("fake/chat"))
    );
    assert_eq!(done["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn a_stream_that_breaks_says_so_last() {
    let (api, _) = with_article().await;
    let broken = Error::new(&codes::UPSTREAM_ERROR, "the line is dead");
    api.provider
        .will_say([Say::text("The moon"), Say::Fail(broken)]);
    let body = json!({"question": "moon", "stream": true});
    let events = api.creator().post(PATH, body).await.events();
    let last = events.last().unwrap();
    assert_eq!(last.name, "error");
    assert_eq!(last.json()["code"], "upstream_error");
    assert_eq!(last.json()["status"], 502);
}

#[tokio::test]
async fn nothing_found_is_said_without_a_model() {
    let (api, _) = with_article().await;
    let reply = api
        .creator()
        .post(PATH, json!({"question": "wombat"}))
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    assert_eq!(
        (&answer["found"], &answer["model"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(answer["citations"], json!([]));
    assert_eq!(answer["usage"]["total_tokens"], 0);
    let sentence = answer["answer"].as_str().unwrap().to_owned();
    assert!(sentence.contains("Nothing was found"), "{sentence}");

    let body = json!({"question": "wombat", "stream": true});
    let reply = api.creator().post(PATH, body).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let events = reply.events();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["delta", "citations", "done"]);
    assert_eq!(events[0].json()["text"], sentence.as_str());
    assert_eq!(events[2].json()["found"], false);
    assert!(api.provider.requests().is_empty());

    will_say(&api, &["NO_ANSWER"]);
    let reply = api.creator().post(PATH, json!({"question": "moon"})).await;
    let answer = reply.json();
    assert_eq!(
        (&answer["found"], &answer["answer"]),
        (&json!(false), &json!(sentence))
    );
    assert_eq!(answer["model"], "fake/chat");
}

#[tokio::test]
async fn a_key_makes_it_once() {
    let (api, _) = with_article().await;
    for (stream, key) in [(false, "a-1"), (true, "a-2")] {
        let client = api.creator().with_header("idempotency-key", key);
        will_say(&api, &["The moon [1]."]);
        let body = json!({"question": "moon", "stream": stream});
        let asked = api.provider.requests().len();
        let first = client.send(Method::POST, PATH, Some(body.clone())).await;
        assert_eq!(first.status, 200, "{first:?}");
        let again = client.send(Method::POST, PATH, Some(body)).await;
        assert_eq!(again.text(), first.text());
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!(api.provider.requests().len(), asked + 1);
        let other = json!({"question": "sea", "stream": stream});
        let other = client.send(Method::POST, PATH, Some(other)).await;
        check::problem(&other, 422, "idempotency_key_reused");
    }
    // What broke is not kept.
    let client = api.creator().with_header("idempotency-key", "a-3");
    let body = json!({"question": "moon", "stream": true});
    let broken = Error::new(&codes::UPSTREAM_ERROR, "the line is dead");
    api.provider
        .will_say([Say::text("The moon"), Say::Fail(broken)]);
    let first = client.send(Method::POST, PATH, Some(body.clone())).await;
    check::problem(&first, 502, "upstream_error");
    will_say(&api, &["The moon [1]."]);
    let again = client.send(Method::POST, PATH, Some(body)).await;
    assert_eq!(again.events()[0].json()["text"], "The moon [1].");
}

#[tokio::test]
async fn wrong_questions_name_the_field() {
    let (api, _) = with_article().await;
    let long = "x".repeat(2_001);
    for (body, pointer) in [
        (json!({"question": " "}), "/question"),
        (json!({"question": long}), "/question"),
        (json!({"question": "a", "max_passages": 0}), "/max_passages"),
        (
            json!({"question": "a", "max_passages": 21}),
            "/max_passages",
        ),
        (
            json!({"question": "a", "hybrid": {"ratio": 2}}),
            "/hybrid/ratio",
        ),
        (
            json!({"question": "a", "rerank": {"model": ""}}),
            "/rerank/model",
        ),
    ] {
        let reply = api.creator().post(PATH, body.clone()).await;
        let problem = check::problem(&reply, 400, "invalid_input");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
    let nobody = json!({"question": "moon", "rerank": true});
    let reply = api.creator().post(PATH, nobody).await;
    let problem = check::problem(&reply, 400, "invalid_input");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("[search.rerank]")
    );
    let unknown = json!({"question": "moon", "model": "nobody/nothing"});
    let reply = api.creator().post(PATH, unknown).await;
    check::problem(&reply, 404, "unknown_model");
}

#[tokio::test]
async fn searches_show_passages_and_are_reranked() {
    let (api, id) = with_article().await;
    let body = json!({"title": "Moon", "body": "A moon of the sea.", "status": "published"});
    api.creator().post("/v1/articles", body).await;
    let short = "/v1/search?q=moon&passages=1&rerank=fake/rerank";
    let found = api.creator().get(short).await.json();
    assert_eq!(found["reranked"], "used", "{found}");
    assert_eq!(found["passages"].as_array().unwrap().len(), 1);
    let long = json!({"q": "moon", "passages": 1, "rerank": {"model": "fake/rerank"}});
    assert_eq!(api.creator().post("/v1/search", long).await.json(), found);
    let plain = api
        .creator()
        .get("/v1/search?q=pulls&passages=5")
        .await
        .json();
    let mut expected = citation(&id);
    expected.as_object_mut().unwrap().remove("marker");
    assert_eq!(plain["passages"], json!([expected]));
    assert!(plain.get("reranked").is_none(), "{plain}");
    for wrong in ["passages=0", "passages=51"] {
        let refused = api.creator().get(&format!("/v1/search?q=a&{wrong}")).await;
        let problem = check::problem(&refused, 400, "invalid_input");
        assert_eq!(problem["errors"][0]["pointer"], "?passages");
    }
    // Whoever may not spend has the order as it is.
    let refused = api
        .viewer()
        .get("/v1/search?q=moon&rerank=fake/rerank")
        .await;
    check::problem(&refused, 403, "forbidden");
    let refused = api.viewer().get("/v1/search?q=moon&rerank=false").await;
    assert_eq!(refused.status, 200, "{refused:?}");
}

#[tokio::test]
async fn a_key_needs_the_scopes_of_what_it_reads_and_spends() {
    let (api, _) = with_article().await;
    let media = json!({"question": "moon", "kinds": ["media"]});
    for (scopes, body, status) in [
        (vec!["articles:read"], json!({"question": "moon"}), 403),
        (vec!["models:call"], json!({"question": "moon"}), 403),
        (vec!["models:call", "articles:read"], media, 403),
        (
            vec!["models:call", "articles:read"],
            json!({"question": "moon"}),
            200,
        ),
    ] {
        let key = json!({"name": "ci", "scopes": scopes});
        let made = api.creator().post("/v1/me/api-keys", key).await.json();
        let token = made["token"].as_str().unwrap();
        let client = api.anonymous().with_token(token);
        let reply = client.post(PATH, body).await;
        assert_eq!(reply.status, status, "{scopes:?}: {reply:?}");
        let reranked = "/v1/search?q=moon&rerank=fake/rerank";
        let may_rerank = scopes.len() == 2;
        let reply = client.get(reranked).await;
        assert_eq!(reply.status == 200, may_rerank, "{scopes:?}: {reply:?}");
    }
}
