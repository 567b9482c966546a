//! `/v1/keys`: virtual keys.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ETAG, LOCATION};
use inkstone_domain::FieldError;
use inkstone_domain::ids::KeyId;
use inkstone_domain::key::VirtualKey;

use crate::error::{ApiResult, invalid_fields};
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathId};
use crate::reply::{json, location, no_content, not_modified, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::key::{KeyBody, KeyReply, NewKeyReply, RotationBody};
use crate::wire::page::ListReply;
use crate::wire::problem::Problem;

const DAY_S: u32 = 86_400;
const MAX_OVERLAP_S: u32 = 30 * DAY_S;

/// List keys
///
/// One's own and those of the projects that one owns, those of everybody for admins; newest first, without
/// revoked ones.
#[utoipa::path(
    get, path = "/v1/keys", tag = "gateway",
    responses((status = 200, description = "All keys.", body = ListReply<KeyReply>)),
)]
pub(crate) async fn list_keys(State(state): State<Shared>, Caller(principal): Caller) -> ApiResult {
    let keys = state.services.keys.list(&principal).await?;
    ok(&ListReply::<KeyReply>::whole(keys))
}

/// Make a key
///
/// Its token stands in this reply and nowhere else. Needs the role creator.
#[utoipa::path(
    post, path = "/v1/keys", tag = "gateway", request_body = KeyBody,
    responses((status = 201, description = "The key, with its token.", body = NewKeyReply,
        headers(("location" = String, description = "Where it is."),
                ("etag" = String, description = "Its revision.")))),
)]
pub(crate) async fn create_key(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<KeyBody>,
) -> ApiResult {
    let owner = body.value.owner;
    let keys = &state.services.keys;
    let wish = body.value.into_domain();
    let (key, token) = keys.create(&principal, owner, wish).await?;
    let place = location(format!("/v1/keys/{}", key.id));
    let mut response = new_token(StatusCode::CREATED, key, token)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Show a key
#[utoipa::path(
    get, path = "/v1/keys/{id}", tag = "gateway",
    params(("id" = String, Path, description = "`key_…`"),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The key.", body = KeyReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
        (status = 404, description = "There is no such key of one's own.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show_key(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<KeyId>,
    held: IfNoneMatch,
) -> ApiResult {
    let key = state.services.keys.show(&principal, id).await?;
    let tag = revision_tag(key.revision);
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    key_reply(key)
}

/// Change a key
///
/// Replaces all that can be set; its token stays.
#[utoipa::path(
    put, path = "/v1/keys/{id}", tag = "gateway", request_body = KeyBody,
    params(("id" = String, Path, description = "`key_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The key as it is now.", body = KeyReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 403, description = "It is a key of somebody else in a project of one's own: it can be revoked, not changed.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such key of one's own.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_key(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<KeyId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<KeyBody>,
) -> ApiResult {
    let keys = &state.services.keys;
    if let Some(owner) = body.value.owner
        && owner != keys.show(&principal, id).await?.owner
    {
        let field = FieldError {
            pointer: "/owner".to_owned(),
            detail: "never changes; make a new key instead".to_owned(),
        };
        return Err(invalid_fields("the key is not valid", vec![field]).into());
    }
    let key = keys
        .change(&principal, id, body.value.into_domain(), revision)
        .await?;
    key_reply(key)
}

/// Rotate a key
///
/// It gets a new token, which stands in this reply and nowhere else; the old one holds for a while.
#[utoipa::path(
    post, path = "/v1/keys/{id}/rotate", tag = "gateway", params(("id" = String, Path, description = "`key_…`")),
    request_body = RotationBody,
    responses(
        (status = 200, description = "The key, with its new token.", body = NewKeyReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 403, description = "It is a key of somebody else in a project of one's own: it can be revoked, not rotated.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such key of one's own.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rotate_key(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<KeyId>,
    body: JsonBody<RotationBody>,
) -> ApiResult {
    let overlap_s = body.value.overlap_s.unwrap_or(DAY_S);
    if overlap_s > MAX_OVERLAP_S {
        let field = FieldError {
            pointer: "/overlap_s".to_owned(),
            detail: format!("must be at most {MAX_OVERLAP_S}, thirty days"),
        };
        return Err(invalid_fields("the rotation is not valid", vec![field]).into());
    }
    let overlap = Duration::from_secs(u64::from(overlap_s));
    let (key, token) = state.services.keys.rotate(&principal, id, overlap).await?;
    new_token(StatusCode::OK, key, token)
}

/// Revoke a key
///
/// At once and for good: one's own, or one of a project that one owns. What was spent with it stays in the
/// ledger.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "gateway", params(("id" = String, Path, description = "`key_…`")),
    responses(
        (status = 204, description = "It is revoked."),
        (status = 404, description = "There is no such key of one's own.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn revoke_key(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<KeyId>,
) -> ApiResult {
    state.services.keys.revoke(&principal, id).await?;
    Ok(no_content())
}

fn key_reply(key: Arc<VirtualKey>) -> ApiResult {
    let tag = revision_tag(key.revision);
    Ok(tagged(json(StatusCode::OK, &KeyReply::from(key))?, tag))
}

/// With the token, which is nothing to keep a copy of.
fn new_token(status: StatusCode, key: Arc<VirtualKey>, token: String) -> ApiResult {
    let tag = revision_tag(key.revision);
    let reply = NewKeyReply {
        token,
        key: key.into(),
    };
    let mut response = json(status, &reply)?;
    response.headers_mut().insert(ETAG, tag);
    Ok(response)
}
