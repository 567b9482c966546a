//! `/v1/audit`.

use inkstone_domain::audit::{AuditEntry, ChainCheck};
use inkstone_testkit::api_client::{Identity, TestApi};
use serde_json::json;

use crate::check;

async fn with_entries() -> TestApi {
    let api = TestApi::start().await;
    let owner = api
        .creator()
        .with_header("user-agent", "=cmd()")
        .with_header("x-request-id", "req-7");
    owner
        .post("/v1/projects", json!({"slug": "handbook"}))
        .await;
    owner.post("/v1/keys", json!({"name": "ci"})).await;
    api
}

#[tokio::test]
async fn admins_read_who_did_what_from_where() {
    let api = with_entries().await;
    let list = api.admin().get("/v1/audit").await.json();
    let newest = &list["data"][0];
    // The people of the test stand in it, too.
    assert_eq!(newest["seq"], list["data"].as_array().unwrap().len());
    assert_eq!(list["data"][1]["action"], "project.created");
    assert_eq!(newest["action"], "key.created");
    assert_eq!(newest["actor"], api.user(Identity::Creator).to_string());
    assert_eq!(
        newest["origin"],
        json!({"user_agent": "=cmd()", "request_id": "req-7"})
    );
    let filtered = api
        .admin()
        .get("/v1/audit?filter[subject]=project:handbook&limit=1")
        .await;
    assert_eq!(filtered.json()["data"][0]["action"], "project.created");
    let none = api.admin().get("/v1/audit?from=2099-01-01T00:00:00Z").await;
    assert_eq!(none.json()["data"], json!([]));
    assert_eq!(
        api.admin().get("/v1/audit?filter[actor]=x").await.status,
        400
    );
    assert_eq!(api.admin().get("/v1/audit?filter[who]=x").await.status, 400);
    let refused = api.creator().get("/v1/audit/export").await;
    assert_eq!(refused.status, 403);
    let actor = api.user(Identity::Creator);
    for path in ["/v1/audit?", "/v1/audit/export?"] {
        let both = format!("{path}filter[actor]={actor}&filter[subject]=project:handbook");
        let refused = api.admin().get(&both).await;
        check::problem(&refused, 400, "unindexed_filter");
        let fits = format!("{path}filter[actor]={actor}&filter[action]=project.created");
        assert!(
            api.admin()
                .get(&fits)
                .await
                .text()
                .contains("project:handbook")
        );
    }
}

#[tokio::test]
async fn an_export_is_the_chain_itself() {
    let api = with_entries().await;
    let before = api.admin().get("/v1/audit/head").await.json();
    let before = before["seq"].as_u64().unwrap();
    // More than one batch.
    for _ in 0..520 {
        let project = format!("/v1/limits/user:{}", api.user(Identity::Creator));
        let body = json!({"rpm_limit": 60});
        let set = api
            .admin()
            .send(axum::http::Method::PUT, &project, Some(body))
            .await;
        assert_eq!(set.status, 200);
    }
    let head = api.admin().get("/v1/audit/head").await.json();
    let export = api.admin().get("/v1/audit/export").await;
    assert_eq!(export.header("content-type"), "application/jsonl");
    let mut check = ChainCheck::default();
    for line in export.text().lines() {
        let entry: AuditEntry = serde_json::from_str(line).unwrap();
        check.push(&entry).unwrap();
    }
    let seq = before + 520;
    assert_eq!(check.head().seq, seq);
    assert_eq!(head, json!({"seq": seq, "hash": check.head().hash}));

    let filter = "/v1/audit/export?format=csv&filter[action]=key.created";
    let table = api.admin().get(filter).await;
    let lines: Vec<&str> = table.text().lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("seq,at,actor,"), "{}", lines[0]);
    assert!(
        lines[1].contains(",'=cmd(),"),
        "no formula for spreadsheets: {}",
        lines[1]
    );
}
