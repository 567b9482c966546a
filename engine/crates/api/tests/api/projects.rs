//! `/v1/projects` and their members.

use axum::http::Method;
use inkstone_testkit::api_client::{Identity, TestApi};
use serde_json::json;

/// The usual API, and the project `handbook`, which the creator owns.
pub async fn with_handbook() -> TestApi {
    let api = TestApi::start().await;
    let made = api
        .creator()
        .post("/v1/projects", json!({"slug": "handbook"}))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    api
}

#[tokio::test]
async fn a_project_from_its_making_to_its_archive() {
    let api = TestApi::start().await;
    let owner = api.creator();
    let body = json!({"slug": "handbook", "name": "The handbook", "settings": {"model": "quick"}});
    let made = owner.post("/v1/projects", body.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.header("location"), "/v1/projects/handbook");
    assert_eq!(made.header("etag"), "\"1\"");
    assert!(made.json()["id"].as_str().unwrap().starts_with("prj_"));
    assert_eq!(owner.post("/v1/projects", body).await.status, 409);

    let path = "/v1/projects/handbook";
    let held = owner.clone().with_header("if-none-match", "\"1\"");
    assert_eq!(held.get(path).await.status, 304);
    let patch = json!({"description": "For everybody."});
    let stale = owner.clone().with_header("if-match", "\"7\"");
    assert_eq!(stale.patch(path, patch.clone()).await.status, 412);
    let fresh = owner.clone().with_header("if-match", "\"1\"");
    let changed = fresh.patch(path, patch).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    assert_eq!(changed.json()["settings"]["model"], "quick");
    let unknown = owner.patch(path, json!({"slug": "other"})).await;
    assert_eq!(unknown.status, 400, "a slug never changes");

    assert_eq!(owner.delete(path).await.status, 204);
    assert_eq!(owner.delete(path).await.status, 204);
    let list = owner.get("/v1/projects").await.json();
    assert_eq!(list["data"][0]["slug"], "default");
    let archived = owner.get("/v1/projects?filter[archived]=true").await.json();
    assert_eq!(archived["data"][0]["slug"], "handbook");
    let back = owner.patch(path, json!({"archived": false})).await;
    assert_eq!(back.json()["archived_at"], json!(null));
}

#[tokio::test]
async fn members_are_set_listed_and_removed() {
    let api = with_handbook().await;
    let owner = api.creator();
    let reader = api.user(Identity::Viewer);
    let path = format!("/v1/projects/handbook/members/{reader}");
    let role = |role: &str| Some(json!({"role": role}));
    let added = owner.send(Method::PUT, &path, role("viewer")).await;
    assert_eq!(
        (added.status, added.header("location")),
        (201, path.as_str())
    );
    assert_eq!(api.viewer().get("/v1/projects/handbook").await.status, 200);
    let changed = owner.send(Method::PUT, &path, role("editor")).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    let stale = owner.clone().with_header("if-match", "\"1\"");
    assert_eq!(
        stale.send(Method::PUT, &path, role("owner")).await.status,
        412
    );
    let wrong = owner.send(Method::PUT, &path, role("king")).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");

    let list = owner
        .get("/v1/projects/handbook/members?limit=1")
        .await
        .json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let next = list["next_cursor"].as_str().unwrap();
    let rest = format!("/v1/projects/handbook/members?cursor={next}");
    assert_eq!(
        owner.get(&rest).await.json()["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    // The reader leaves, and is a stranger.
    assert_eq!(api.viewer().delete(&path).await.status, 204);
    assert_eq!(api.viewer().get("/v1/projects/handbook").await.status, 404);
    let own = format!(
        "/v1/projects/handbook/members/{}",
        api.user(Identity::Creator)
    );
    let last = owner.delete(&own).await;
    assert_eq!(
        (last.status, last.json()["code"].as_str()),
        (409, Some("conflict"))
    );
}

#[tokio::test]
async fn ids_of_others_and_nonsense_are_not_found_alike() {
    let api = with_handbook().await;
    let stranger = api.stranger();
    for path in [
        "/v1/projects/handbook",
        "/v1/projects/nowhere",
        "/v1/projects/..%2f..%2fetc",
        "/v1/projects/'%20OR%20true",
        "/v1/projects/handbook/members",
        "/v1/projects/handbook/members/usr_00000000000000000000000000",
        "/v1/projects/default/members/nonsense",
    ] {
        let reply = stranger.get(path).await;
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (404, Some("not_found")),
            "{path}"
        );
    }
}
