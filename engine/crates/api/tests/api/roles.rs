//! Who may do what: every documented operation by every identity, as one table of status and code. An
//! operation without a line in the table fails here, so nobody adds a route and forgets who may call it.

mod audited;
mod documented;
mod files;
mod notes;
mod planned;
mod routes;
mod things;
mod told;
mod who;

use expect_test::expect;
use inkstone_testkit::api_client::{Identity, TestApi, TestReply};

use self::routes::{Line, main_table};
use self::things::{fill, fill_project};
use self::who::{EVERYBODY, MEMBERS, Who, client};

#[tokio::test]
async fn every_route_by_every_identity() {
    let table = table_of(main_table()).await;
    expect![[r#"
        GET /livez
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /readyz
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /metrics
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /openapi.json
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /docs/
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /.well-known/jwks.json
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /v1/me
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        PATCH /v1/me
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/me/password
            anonymous 401 missing_token viewer 401 invalid_credentials stranger 401 invalid_credentials creator 401 invalid_credentials admin 401 invalid_credentials
        GET /v1/me/sessions
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        DELETE /v1/me/sessions
            anonymous 401 missing_token viewer 204 stranger 204 creator 204 admin 204
        DELETE /v1/me/sessions/{session}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 404 not_found
        GET /v1/me/totp
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/me/totp
            anonymous 401 missing_token viewer 201 stranger 201 creator 201 admin 201
        POST /v1/me/totp/confirm
            anonymous 401 missing_token viewer 409 conflict stranger 409 conflict creator 409 conflict admin 409 conflict
        POST /v1/me/totp/disable
            anonymous 401 missing_token viewer 204 stranger 204 creator 204 admin 204
        GET /v1/auth/oidc
            anonymous 200 viewer 200 stranger 200 creator 200 admin 200
        GET /v1/auth/oidc/nobody/start
            anonymous 404 not_found viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        GET /v1/auth/oidc/nobody/callback?state=x
            anonymous 404 not_found viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        POST /v1/auth/oidc/tokens
            anonymous 401 invalid_token viewer 401 invalid_token stranger 401 invalid_token creator 401 invalid_token admin 401 invalid_token
        GET /v1/me/identities
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/me/identities/nobody/start
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        DELETE /v1/me/identities/nobody
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        GET /v1/me/api-keys
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/me/api-keys
            anonymous 401 missing_token viewer 403 forbidden stranger 201 creator 201 admin 201
        DELETE /v1/me/api-keys/{api-key}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 404 not_found
        GET /v1/users
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/users
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 201
        GET /v1/users/{creator}
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        DELETE /v1/users/{creator}/second-factor
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        PATCH /v1/users/{creator}
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        GET /v1/invitations
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/invitations
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 409 conflict
        DELETE /v1/invitations/inv_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        POST /v1/signing-keys/rotate
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/auth/signup
            anonymous 403 forbidden viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 403 forbidden
        POST /v1/auth/email/verify
            anonymous 401 invalid_token viewer 401 invalid_token stranger 401 invalid_token creator 401 invalid_token admin 401 invalid_token
        POST /v1/auth/password/forgot
            anonymous 202 viewer 202 stranger 202 creator 202 admin 202
        POST /v1/auth/password/reset
            anonymous 401 invalid_token viewer 401 invalid_token stranger 401 invalid_token creator 401 invalid_token admin 401 invalid_token
        GET /v1/plugins
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/plugins/provider-fake
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/plugins
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 502 upstream_error
        POST /v1/plugins/reload
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        PUT /v1/plugins/provider-fake/enabled
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        DELETE /v1/plugins/provider-fake
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 204
        GET /v1/plugins/provider-fake/stats
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/plugins/provider-fake/connection
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        GET /v1/plugins/provider-fake/rollout
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        POST /v1/plugins/provider-fake/rollout/promote
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        POST /v1/plugins/provider-fake/rollout/rollback
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        POST /v1/plugins/provider-fake/rollout/restart
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        GET /v1/plugins/provider-fake/history
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/ratings
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        POST /v1/chat/completions
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        POST /v1/responses
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        POST /v1/messages
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        POST /v1/rerank
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        POST /v1/embeddings
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        GET /v1/keys
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/keys
            anonymous 401 missing_token viewer 403 forbidden stranger 201 creator 201 admin 201
        GET /v1/usage
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/usage/attempts
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/limits/project:handbook
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        PUT /v1/limits/project:handbook
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        DELETE /v1/limits/project:handbook
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 204
        GET /v1/models
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/models/fake/chat
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/templates
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/generate/generator-fake/article
            anonymous 401 missing_token viewer 403 forbidden stranger 202 creator 202 admin 202
        POST /v1/generate/generator-fake/article into `handbook`
            anonymous 401 missing_token viewer 403 forbidden stranger 404 not_found creator 202 admin 202 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 202 member-owner 202
        GET /v1/jobs
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/jobs/{job}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/jobs/{job}/events
            anonymous 401 viewer 404 stranger 404 creator 200 admin 200
        DELETE /v1/jobs/{job}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/jobs/{job}/log
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/jobs/{cancelled-job}/requeue
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/jobs/batches
            anonymous 401 missing_token viewer 403 forbidden stranger 202 creator 202 admin 202
        GET /v1/jobs/batches/{batch}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/tools
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/research/research-fake/echo
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        GET /v1/reports
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/analytics/analytics-fake/count
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/articles
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/articles
            anonymous 401 missing_token viewer 403 forbidden stranger 201 creator 201 admin 201
        POST /v1/articles/bulk
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        GET /v1/articles/{draft}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        PATCH /v1/articles/{draft}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        PATCH /v1/articles/{published}
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        DELETE /v1/articles/{published}
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 204 admin 204
        DELETE /v1/articles/{published}?permanent=true
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 204 admin 204
        POST /v1/articles/{trashed}/restore
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/articles/{draft}/transitions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/articles/{published}/transitions
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{draft}/revisions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/revisions
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{draft}/html
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/html
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/articles/by-slug/default/en/a
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        GET /v1/articles/{draft}/revisions/1
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/revisions/1
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{draft}/revisions/1/diff
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/revisions/1/diff
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        POST /v1/articles/{draft}/revisions/1/restore
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/articles/{published}/revisions/1/restore
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{draft}/comments
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/comments
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        POST /v1/articles/{draft}/comments
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 201 admin 201
        POST /v1/articles/{published}/comments
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 201 admin 201
        GET /v1/articles/{project-commented}/comments
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/articles/{project-commented}/comments
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 201 member-editor 201 member-owner 201
        POST /v1/articles/{project-commented}/suggestions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 201 member-editor 201 member-owner 201
        GET /v1/articles/{project-commented}/comments/{comment}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        PATCH /v1/articles/{project-commented}/comments/{comment}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 403 forbidden member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 403 forbidden
        DELETE /v1/articles/{project-commented}/comments/{comment}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 204 member-owner 204
        POST /v1/articles/{project-commented}/comments/{comment}/replies
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 201 member-editor 201 member-owner 201
        POST /v1/articles/{project-commented}/comments/{comment}/resolve
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/articles/{project-commented}/comments/{comment}/accept
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        POST /v1/articles/{project-commented}/comments/{comment}/reject
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        POST /v1/articles/{draft}/merge
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        POST /v1/articles/{published}/merge
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200
        GET /v1/articles/{published}/provenance
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 404 not_found admin 404 not_found
        GET /v1/articles/{draft}/related
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/related
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/articles/{draft}/translations
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/articles/{published}/translations
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/articles?filter[project]={project}
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/articles into `handbook`
            anonymous 401 missing_token viewer 403 forbidden stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 201 member-owner 201
        GET /v1/articles/{project-draft}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        PATCH /v1/articles/{project-draft}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        PATCH /v1/articles/{project-published}
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        DELETE /v1/articles/{project-published}
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 204 admin 204 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 204 member-owner 204
        POST /v1/articles/{project-trashed}/restore
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 404 not_found member-reviewer 404 not_found member-editor 200 member-owner 200
        POST /v1/articles/{project-review}/transitions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/articles/{project-draft}/transitions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        GET /v1/articles/{project-draft}/revisions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/articles/{project-draft}/revisions/1/diff
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/articles/{project-draft}/revisions/1/restore
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        POST /v1/articles/{project-draft}/merge
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        GET /v1/articles/{project-draft}/html
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/articles/{project-draft}/related
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/articles/{project-draft}/translations
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/articles/{project-draft}/provenance
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        GET /v1/content-types
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/content-types
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 201
        GET /v1/content-types/recipe
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found
        PUT /v1/content-types/recipe
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        POST /v1/answer
            anonymous 401 missing_token viewer 403 forbidden stranger 200 creator 200 admin 200
        GET /v1/search?q=a
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/search
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/search/suggestions?q=a
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/search/index
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/search/index/verify
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/search/index/rebuild
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/auth/login
            anonymous 401 invalid_credentials viewer 401 invalid_credentials stranger 401 invalid_credentials creator 401 invalid_credentials admin 401 invalid_credentials
        POST /v1/auth/refresh
            anonymous 401 invalid_token viewer 401 invalid_token stranger 401 invalid_token creator 401 invalid_token admin 401 invalid_token
        POST /v1/auth/logout
            anonymous 204 viewer 204 stranger 204 creator 204 admin 204
        POST /v1/plugins/provider-fake/recordings
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 202
        GET /v1/plugins/provider-fake/recordings
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        GET /v1/plugins/provider-fake/recordings/a
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 404 not_found
        GET /v1/keys/{key}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        PUT /v1/keys/{key}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        DELETE /v1/keys/{key}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204
        POST /v1/keys/{key}/rotate
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/projects
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/projects
            anonymous 401 missing_token viewer 403 forbidden stranger 201 creator 201 admin 201
        GET /v1/projects/{project}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        PATCH /v1/projects/{project}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 200
        DELETE /v1/projects/{project}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 204
        GET /v1/projects/{project}/members
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/projects/{project}/members/{member}
            anonymous 401 missing_token viewer 200 stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        PUT /v1/projects/{project}/members/{member}
            anonymous 401 missing_token viewer 403 forbidden stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 200
        DELETE /v1/projects/{project}/members/{member}
            anonymous 401 missing_token viewer 204 stranger 404 not_found creator 204 admin 204 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 204
        GET /v1/projects/{project}/tags
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        DELETE /v1/projects/{project}/tags/sea
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        POST /v1/projects/{project}/tags/sea/rename
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        POST /v1/projects/{project}/tags/sea/merge
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        GET /v1/projects/{project}/search-settings
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        PUT /v1/projects/{project}/search-settings
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        GET /v1/projects/{project}/prompts
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/projects/{project}/prompts
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 201 member-owner 201
        GET /v1/projects/{project}/prompts/style
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/projects/{project}/prompts/style/versions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/projects/{project}/prompts/style/versions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 201 member-owner 201
        POST /v1/projects/{project}/prompts/style/render
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/projects/{project}/prompts/style/test
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/projects/{project}/chat
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/projects/{project}/chats
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/projects/{project}/chats/{chat}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        PATCH /v1/projects/{project}/chats/{chat}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        DELETE /v1/projects/{project}/chats/{chat}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        GET /v1/projects/{project}/chats/{chat}/messages
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        DELETE /v1/projects/{project}/chats/{chat}/answer
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 409 conflict admin 409 conflict member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        GET /v1/events?follow=false
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/events/ws
            anonymous 401 missing_token viewer 400 invalid_input stranger 400 invalid_input creator 400 invalid_input admin 400 invalid_input
        GET /v1/events/handlers
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/events/handlers/webhooks/replay
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 204
        GET /v1/webhooks
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        POST /v1/webhooks
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 201
        GET /v1/projects/{project}/webhooks
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 200
        POST /v1/projects/{project}/webhooks
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 201 admin 201 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 201
        GET /v1/webhooks/{project-webhook}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 200
        PATCH /v1/webhooks/{project-webhook}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 200
        DELETE /v1/webhooks/{project-webhook}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 204
        POST /v1/webhooks/{project-webhook}/secrets
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 200
        POST /v1/webhooks/{project-webhook}/ping
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 202 admin 202 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 202
        GET /v1/webhooks/{project-webhook}/deliveries
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 200
        POST /v1/webhooks/{project-webhook}/deliveries/{delivery}/redeliver
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 202 admin 202 member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 202
        GET /v1/searches
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/searches
            anonymous 401 missing_token viewer 201 stranger 201 creator 201 admin 201
        GET /v1/searches/{search}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 404 not_found
        DELETE /v1/searches/{search}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 404 not_found
        GET /v1/notifications
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/notifications/unread
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        POST /v1/notifications/read
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/notifications/settings
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        PUT /v1/notifications/settings
            anonymous 401 missing_token viewer 200 stranger 200 creator 200 admin 200
        GET /v1/notifications/{notification}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 404 not_found
        PATCH /v1/notifications/{notification}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 404 not_found
        GET /v1/audit
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        GET /v1/audit/head
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        GET /v1/audit/export
            anonymous 401 missing_token viewer 403 forbidden stranger 403 forbidden creator 403 forbidden admin 200
        GET /v1/projects/{project}/media
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/projects/{project}/media
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 415 unsupported_media_type admin 415 unsupported_media_type member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 415 unsupported_media_type member-owner 415 unsupported_media_type
        GET /v1/media/{medium}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/media/{project-medium}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        PATCH /v1/media/{medium}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        PATCH /v1/media/{project-medium}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        DELETE /v1/media/{medium}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204
        DELETE /v1/media/{project-medium}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 204 member-owner 204
        DELETE /v1/media/{project-medium}?permanent=true
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 204 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 204 member-owner 204
        POST /v1/media/{project-medium-trashed}/restore
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        GET /v1/media/{project-medium}/versions
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        GET /v1/media/{medium}/content
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200
        GET /v1/media/{project-medium}/content
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        PUT /v1/media/{project-medium}/content
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 400 invalid_input admin 400 invalid_input member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 400 invalid_input member-owner 400 invalid_input
        POST /v1/media/{project-medium}/link
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 200 member-reviewer 200 member-editor 200 member-owner 200
        POST /v1/projects/{project}/uploads
            anonymous 401 missing_token viewer 400 invalid_input stranger 400 invalid_input creator 400 invalid_input admin 400 invalid_input member-viewer 400 invalid_input member-reviewer 400 invalid_input member-editor 400 invalid_input member-owner 400 invalid_input
        GET /v1/projects/{project}/uploads/{upload}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 404 not_found member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        PATCH /v1/projects/{project}/uploads/{upload}
            anonymous 401 missing_token viewer 415 unsupported_media_type stranger 415 unsupported_media_type creator 415 unsupported_media_type admin 415 unsupported_media_type member-viewer 415 unsupported_media_type member-reviewer 415 unsupported_media_type member-editor 415 unsupported_media_type member-owner 415 unsupported_media_type
        DELETE /v1/projects/{project}/uploads/{upload}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 204 admin 404 not_found member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        POST /v1/projects/{project}/imports?format=jsonl
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 202 admin 202 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 202 member-owner 202
        GET /v1/projects/{project}/imports
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        GET /v1/projects/{project}/imports/{import}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        GET /v1/projects/{project}/imports/{import}/report
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        DELETE /v1/projects/{project}/imports/{import}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
        POST /v1/projects/{project}/exports
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 202 admin 202 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 202 member-owner 202
        POST /v1/projects/{project}/exports
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 202 admin 202 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 202
        GET /v1/projects/{project}/exports/{export}
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 404 not_found member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        GET /v1/projects/{project}/exports/{export}/content
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 404 not_found admin 404 not_found member-viewer 404 not_found member-reviewer 404 not_found member-editor 404 not_found member-owner 404 not_found
        GET /v1/projects/{project}/export?format=archive
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 403 forbidden member-owner 200
        GET /v1/projects/{project}/export?format=jsonl
            anonymous 401 missing_token viewer 404 not_found stranger 404 not_found creator 200 admin 200 member-viewer 403 forbidden member-reviewer 403 forbidden member-editor 200 member-owner 200
    "#]].assert_eq(&table);
}

/// A line for each operation, and in it a word for each identity.
async fn table_of(lines: Vec<Line>) -> String {
    let mut table = String::new();
    for (method, path, body) in lines {
        let named = body.as_ref().and_then(|body| body["project"].as_str());
        let into = named.map_or(String::new(), |project| format!(" into `{project}`"));
        table.push_str(&format!("{method} {path}{into}\n   "));
        let members: &[Who] = match path.contains("{project") || named.is_some() {
            true => &MEMBERS,
            false => &[],
        };
        for who in EVERYBODY.iter().chain(members) {
            let api = TestApi::start().await;
            let path = fill(&api, path).await;
            if named.is_some() {
                fill_project(&api, "").await;
            }
            let client = client(&api, *who).await;
            let name = match who {
                Who::Is(identity) => format!("{identity:?}").to_lowercase(),
                Who::Has(role) => format!("member-{role}"),
            };
            let is_stream = path.ends_with("/events");
            let (status, code) = match is_stream {
                // It goes on until the job ends.
                true => (
                    client
                        .open(method.clone(), &path, None)
                        .await
                        .status()
                        .as_u16(),
                    String::new(),
                ),
                false => {
                    let reply = client.send(method.clone(), &path, body.clone()).await;
                    (reply.status, code_of(&reply))
                }
            };
            table.push_str(&format!(" {name} {status}{code}"));
            if matches!(who, Who::Is(Identity::Anonymous))
                && path.starts_with("/v1/")
                && !path.starts_with("/v1/auth/")
            {
                assert_eq!(status, 401, "{method} {path} is open to everybody");
            }
        }
        table.push('\n');
    }
    table
}

fn code_of(reply: &TestReply) -> String {
    if reply.status < 400 {
        return String::new();
    }
    let body = reply.json();
    let code = body.get("code").unwrap_or(&body["error"]["code"]);
    format!(" {}", code.as_str().unwrap_or("?"))
}
