//! `/v1/content-types`: kinds of articles, and the schemas of their fields.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use inkstone_domain::content::ContentType;

use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathWord};
use crate::reply::{json, location, not_modified, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::content_type::{ContentTypeBody, ContentTypeReply, NewContentTypeBody};
use crate::wire::page::ListReply;
use crate::wire::problem::Problem;

/// List content types
///
/// All of them, by name.
#[utoipa::path(
    get, path = "/v1/content-types", tag = "articles",
    responses((status = 200, description = "All content types.", body = ListReply<ContentTypeReply>)),
)]
pub(crate) async fn list_content_types(
    State(state): State<Shared>,
    Caller(_principal): Caller,
) -> ApiResult {
    let kinds = state.services.content_types.list().await?;
    ok(&ListReply::<ContentTypeReply>::whole(kinds))
}

/// Add a content type
///
/// For admins.
#[utoipa::path(
    post, path = "/v1/content-types", tag = "articles", request_body = NewContentTypeBody,
    responses(
        (status = 201, description = "The content type.", body = ContentTypeReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))),
        (status = 409, description = "There is one of this name.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_content_type(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<NewContentTypeBody>,
) -> ApiResult {
    let kinds = &state.services.content_types;
    let kind = kinds.create(&principal, body.value.into()).await?;
    let location = location(format!("/v1/content-types/{}", kind.name));
    let mut response = content_type_reply(StatusCode::CREATED, kind)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Read a content type
#[utoipa::path(
    get, path = "/v1/content-types/{name}", tag = "articles",
    params(("name" = String, Path, description = "`[a-z0-9-]+`"),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The content type.", body = ContentTypeReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_content_type(
    State(state): State<Shared>,
    Caller(_principal): Caller,
    PathWord(name): PathWord,
    held: IfNoneMatch,
) -> ApiResult {
    let kind = state.services.content_types.get(&name).await?;
    let tag = revision_tag(kind.revision);
    match held.holds(&tag) {
        true => Ok(tagged(not_modified(), tag)),
        false => content_type_reply(StatusCode::OK, kind),
    }
}

/// Change a content type
///
/// For admins. Articles that do not fit any more stay as they are until their fields change.
#[utoipa::path(
    put, path = "/v1/content-types/{name}", tag = "articles", request_body = ContentTypeBody,
    params(("name" = String, Path, description = "`[a-z0-9-]+`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The content type as it is now.", body = ContentTypeReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn replace_content_type(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(name): PathWord,
    IfMatch(revision): IfMatch,
    body: JsonBody<ContentTypeBody>,
) -> ApiResult {
    let kinds = &state.services.content_types;
    let kind = kinds
        .replace(&principal, body.value.named(name), revision)
        .await?;
    content_type_reply(StatusCode::OK, kind)
}

fn content_type_reply(status: StatusCode, kind: ContentType) -> ApiResult {
    let tag = revision_tag(kind.revision);
    let response = json(status, &ContentTypeReply::from(kind))?;
    Ok(tagged(response, tag))
}
