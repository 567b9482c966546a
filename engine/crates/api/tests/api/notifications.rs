//! `/v1/notifications`

use axum::http::Method;
use inkstone_domain::ids::NotificationId;
use inkstone_domain::notification::Notification;
use inkstone_domain::ports::NotificationStore;
use inkstone_testkit::api_client::{Identity, TestApi};
use inkstone_testkit::sample;
use serde_json::json;

/// So many that the creator was told, oldest first.
pub(crate) async fn told(api: &TestApi, count: usize) -> Vec<Notification> {
    let user = api.user(Identity::Creator);
    let all: Vec<_> = (0..count).map(|_| sample::notification(user)).collect();
    api.store.put_notifications(&all).await.unwrap();
    all
}

#[tokio::test]
async fn they_are_listed_counted_and_read() {
    let api = TestApi::start().await;
    let client = api.creator();
    let all = told(&api, 3).await;
    let listed = client.get("/v1/notifications?limit=2").await.json();
    let first = &listed["data"][0];
    assert_eq!(first["id"], all[2].id.to_string());
    assert_eq!(first["type"], "review.asked");
    assert_eq!(
        (&first["project"], &first["read"]),
        (&json!("handbook"), &json!(false))
    );
    let cursor = listed["next_cursor"].as_str().unwrap();
    let rest = format!("/v1/notifications?cursor={cursor}");
    let rest = client.get(&rest).await;
    assert_eq!(rest.json()["data"][0]["id"], all[0].id.to_string());
    let unread = async || client.get("/v1/notifications/unread").await.json()["unread"].clone();
    assert_eq!(unread().await, 3);

    let path = format!("/v1/notifications/{}", all[2].id);
    let marked = client.patch(&path, json!({"read": true})).await;
    assert_eq!((marked.status, &marked.json()["read"]), (200, &json!(true)));
    assert_eq!(client.get(&path).await.json(), marked.json());
    let listed = client.get("/v1/notifications?unread=true").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let through = json!({"through": all[0].id.to_string()});
    let read = client.post("/v1/notifications/read", through).await;
    assert_eq!(read.json()["marked"], 1);
    assert_eq!(unread().await, 1);
    let read = client.post("/v1/notifications/read", json!({})).await;
    assert_eq!(read.json()["marked"], 1);
    client.patch(&path, json!({"read": false})).await;
    assert_eq!(unread().await, 1);

    // Those of others are none.
    let admin = api.admin();
    assert_eq!(
        admin.get("/v1/notifications").await.json()["data"],
        json!([])
    );
    for path in [path, format!("/v1/notifications/{}", NotificationId::new())] {
        assert_eq!(admin.get(&path).await.status, 404);
        let marked = admin.patch(&path, json!({"read": true})).await;
        assert_eq!(marked.status, 404);
    }
}

#[tokio::test]
async fn settings_are_replaced_and_checked() {
    let api = TestApi::start().await;
    let client = api.creator();
    let path = "/v1/notifications/settings";
    let first = client.get(path).await;
    assert_eq!(first.header("etag"), "\"0\"");
    let nothing = json!({"muted_types": [], "muted_projects": [], "digest": null, "revision": 0});
    assert_eq!(first.json(), nothing);
    let wished = json!({
        "muted_types": ["job.succeeded"],
        "muted_projects": ["handbook"],
        "digest": {"every": "week", "hour": 7},
    });
    let set = client.send(Method::PUT, path, Some(wished.clone())).await;
    assert_eq!((set.status, set.header("etag")), (200, "\"1\""));
    assert_eq!(client.get(path).await.json(), set.json());
    assert_eq!(set.json()["digest"], wished["digest"]);
    for (body, pointer) in [
        (json!({"muted_types": ["lunch.served"]}), "/muted_types"),
        (
            json!({"digest": {"every": "day", "hour": 24}}),
            "/digest/hour",
        ),
    ] {
        let refused = client.send(Method::PUT, path, Some(body.clone())).await;
        assert_eq!(refused.status, 400, "{body}");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{body}");
    }
}
