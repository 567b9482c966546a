//! `/v1/keys`, `/v1/usage` and `/v1/limits`.

use std::time::Duration;

use axum::http::Method;
use inkstone_testkit::api_client::{ApiClient, Identity, TestApi};
use serde_json::{Value, json};

use crate::check;
use crate::projects::with_handbook;

async fn make(client: &ApiClient, body: Value) -> Value {
    let reply = client.post("/v1/keys", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn question() -> Value {
    json!({"model": "fake/chat", "messages": [{"role": "user", "content": "one two"}]})
}

#[tokio::test]
async fn a_key_calls_models_and_nothing_else() {
    let api = TestApi::start().await;
    let wish = json!({"name": "ci", "project": "handbook", "models": ["fake/*"],
        "rpm_limit": 2, "budget": 1.5, "budget_period": "week", "metadata": {"team": "docs"}});
    let refused = api.creator().post("/v1/keys", wish.clone()).await;
    assert_eq!(refused.status, 403, "only admins put keys into projects");
    let mut wish = wish;
    wish["owner"] = json!(api.user(Identity::Creator).to_string());
    let made = make(&api.admin(), wish).await;
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("sk-ink-"));
    let client = api.anonymous().with_token(token);
    let reply = client.post("/v1/chat/completions", question()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("x-ratelimit-limit-requests"), "2");
    assert_eq!(reply.header("x-ratelimit-remaining-requests"), "1");
    assert_eq!(reply.header("x-inkstone-attempts"), "1");
    client.post("/v1/chat/completions", question()).await;
    let refused = client.post("/v1/chat/completions", question()).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    assert!(!refused.header("retry-after").is_empty());
    for path in ["/v1/me", "/v1/keys", "/v1/usage", "/v1/articles"] {
        let refused = client.get(path).await;
        assert_eq!((path, refused.status), (path, 403));
    }
    let by_key = api.anonymous().with_header("x-api-key", token);
    assert_eq!(by_key.get("/v1/models").await.status, 200);

    let path = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    let shown = api.creator().get(&path).await.json();
    assert_eq!(
        (
            &shown["rpm_limit"],
            &shown["budget"],
            &shown["budget_period"]
        ),
        (&json!(2), &json!(1.5), &json!("week"))
    );
    let unknown = json!({"name": "ci", "budgt": 1});
    let refused = api.creator().post("/v1/keys", unknown).await;
    assert_eq!(refused.status, 400);
    assert_eq!(shown["metadata"], json!({"team": "docs"}));
    assert_eq!(shown.get("token"), None);
    assert_eq!(api.stranger().get(&path).await.status, 404);
    let listed = api.creator().get("/v1/keys").await.json();
    assert_eq!(listed["data"], json!([shown]));
    assert_eq!(
        api.stranger().get("/v1/keys").await.json()["data"],
        json!([])
    );
}

#[tokio::test]
async fn a_key_is_changed_rotated_and_revoked() {
    let api = TestApi::start().await;
    let made = make(&api.creator(), json!({"name": "ci"})).await;
    let path = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    let changed = api
        .creator()
        .send(
            Method::PUT,
            &path,
            Some(json!({"name": "nightly", "models": ["fast"]})),
        )
        .await;
    assert_eq!(changed.json()["name"], "nightly");
    let given_away = json!({"name": "x", "owner": api.user(Identity::Stranger).to_string()});
    let refused = api
        .creator()
        .send(Method::PUT, &path, Some(given_away))
        .await;
    assert_eq!(refused.status, 400);
    let client = |made: &Value| api.anonymous().with_token(made["token"].as_str().unwrap());
    let refused = client(&made).post("/v1/chat/completions", question()).await;
    assert_eq!(refused.status, 403);
    let rotate = format!("{path}/rotate");
    let rotated = api
        .creator()
        .post(&rotate, json!({"overlap_s": 60}))
        .await
        .json();
    assert_ne!(rotated["token"], made["token"]);
    assert_eq!(client(&made).get("/v1/models").await.status, 200);
    api.clock.advance(Duration::from_secs(61));
    assert_eq!(client(&made).get("/v1/models").await.status, 401);
    assert_eq!(client(&rotated).get("/v1/models").await.status, 200);
    let too_long = api
        .creator()
        .post(&rotate, json!({"overlap_s": 9_999_999}))
        .await;
    assert_eq!(too_long.status, 400);
    assert_eq!(api.creator().delete(&path).await.status, 204);
    assert_eq!(client(&rotated).get("/v1/models").await.status, 401);
    assert_eq!(api.creator().get(&path).await.status, 404);
}

/// The tag of what is there, and what an older one is answered with.
#[tokio::test]
async fn keys_and_limits_are_changed_as_they_were_read() {
    let api = TestApi::start().await;
    let made = make(&api.creator(), json!({"name": "ci"})).await;
    let key = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    let limits = format!("/v1/limits/user:{}", api.user(Identity::Creator));
    let bodies = [
        (&key, json!({"name": "nightly"}), json!({"name": "weekly"})),
        (&limits, json!({"rpm_limit": 2}), json!({"rpm_limit": 3})),
    ];
    for (path, one, other) in bodies {
        let admin = api.admin();
        let seen = admin.get(path).await;
        let tag = seen.header("etag").to_owned();
        assert!(tag.starts_with('"'), "{seen:?}");
        let held = admin.clone().with_header("if-none-match", &tag);
        assert_eq!(held.get(path).await.status, 304, "{path}");
        let matching = admin.clone().with_header("if-match", &tag);
        let changed = matching.send(Method::PUT, path, Some(one)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        assert_ne!(changed.header("etag"), tag);
        assert_eq!(admin.get(path).await.header("etag"), changed.header("etag"));
        let stale = matching.send(Method::PUT, path, Some(other.clone())).await;
        check::problem(&stale, 412, "revision_mismatch");
        // Without a tag it is changed whatever it is.
        let changed = admin.send(Method::PUT, path, Some(other)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    let stale = api.admin().with_header("if-match", "\"1\"");
    check::problem(&stale.delete(&limits).await, 412, "revision_mismatch");
    let rotate = format!("{key}/rotate");
    let rotated = api.creator().post(&rotate, json!({})).await;
    assert_eq!(rotated.header("etag"), "\"4\"");
}

#[tokio::test]
async fn owners_of_a_project_revoke_its_keys_and_change_none() {
    let api = with_handbook().await;
    let wish = json!({"name": "ci", "project": "handbook"});
    let made = make(&api.admin(), wish.clone()).await;
    let path = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    assert_eq!(api.stranger().delete(&path).await.status, 404);
    assert_eq!(api.creator().get(&path).await.json()["id"], made["id"]);
    let changed = api.creator().send(Method::PUT, &path, Some(wish)).await;
    check::problem(&changed, 403, "forbidden");
    let rotate = format!("{path}/rotate");
    let rotated = api.creator().post(&rotate, json!({})).await;
    check::problem(&rotated, 403, "forbidden");
    assert_eq!(api.creator().delete(&path).await.status, 204);
    let client = api.anonymous().with_token(made["token"].as_str().unwrap());
    assert_eq!(client.get("/v1/models").await.status, 401);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_by_field() {
    let api = TestApi::start().await;
    let wish = json!({"name": " ", "models": [""], "expires_at": "2001-01-01T00:00:00Z"});
    let refused = api.creator().post("/v1/keys", wish).await;
    assert_eq!(refused.status, 400);
    let pointers: Vec<Value> = refused.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].clone())
        .collect();
    assert_eq!(pointers, ["/name", "/models", "/expires_at"]);
    let viewer = api.viewer().post("/v1/keys", json!({"name": "x"})).await;
    assert_eq!(viewer.status, 403);
    let owner = json!({"name": "x", "owner": api.user(Identity::Stranger).to_string()});
    assert_eq!(
        api.creator().post("/v1/keys", owner.clone()).await.status,
        403
    );
    let theirs = make(&api.admin(), owner).await;
    assert_eq!(theirs["owner"], api.user(Identity::Stranger).to_string());
}

#[tokio::test]
async fn usage_is_summed_listed_and_written_as_a_table() {
    let api = TestApi::start().await;
    let asked = api.creator().post("/v1/chat/completions", question()).await;
    assert_eq!(asked.status, 200);
    let sums = async |client: ApiClient, query: &str| {
        let path = format!("/v1/usage?{query}");
        loop {
            let reply = client.get(&path).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            // The ledger is written behind the calls' backs.
            if reply.text().contains("fake/chat") {
                return reply;
            }
            tokio::task::yield_now().await;
        }
    };
    let reply = sums(api.creator(), "group_by=model,plugin").await.json();
    let group = &reply["data"][0];
    assert_eq!(
        (&group["model"], &group["plugin"]),
        (&json!("fake/chat"), &json!("provider-fake"))
    );
    assert_eq!(
        (&group["attempts"], &group["output_tokens"]),
        (&json!(1), &json!(2))
    );
    let table = sums(api.creator(), "group_by=model&format=csv").await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = table.text().lines().collect();
    assert!(
        lines[0].starts_with("model,attempts,succeeded"),
        "{lines:?}"
    );
    assert_eq!(lines[1], "fake/chat,1,1,0,0,0,2,2,0,0,0.000000000");
    let lines = api.creator().get("/v1/usage/attempts").await.json();
    assert_eq!(lines["data"][0]["outcome"], "succeeded");
    assert_eq!(
        lines["data"][0]["user"],
        api.user(Identity::Creator).to_string()
    );
    // Nobody sees what others spent.
    let others = api.stranger().get("/v1/usage/attempts").await.json();
    assert_eq!(others["data"], json!([]));
    for wrong in [
        "group_by=hour",
        "group_by=day,model,key,user",
        "from=yesterday",
        "x=1",
    ] {
        let refused = api.creator().get(&format!("/v1/usage?{wrong}")).await;
        assert_eq!((wrong, refused.status), (wrong, 400));
    }
}

#[tokio::test]
async fn limits_are_set_by_admins_and_hold_at_once() {
    let api = TestApi::start().await;
    let subject = format!("/v1/limits/user:{}", api.user(Identity::Creator));
    let wish = json!({"max_parallel_requests": 0});
    let set = |client: ApiClient| {
        let (subject, wish) = (subject.clone(), wish.clone());
        async move { client.send(Method::PUT, &subject, Some(wish)).await }
    };
    assert_eq!(set(api.creator()).await.status, 403);
    let reply = set(api.admin()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["limits"], wish);
    let own = api.creator().get(&subject).await;
    assert_eq!(own.json()["limits"], wish);
    assert_eq!(api.stranger().get(&subject).await.status, 403);
    let refused = api.creator().post("/v1/chat/completions", question()).await;
    assert_eq!(refused.status, 429);
    assert_eq!(api.admin().delete(&subject).await.status, 204);
    let answered = api.creator().post("/v1/chat/completions", question()).await;
    assert_eq!(answered.status, 200);
    let model = api.admin().get("/v1/limits/model:fake%2Fchat").await;
    assert_eq!(model.json()["subject"], "model:fake/chat");
    assert_eq!(api.admin().get("/v1/limits/team:x").await.status, 404);
}

#[tokio::test]
async fn a_call_with_an_idempotency_key_is_told_again() {
    let api = TestApi::start().await;
    let client = api.creator().with_header("idempotency-key", "\"k-1\"");
    let first = client.post("/v1/chat/completions", question()).await;
    let again = client.post("/v1/chat/completions", question()).await;
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
    let mut other = question();
    other["messages"][0]["content"] = json!("three");
    let refused = client.post("/v1/chat/completions", other).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["error"]["code"], "idempotency_key_reused");
    let wished = api
        .creator()
        .with_header("x-inkstone-cache", "on; max_age_s=60");
    wished.post("/v1/chat/completions", question()).await;
    let hit = wished.post("/v1/chat/completions", question()).await;
    assert_eq!(hit.header("x-inkstone-cache"), "hit");
    let wrong = api.creator().with_header("x-inkstone-cache", "maybe");
    assert_eq!(
        wrong.post("/v1/chat/completions", question()).await.status,
        400
    );
}
