//! What admins do to what is not theirs stands in the audit log, over all routes of the table.

use axum::http::Method;
use inkstone_testkit::api_client::{Identity, TestApi};

use super::routes::routes;
use super::things::fill;

/// What an admin does for themselves, or to no person's thing: the rest leaves an entry in the log.
const OWN_AFFAIRS: [&str; 31] = [
    "/v1/me",
    "/v1/notifications/",
    "/v1/auth/",
    "/v1/chat/",
    "/v1/messages",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/ratings",
    "/v1/research/",
    "/v1/analytics/",
    "/v1/generate/",
    "/v1/jobs/batches",
    // Their own, made here.
    "/v1/schedules",
    "/v1/calendar",
    "/v1/keys",
    "/v1/articles",
    "/v1/articles/bulk",
    "/v1/projects",
    // Nothing changes by these.
    "/v1/articles/{draft}/revisions/1/restore",
    "/v1/articles/{published}/revisions/1/restore",
    "/v1/articles/{project-draft}/revisions/1/restore",
    "/v1/articles/{draft}/merge",
    "/v1/articles/{published}/merge",
    "/v1/articles/{project-draft}/merge",
    "/v1/plugins/provider-fake/connection",
    "/v1/answer",
    "/v1/search",
    "/v1/searches",
    "/v1/search/index/verify",
    "/v1/search/index/rebuild",
];

/// Nothing changes by these, either.
const OF_THE_ENGINE: [&str; 2] = [
    "/v1/projects/{project}/prompts/style/render",
    "/v1/projects/{project}/prompts/style/test",
];

#[tokio::test]
async fn whatever_an_admin_does_to_others_is_written_down() {
    let mut silent = Vec::new();
    let mut told = 0;
    for (method, path, body) in routes() {
        let is_own = |own: &str| {
            path == own
                || (own.ends_with('/') && path.starts_with(own))
                || path.starts_with("/v1/me/")
        };
        let is_of_the_engine = OF_THE_ENGINE.iter().any(|start| path.starts_with(start));
        if method == Method::GET || OWN_AFFAIRS.iter().any(|own| is_own(own)) || is_of_the_engine {
            continue;
        }
        let api = TestApi::start().await;
        let path = fill(&api, path).await;
        let admin = api.admin();
        let before = entries_of_admin(&api).await;
        let reply = admin.send(method.clone(), &path, body).await;
        if reply.status >= 300 {
            continue;
        }
        match entries_of_admin(&api).await > before {
            true => told += 1,
            false => silent.push(format!("{method} {path}")),
        }
    }
    assert_eq!(silent, Vec::<String>::new());
    assert!(told > 20, "{told}");
}

/// How many entries of the log have the admin as their actor.
async fn entries_of_admin(api: &TestApi) -> usize {
    let admin = api.user(Identity::Admin);
    let path = format!("/v1/audit?limit=100&filter[actor]={admin}");
    let log = api.admin().get(&path).await.json();
    log["data"].as_array().unwrap().len()
}
