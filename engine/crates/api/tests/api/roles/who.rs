//! Who calls: the identities of the table.

use axum::http::Method;
use inkstone_testkit::api_client::{ApiClient, Identity, TestApi};
use serde_json::json;

/// Who calls. In paths everything is the creator's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    Is(Identity),
    /// A creator who has this role in the creator's project, and owns nothing in it.
    Has(&'static str),
}

pub(super) const EVERYBODY: [Who; 5] = [
    Who::Is(Identity::Anonymous),
    Who::Is(Identity::Viewer),
    Who::Is(Identity::Stranger),
    Who::Is(Identity::Creator),
    Who::Is(Identity::Admin),
];

/// Asked beside everybody where the path is in a project.
pub(super) const MEMBERS: [Who; 4] = [
    Who::Has("viewer"),
    Who::Has("reviewer"),
    Who::Has("editor"),
    Who::Has("owner"),
];

/// Signed in, and a member where they are one.
pub(super) async fn client(api: &TestApi, who: Who) -> ApiClient {
    match who {
        Who::Is(identity) => api.client(identity),
        Who::Has(role) => {
            join(api, &api.user(Identity::Stranger).to_string(), role).await;
            api.stranger()
        }
    }
}

pub(super) async fn join(api: &TestApi, user: &str, role: &str) {
    let path = format!("/v1/projects/handbook/members/{user}");
    let body = Some(json!({"role": role}));
    let joined = api.creator().send(Method::PUT, &path, body).await;
    assert!(joined.status < 300, "{joined:?}");
}
