//! `/v1/articles/bulk`: many changes in one request, each with a result of its own.

use inkstone_testkit::api_client::{ApiClient, TestApi};
use serde_json::{Value, json};

use crate::check;

const BULK: &str = "/v1/articles/bulk";

async fn bulk(client: &ApiClient, operations: Value) -> Value {
    let reply = client.post(BULK, json!({"operations": operations})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = reply.json();
    for (index, one) in reply["data"].as_array().unwrap().iter().enumerate() {
        assert_eq!(one["index"], index);
    }
    reply
}

async fn write(client: &ApiClient, body: Value) -> String {
    let made = client.post("/v1/articles", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn read(client: &ApiClient, id: &str) -> Value {
    client.get(&format!("/v1/articles/{id}")).await.json()
}

/// Status and code of each result.
fn outcomes(reply: &Value) -> Vec<(u64, &str)> {
    let of = |one: &Value| one["status"].as_u64().unwrap();
    let all = reply["data"].as_array().unwrap().iter();
    all.map(|one| (of(one), one["problem"]["code"].as_str().unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn every_operation_does_what_its_route_does_in_order() {
    let api = TestApi::start().await;
    let client = api.creator();
    let (one, two) = (
        write(&client, json!({"title": "One", "tags": ["a", "b"]})).await,
        write(&client, json!({"title": "Two"})).await,
    );
    let reply = bulk(
        &client,
        json!([
            {"create": {"title": "Three", "tags": ["a"]}},
            {"update": {"id": one, "if_match": "\"1\"", "patch": {"title": "First"}}},
            {"tag": {"id": one, "if_match": "\"2\"", "tags": ["c", "a"]}},
            {"untag": {"id": one, "tags": ["b", "unknown"]}},
            {"move": {"id": one, "to": "in_review", "comment": "Please"}},
            {"trash": {"id": two, "if_match": "*"}},
            {"restore": {"id": two, "if_match": "\"2\""}},
        ]),
    )
    .await;
    let expected = [201, 200, 200, 200, 200, 200, 200].map(|status| (status, ""));
    assert_eq!(outcomes(&reply), expected, "{reply}");
    assert_eq!(
        (&reply["succeeded"], &reply["failed"]),
        (&json!(7), &json!(0))
    );
    let etags: Vec<_> = (0..7).map(|at| &reply["data"][at]["etag"]).collect();
    assert_eq!(
        etags,
        [
            "\"1\"", "\"2\"", "\"3\"", "\"4\"", "\"5\"", "\"2\"", "\"3\""
        ]
    );
    let first = read(&client, &one).await;
    assert_eq!(first["title"], "First");
    assert_eq!(first["tags"], json!(["a", "c"]));
    assert_eq!(
        (&first["status"], &first["revision"]),
        (&json!("in_review"), &json!(5))
    );
    let newest = client.get(&format!("/v1/articles/{one}/revisions/5")).await;
    assert_eq!(newest.json()["comment"], "Please");
    assert_eq!(read(&client, &two).await["revision"], 3);
    let made = reply["data"][0]["id"].as_str().unwrap();
    assert_eq!(read(&client, made).await["title"], "Three");
}

#[tokio::test]
async fn what_fails_says_why_and_stops_nothing() {
    let api = TestApi::start().await;
    let client = api.creator();
    let own = write(&client, json!({"title": "Own", "slug": "own"})).await;
    let foreign = write(&api.stranger(), json!({"title": "Foreign"})).await;
    let public = json!({"title": "Public", "status": "published"});
    let public = write(&api.stranger(), public).await;
    let reply = bulk(
        &client,
        json!([
            {"create": {"title": " "}},
            {"create": {"title": "Again", "slug": "own"}},
            {"create": {"title": "Elsewhere", "project": "of-nobody"}},
            {"update": {"id": own, "if_match": "\"7\"", "patch": {"title": "Late"}}},
            {"update": {"id": own, "patch": {"tags": ["ok", ""]}}},
            {"update": {"id": foreign, "patch": {"title": "Mine"}}},
            {"update": {"id": public, "patch": {"title": "Mine"}}},
            {"tag": {"id": foreign, "tags": ["a"]}},
            {"tag": {"id": own, "tags": []}},
            {"untag": {"id": own, "tags": ["a", " "]}},
            {"move": {"id": own, "to": "approved"}},
            {"move": {"id": own, "to": "scheduled", "at": "1999-01-01T00:00:00Z"}},
            {"trash": {"id": foreign}},
            {"restore": {"id": own}},
            {"update": {"id": own, "patch": {"title": "At last"}}},
        ]),
    )
    .await;
    assert_eq!(
        outcomes(&reply),
        [
            (400, "invalid_input"),
            (409, "slug_taken"),
            (404, "not_found"),
            (412, "revision_mismatch"),
            (400, "invalid_input"),
            (404, "not_found"),
            (403, "forbidden"),
            (404, "not_found"),
            (400, "invalid_input"),
            (400, "invalid_input"),
            (409, "status_not_allowed"),
            (400, "invalid_input"),
            (404, "not_found"),
            (404, "not_found"),
            (200, ""),
        ],
        "{reply}"
    );
    assert_eq!(
        (&reply["succeeded"], &reply["failed"]),
        (&json!(1), &json!(14))
    );
    let pointer = |at: usize| &reply["data"][at]["problem"]["errors"][0]["pointer"];
    for (at, expected) in [
        (0, "/operations/0/create/title"),
        (4, "/operations/4/update/patch/tags/1"),
        (8, "/operations/8/tag/tags"),
        (9, "/operations/9/untag/tags/1"),
        (11, "/operations/11/move/at"),
    ] {
        assert_eq!(pointer(at), expected);
    }
    assert_eq!(reply["data"][3]["problem"]["current_revision"], 1);
    assert_eq!(reply["data"][5]["id"], json!(foreign));
    assert_eq!(reply["data"][0]["id"], Value::Null);
    assert_eq!(read(&client, &own).await["title"], "At last");
    assert_eq!(read(&api.stranger(), &foreign).await["revision"], 1);
}

#[tokio::test]
async fn a_body_that_is_none_changes_nothing() {
    let api = TestApi::start().await;
    let client = api.creator();
    let id = write(&client, json!({"title": "Own"})).await;
    let good = json!({"trash": {"id": id}});
    let many = vec![json!({"create": {"title": "A"}}); 101];
    for (operations, pointer) in [
        (json!([]), None),
        (json!(many), None),
        (
            json!([good, {"update": {"id": id, "patch": {"titel": "B"}}}]),
            Some("/operations/1/update/patch/titel"),
        ),
        (
            json!([good, {"update": {"id": id, "patch": {}, "atomic": true}}]),
            Some("/operations/1/update/atomic"),
        ),
        (
            json!([good, {"trash": {"id": "usr_1"}}]),
            Some("/operations/1/trash/id"),
        ),
        (
            json!([good, {"trash": {"id": id, "if_match": "1"}}]),
            Some("/operations/1/trash/if_match"),
        ),
        (
            json!([good, {"burn": {"id": id}}]),
            Some("/operations/1/burn"),
        ),
        (json!([good, {}]), Some("/operations/1")),
        (
            json!([good, {"trash": {"id": id}, "restore": {"id": id}}]),
            Some("/operations/1"),
        ),
    ] {
        let reply = client.post(BULK, json!({"operations": operations})).await;
        let problem = check::problem(&reply, 400, problem_code(&reply.json()));
        assert!(
            ["invalid_input", "invalid_json"].contains(&problem_code(&problem)),
            "{problem}"
        );
        if let Some(pointer) = pointer {
            let found = problem["errors"][0]["pointer"].as_str().unwrap_or_default();
            assert!(
                found.starts_with(pointer) || pointer.starts_with(found),
                "{pointer} {problem}"
            );
        }
    }
    let atomic = json!({"operations": [good], "atomic": true});
    check::problem(&client.post(BULK, atomic).await, 400, "invalid_input");
    assert_eq!(read(&client, &id).await["revision"], 1);
    let refused = api.viewer().post(BULK, json!({"operations": [good]})).await;
    check::problem(&refused, 403, "forbidden");
}

fn problem_code(problem: &Value) -> &str {
    problem["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_request_with_a_key_is_made_once() {
    let api = TestApi::start().await;
    let client = api.creator().with_header("idempotency-key", "k-1");
    let body = json!({"operations": [{"create": {"title": "Once"}}, {"create": {"title": " "}}]});
    let first = client.post(BULK, body.clone()).await;
    let again = client.post(BULK, body).await;
    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("idempotent-replayed"), "true");
    let list = api.creator().get("/v1/articles").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let other = json!({"operations": [{"create": {"title": "Other"}}]});
    check::problem(
        &client.post(BULK, other).await,
        422,
        "idempotency_key_reused",
    );
}

#[tokio::test]
async fn an_api_key_needs_to_write_articles() {
    let api = TestApi::start().await;
    for (scope, status) in [("articles:read", 403), ("articles:write", 200)] {
        let key = json!({"name": "ci", "scopes": [scope]});
        let key = api.creator().post("/v1/me/api-keys", key).await.json();
        let client = api.anonymous().with_token(key["token"].as_str().unwrap());
        let body = json!({"operations": [{"create": {"title": "A"}}]});
        assert_eq!(client.post(BULK, body).await.status, status, "{scope}");
    }
}

#[tokio::test]
async fn what_an_admin_does_to_others_is_written_down() {
    let api = TestApi::start().await;
    let id = write(&api.creator(), json!({"title": "Own"})).await;
    let reply = bulk(
        &api.admin(),
        json!([{"tag": {"id": id, "tags": ["a"]}}, {"trash": {"id": id}}]),
    )
    .await;
    assert_eq!(reply["failed"], 0, "{reply}");
    let log = api.admin().get("/v1/audit?limit=100").await.json();
    let actions: Vec<_> = log["data"].as_array().unwrap().iter().collect();
    for action in ["article.changed", "article.deleted"] {
        assert!(
            actions.iter().any(|entry| entry["action"] == action),
            "{action}"
        );
    }
}

#[tokio::test]
async fn what_is_no_valid_body_is_refused_as_a_whole() {
    let api = TestApi::start().await;
    let client = api.creator();
    let id = write(&client, json!({"title": "One"})).await;
    let operations = [
        (json!({"create": ["One"]}), "/operations/0/create"),
        (
            json!({"update": {"id": id, "patch": [null, null]}}),
            "/operations/0/update/patch",
        ),
        (json!({"trash": [id]}), "/operations/0/trash"),
    ];
    let empty = json!({"operations": [{"create": {"title": ""}}]});
    let reply = client.post(BULK, empty).await;
    assert_eq!(reply.status, 400, "{reply:?}");
    assert_eq!(
        reply.json()["errors"][0]["pointer"],
        "/operations/0/create/title"
    );
    for (operation, pointer) in operations {
        let reply = client.post(BULK, json!({"operations": [operation]})).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        let field = &reply.json()["errors"][0];
        assert_eq!(field["pointer"], pointer);
        assert_eq!(
            field["detail"],
            "invalid type: sequence, expected a JSON object"
        );
    }
}
