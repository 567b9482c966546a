//! The lines of the table: one or more for each documented operation.

use axum::http::Method;
use inkstone_testkit::api_client::PASSWORD;
use serde_json::{Value, json};

use super::{files, notes, planned, told};

/// A line: an operation, with things of the creator's in its path.
pub type Line = (Method, &'static str, Option<Value>);

/// All of them. Each cell has an engine of its own.
pub fn routes() -> Vec<Line> {
    [main_table(), notes::routes(), planned::routes()].concat()
}

/// Those that stand in the table of `roles`.
pub fn main_table() -> Vec<Line> {
    [of_texts(), told::routes(), files::routes()].concat()
}

fn of_texts() -> Vec<Line> {
    let message = json!({"messages": [{"role": "user", "content": "hi"}]});
    vec![
        (Method::GET, "/livez", None),
        (Method::GET, "/readyz", None),
        (Method::GET, "/metrics", None),
        (Method::GET, "/openapi.json", None),
        (Method::GET, "/docs/", None),
        (Method::GET, "/.well-known/jwks.json", None),
        (Method::GET, "/v1/me", None),
        (Method::PATCH, "/v1/me", Some(json!({"name": "x"}))),
        (
            Method::POST,
            "/v1/me/password",
            Some(json!({"current_password": "x", "new_password": "x"})),
        ),
        (Method::GET, "/v1/me/sessions", None),
        (Method::DELETE, "/v1/me/sessions", None),
        (Method::DELETE, "/v1/me/sessions/{session}", None),
        (Method::GET, "/v1/me/totp", None),
        (
            Method::POST,
            "/v1/me/totp",
            Some(json!({"password": PASSWORD})),
        ),
        (
            Method::POST,
            "/v1/me/totp/confirm",
            Some(json!({"code": "123456"})),
        ),
        (
            Method::POST,
            "/v1/me/totp/disable",
            Some(json!({"password": PASSWORD})),
        ),
        (Method::GET, "/v1/auth/oidc", None),
        (Method::GET, "/v1/auth/oidc/nobody/start", None),
        (Method::GET, "/v1/auth/oidc/nobody/callback?state=x", None),
        (
            Method::POST,
            "/v1/auth/oidc/tokens",
            Some(json!({"ticket": "x"})),
        ),
        (Method::GET, "/v1/me/identities", None),
        (
            Method::POST,
            "/v1/me/identities/nobody/start",
            Some(json!({"password": PASSWORD})),
        ),
        (Method::DELETE, "/v1/me/identities/nobody", None),
        (Method::GET, "/v1/me/api-keys", None),
        (
            Method::POST,
            "/v1/me/api-keys",
            Some(json!({"name": "ci", "scopes": ["articles:write"]})),
        ),
        (Method::DELETE, "/v1/me/api-keys/{api-key}", None),
        (Method::GET, "/v1/users", None),
        (
            Method::POST,
            "/v1/users",
            Some(json!({"email": "a@example.org", "role": "admin", "password": "battery staple"})),
        ),
        (Method::GET, "/v1/users/{creator}", None),
        (Method::DELETE, "/v1/users/{creator}/second-factor", None),
        (
            Method::PATCH,
            "/v1/users/{creator}",
            Some(json!({"name": "x"})),
        ),
        (Method::GET, "/v1/invitations", None),
        (
            Method::POST,
            "/v1/invitations",
            Some(json!({"email": "a@example.org", "role": "admin"})),
        ),
        (
            Method::DELETE,
            "/v1/invitations/inv_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P",
            None,
        ),
        (Method::POST, "/v1/signing-keys/rotate", None),
        (
            Method::POST,
            "/v1/auth/signup",
            Some(json!({"email": "a@example.org", "password": "battery staple"})),
        ),
        (
            Method::POST,
            "/v1/auth/email/verify",
            Some(json!({"token": "x"})),
        ),
        (
            Method::POST,
            "/v1/auth/password/forgot",
            Some(json!({"email": "a@example.org"})),
        ),
        (
            Method::POST,
            "/v1/auth/password/reset",
            Some(json!({"token": "x", "new_password": "x"})),
        ),
        (Method::GET, "/v1/plugins", None),
        (Method::GET, "/v1/plugins/provider-fake", None),
        (
            Method::POST,
            "/v1/plugins",
            Some(json!({"oci": "r.org/a:1"})),
        ),
        (Method::POST, "/v1/plugins/reload", None),
        (
            Method::PUT,
            "/v1/plugins/provider-fake/enabled",
            Some(json!({"enabled": false})),
        ),
        (Method::DELETE, "/v1/plugins/provider-fake", None),
        (Method::GET, "/v1/plugins/provider-fake/stats", None),
        (
            Method::POST,
            "/v1/plugins/provider-fake/connection",
            Some(json!({})),
        ),
        (Method::GET, "/v1/plugins/provider-fake/rollout", None),
        (
            Method::POST,
            "/v1/plugins/provider-fake/rollout/promote",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/plugins/provider-fake/rollout/rollback",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/plugins/provider-fake/rollout/restart",
            Some(json!({})),
        ),
        (Method::GET, "/v1/plugins/provider-fake/history", None),
        (
            Method::POST,
            "/v1/ratings",
            Some(json!({"request_id": "a", "rating": 5})),
        ),
        (Method::POST, "/v1/chat/completions", Some(message)),
        (Method::POST, "/v1/responses", Some(json!({"input": "hi"}))),
        (
            Method::POST,
            "/v1/messages",
            Some(json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]})),
        ),
        (
            Method::POST,
            "/v1/rerank",
            Some(json!({"model": "fake/rerank", "query": "a", "documents": ["a"]})),
        ),
        (
            Method::POST,
            "/v1/embeddings",
            Some(json!({"model": "fake/embed", "input": "a"})),
        ),
        (Method::GET, "/v1/keys", None),
        (Method::POST, "/v1/keys", Some(json!({"name": "ci"}))),
        (Method::GET, "/v1/usage", None),
        (Method::GET, "/v1/usage/attempts", None),
        (Method::GET, "/v1/limits/project:handbook", None),
        (
            Method::PUT,
            "/v1/limits/project:handbook",
            Some(json!({"rpm_limit": 60})),
        ),
        (Method::DELETE, "/v1/limits/project:handbook", None),
        (Method::GET, "/v1/models", None),
        (Method::GET, "/v1/models/fake/chat", None),
        (Method::GET, "/v1/templates", None),
        (
            Method::POST,
            "/v1/generate/generator-fake/article",
            Some(json!({"input": {"topic": "a"}})),
        ),
        (
            Method::POST,
            "/v1/generate/generator-fake/article",
            Some(json!({"input": {"topic": "a"}, "project": "handbook"})),
        ),
        (Method::GET, "/v1/jobs", None),
        (Method::GET, "/v1/jobs/{job}", None),
        (Method::GET, "/v1/jobs/{job}/events", None),
        (Method::DELETE, "/v1/jobs/{job}", None),
        (Method::GET, "/v1/jobs/{job}/log", None),
        (Method::POST, "/v1/jobs/{cancelled-job}/requeue", None),
        (
            Method::POST,
            "/v1/jobs/batches",
            Some(json!({"jobs": [{
                "plugin": "generator-fake",
                "template": "article",
                "generate": {"input": {"topic": "a"}},
            }]})),
        ),
        (Method::GET, "/v1/jobs/batches/{batch}", None),
        (Method::GET, "/v1/tools", None),
        (
            Method::POST,
            "/v1/research/research-fake/echo",
            Some(json!({})),
        ),
        (Method::GET, "/v1/reports", None),
        (
            Method::POST,
            "/v1/analytics/analytics-fake/count",
            Some(json!({})),
        ),
        (Method::GET, "/v1/articles", None),
        (Method::POST, "/v1/articles", Some(json!({"title": "A"}))),
        (
            Method::POST,
            "/v1/articles/bulk",
            Some(json!({"operations": [{"create": {"title": "A"}}]})),
        ),
        (Method::GET, "/v1/articles/{draft}", None),
        (Method::GET, "/v1/articles/{published}", None),
        (
            Method::PATCH,
            "/v1/articles/{draft}",
            Some(json!({"title": "B"})),
        ),
        (
            Method::PATCH,
            "/v1/articles/{published}",
            Some(json!({"title": "B"})),
        ),
        (Method::DELETE, "/v1/articles/{published}", None),
        (
            Method::DELETE,
            "/v1/articles/{published}?permanent=true",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{trashed}/restore",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/articles/{draft}/transitions",
            Some(json!({"to": "in_review"})),
        ),
        (
            Method::POST,
            "/v1/articles/{published}/transitions",
            Some(json!({"to": "archived"})),
        ),
        (Method::GET, "/v1/articles/{draft}/revisions", None),
        (Method::GET, "/v1/articles/{published}/revisions", None),
        (Method::GET, "/v1/articles/{draft}/html", None),
        (Method::GET, "/v1/articles/{published}/html", None),
        (Method::GET, "/v1/articles/by-slug/default/en/a", None),
        (Method::GET, "/v1/articles/{draft}/revisions/1", None),
        (Method::GET, "/v1/articles/{published}/revisions/1", None),
        (Method::GET, "/v1/articles/{draft}/revisions/1/diff", None),
        (
            Method::GET,
            "/v1/articles/{published}/revisions/1/diff",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{draft}/revisions/1/restore",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/articles/{published}/revisions/1/restore",
            Some(json!({})),
        ),
        (Method::GET, "/v1/articles/{draft}/comments", None),
        (Method::GET, "/v1/articles/{published}/comments", None),
        (
            Method::POST,
            "/v1/articles/{draft}/comments",
            Some(json!({"body": "So?"})),
        ),
        (
            Method::POST,
            "/v1/articles/{published}/comments",
            Some(json!({"body": "So?"})),
        ),
        (
            Method::GET,
            "/v1/articles/{project-commented}/comments",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{project-commented}/comments",
            Some(json!({"body": "So?"})),
        ),
        (
            Method::POST,
            "/v1/articles/{project-commented}/suggestions",
            Some(json!({"anchor": {"start": 0, "end": 1}, "replacement": "B"})),
        ),
        (
            Method::GET,
            "/v1/articles/{project-commented}/comments/{comment}",
            None,
        ),
        (
            Method::PATCH,
            "/v1/articles/{project-commented}/comments/{comment}",
            Some(json!({"body": "So!"})),
        ),
        (
            Method::DELETE,
            "/v1/articles/{project-commented}/comments/{comment}",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{project-commented}/comments/{comment}/replies",
            Some(json!({"body": "Yes"})),
        ),
        (
            Method::POST,
            "/v1/articles/{project-commented}/comments/{comment}/resolve",
            Some(json!({"resolved": true})),
        ),
        (
            Method::POST,
            "/v1/articles/{project-commented}/comments/{comment}/accept",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{project-commented}/comments/{comment}/reject",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{draft}/merge",
            Some(json!({"base": 1, "patch": {"title": "B"}})),
        ),
        (
            Method::POST,
            "/v1/articles/{published}/merge",
            Some(json!({"base": 1, "patch": {"title": "B"}})),
        ),
        (Method::GET, "/v1/articles/{published}/provenance", None),
        (Method::GET, "/v1/articles/{draft}/related", None),
        (Method::GET, "/v1/articles/{published}/related", None),
        (Method::GET, "/v1/articles/{draft}/translations", None),
        (Method::GET, "/v1/articles/{published}/translations", None),
        (Method::GET, "/v1/articles?filter[project]={project}", None),
        (
            Method::POST,
            "/v1/articles",
            Some(json!({"title": "A", "project": "handbook"})),
        ),
        (Method::GET, "/v1/articles/{project-draft}", None),
        (
            Method::PATCH,
            "/v1/articles/{project-draft}",
            Some(json!({"title": "B"})),
        ),
        (
            Method::PATCH,
            "/v1/articles/{project-published}",
            Some(json!({"title": "B"})),
        ),
        (Method::DELETE, "/v1/articles/{project-published}", None),
        (
            Method::POST,
            "/v1/articles/{project-trashed}/restore",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/articles/{project-review}/transitions",
            Some(json!({"to": "approved"})),
        ),
        (
            Method::POST,
            "/v1/articles/{project-draft}/transitions",
            Some(json!({"to": "published"})),
        ),
        (Method::GET, "/v1/articles/{project-draft}/revisions", None),
        (
            Method::GET,
            "/v1/articles/{project-draft}/revisions/1/diff",
            None,
        ),
        (
            Method::POST,
            "/v1/articles/{project-draft}/revisions/1/restore",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/articles/{project-draft}/merge",
            Some(json!({"base": 1, "patch": {"title": "B"}})),
        ),
        (Method::GET, "/v1/articles/{project-draft}/html", None),
        (Method::GET, "/v1/articles/{project-draft}/related", None),
        (
            Method::GET,
            "/v1/articles/{project-draft}/translations",
            None,
        ),
        (Method::GET, "/v1/articles/{project-draft}/provenance", None),
        (Method::GET, "/v1/content-types", None),
        (
            Method::POST,
            "/v1/content-types",
            Some(json!({"name": "recipe", "title": "R", "schema": {}})),
        ),
        (Method::GET, "/v1/content-types/recipe", None),
        (
            Method::PUT,
            "/v1/content-types/recipe",
            Some(json!({"title": "R", "schema": {}})),
        ),
        (Method::POST, "/v1/answer", Some(json!({"question": "a"}))),
        (Method::GET, "/v1/search?q=a", None),
        (Method::POST, "/v1/search", Some(json!({"q": "a"}))),
        (Method::GET, "/v1/search/suggestions?q=a", None),
        (Method::GET, "/v1/search/index", None),
        (Method::POST, "/v1/search/index/verify", None),
        (Method::POST, "/v1/search/index/rebuild", None),
        (
            Method::POST,
            "/v1/auth/login",
            Some(json!({"email": "nobody@example.org", "password": "x"})),
        ),
        (
            Method::POST,
            "/v1/auth/refresh",
            Some(json!({"refresh_token": "x"})),
        ),
        (
            Method::POST,
            "/v1/auth/logout",
            Some(json!({"refresh_token": "x"})),
        ),
        (
            Method::POST,
            "/v1/plugins/provider-fake/recordings",
            Some(json!({"calls": 1})),
        ),
        (Method::GET, "/v1/plugins/provider-fake/recordings", None),
        (Method::GET, "/v1/plugins/provider-fake/recordings/a", None),
        (Method::GET, "/v1/keys/{key}", None),
        (Method::PUT, "/v1/keys/{key}", Some(json!({"name": "b"}))),
        (Method::DELETE, "/v1/keys/{key}", None),
        (Method::POST, "/v1/keys/{key}/rotate", Some(json!({}))),
        (Method::GET, "/v1/projects", None),
        (
            Method::POST,
            "/v1/projects",
            Some(json!({"slug": "another"})),
        ),
        (Method::GET, "/v1/projects/{project}", None),
        (
            Method::PATCH,
            "/v1/projects/{project}",
            Some(json!({"name": "B"})),
        ),
        (Method::DELETE, "/v1/projects/{project}", None),
        (Method::GET, "/v1/projects/{project}/members", None),
        (Method::GET, "/v1/projects/{project}/members/{member}", None),
        (
            Method::PUT,
            "/v1/projects/{project}/members/{member}",
            Some(json!({"role": "owner"})),
        ),
        (
            Method::DELETE,
            "/v1/projects/{project}/members/{member}",
            None,
        ),
        (Method::GET, "/v1/projects/{project}/tags", None),
        (Method::DELETE, "/v1/projects/{project}/tags/sea", None),
        (
            Method::POST,
            "/v1/projects/{project}/tags/sea/rename",
            Some(json!({"to": "ocean"})),
        ),
        (
            Method::POST,
            "/v1/projects/{project}/tags/sea/merge",
            Some(json!({"into": "ocean"})),
        ),
        (Method::GET, "/v1/projects/{project}/search-settings", None),
        (
            Method::PUT,
            "/v1/projects/{project}/search-settings",
            Some(json!({"stop_words": ["x"]})),
        ),
        (Method::GET, "/v1/projects/{project}/prompts", None),
        (
            Method::POST,
            "/v1/projects/{project}/prompts",
            Some(json!({"name": "a", "messages": [{"role": "user", "text": "a"}]})),
        ),
        (Method::GET, "/v1/projects/{project}/prompts/style", None),
        (
            Method::GET,
            "/v1/projects/{project}/prompts/style/versions",
            None,
        ),
        (
            Method::POST,
            "/v1/projects/{project}/prompts/style/versions",
            Some(json!({"messages": [{"role": "user", "text": "b"}]})),
        ),
        (
            Method::POST,
            "/v1/projects/{project}/prompts/style/render",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/projects/{project}/prompts/style/test",
            Some(json!({})),
        ),
        (
            Method::POST,
            "/v1/projects/{project}/chat",
            Some(json!({"message": "a"})),
        ),
        (Method::GET, "/v1/projects/{project}/chats", None),
        (Method::GET, "/v1/projects/{project}/chats/{chat}", None),
        (
            Method::PATCH,
            "/v1/projects/{project}/chats/{chat}",
            Some(json!({"title": "b"})),
        ),
        (Method::DELETE, "/v1/projects/{project}/chats/{chat}", None),
        (
            Method::GET,
            "/v1/projects/{project}/chats/{chat}/messages",
            None,
        ),
        (
            Method::DELETE,
            "/v1/projects/{project}/chats/{chat}/answer",
            None,
        ),
    ]
}
