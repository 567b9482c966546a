//! `/v1/projects/{slug}/media` and `/v1/media`: files of projects. Their bytes stand in `media_content`,
//! uploads in pieces in `uploads`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use chrono::{DateTime, TimeDelta};
use inkstone_domain::ids::{MediaId, UserId};
use inkstone_domain::media::{Media, MediaFilter};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, codes};
use inkstone_services::MediaLibrary;
use inkstone_services::media::{Claim, TakenIn};
use serde::Deserialize;
use utoipa::IntoParams;

use super::media_content::link_path;
use crate::error::{ApiError, ApiResult};
use crate::extract::{
    Caller, IfMatch, IfNoneMatch, JsonBody, PathId, PathWord, QueryOf, bytes_of_field, form_of,
    not_a_form,
};
use crate::reply::{json, location, no_content, not_modified, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::media::{
    LinkBody, LinkReply, MediaPatchBody, MediaReply, UploadForm, VersionReply,
};
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;

/// Which files.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MediaQuery {
    /// Whole, such as `image/png`, or its first half, such as `image`.
    #[serde(rename = "filter[content_type]")]
    content_type: Option<String>,
    /// `usr_…`
    #[serde(rename = "filter[owner]")]
    #[param(value_type = Option<String>)]
    owner: Option<UserId>,
    /// Lists the trash, and nothing else.
    trashed: Option<bool>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VersionsQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How to delete a file.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// For good, with its versions, from the trash or past it.
    permanent: Option<bool>,
}

/// List files
///
/// Newest first. For members of the project; in `default` everybody sees their own.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/media", tag = "media",
    params(("slug" = String, Path, description = "Of the project."), MediaQuery),
    responses((status = 200, description = "A page of files.", body = ListReply<MediaReply>)),
)]
pub(crate) async fn list_media(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<MediaQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let filter = MediaFilter {
        project: slug,
        content_type: query.content_type,
        owner: query.owner,
        is_trashed: query.trashed.unwrap_or_default(),
    };
    let media = state.services.media.list(&principal, filter, page).await?;
    ok(&ListReply::<MediaReply>::page(media))
}

/// Upload a file
///
/// As a form with the field `file`, and `alt` and `name` if you like. The type is found in the bytes; what
/// the form says and the ending of the name must agree with it. For editors of the project.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/media", tag = "media",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    params(("slug" = String, Path, description = "Of the project.")),
    responses(
        (status = 201, description = "The file. Its smaller pictures follow.", body = MediaReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The file is too large, or the project keeps as much as it may.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "It is no form, or a file of a type that is not taken.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The file is not what it is said to be.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn upload_file(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    request: Request,
) -> ApiResult {
    let library = &state.services.media;
    library.may_add(&principal, &slug).await?;
    let (taken, alt) = read_form(library, &principal, &slug, request).await?;
    let media = library.add(&principal, taken, alt).await?;
    let place = location(format!("/v1/media/{}", media.id));
    let mut response = media_reply(StatusCode::CREATED, media)?;
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

/// Show a file
///
/// What is known of it; its bytes are at `content`. For members of its project, and for who added it.
#[utoipa::path(
    get, path = "/v1/media/{id}", tag = "media",
    params(("id" = String, Path, description = "`med_…`"),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The file.", body = MediaReply, headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_medium(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<MediaId>,
    held: IfNoneMatch,
) -> ApiResult {
    let media = state.services.media.get(&principal, id).await?;
    let tag = revision_tag(media.revision);
    match held.holds(&tag) {
        true => Ok(tagged(not_modified(), tag)),
        false => media_reply(StatusCode::OK, media),
    }
}

/// Change a file
///
/// Its name and what it shows. For who added it, and for editors of its project.
#[utoipa::path(
    patch, path = "/v1/media/{id}", tag = "media", request_body = MediaPatchBody,
    params(("id" = String, Path, description = "`med_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The file.", body = MediaReply, headers(("etag" = String, description = "Its revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The ending of the name does not fit the file.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_medium(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<MediaId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<MediaPatchBody>,
) -> ApiResult {
    let library = &state.services.media;
    let patch = body.value.into();
    let media = library.update(&principal, id, patch, revision).await?;
    media_reply(StatusCode::OK, media)
}

/// Delete a file
///
/// Puts it into the trash, from which it can be brought back for `[media] trash_days`; with `permanent=true`
/// it is gone for good. The cover of an article is not deleted.
#[utoipa::path(
    delete, path = "/v1/media/{id}", tag = "media",
    params(("id" = String, Path, description = "`med_…`"), DeleteQuery,
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is deleted.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "It is the cover of an article, or the project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_medium(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<MediaId>,
    QueryOf(query): QueryOf<DeleteQuery>,
    IfMatch(revision): IfMatch,
) -> ApiResult {
    let library = &state.services.media;
    match query.permanent.unwrap_or_default() {
        true => library.remove(&principal, id, revision).await?,
        false => library.delete(&principal, id, revision).await?,
    }
    Ok(no_content())
}

/// Bring a file back
///
/// From the trash, as it was.
#[utoipa::path(
    post, path = "/v1/media/{id}/restore", tag = "media",
    params(("id" = String, Path, description = "`med_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision in the trash.")),
    responses(
        (status = 200, description = "The file.", body = MediaReply, headers(("etag" = String, description = "Its revision."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn restore_medium(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<MediaId>,
    IfMatch(revision): IfMatch,
) -> ApiResult {
    let media = state
        .services
        .media
        .restore(&principal, id, revision)
        .await?;
    media_reply(StatusCode::OK, media)
}

/// List versions of a file
///
/// Newest first. As for the file itself.
#[utoipa::path(
    get, path = "/v1/media/{id}/versions", tag = "media",
    params(("id" = String, Path, description = "`med_…`"), VersionsQuery),
    responses((status = 200, description = "A page of versions.", body = ListReply<VersionReply>)),
)]
pub(crate) async fn list_versions(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<MediaId>,
    QueryOf(query): QueryOf<VersionsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let versions = state.services.media.versions(&principal, id, page).await?;
    ok(&ListReply::<VersionReply>::page(versions))
}

/// Make a link
///
/// An address that opens one version of a file, or one of its variants, for everybody who has it, until it
/// expires. It cannot be taken back before; a file in the trash is not opened. For who may read the file.
#[utoipa::path(
    post, path = "/v1/media/{id}/link", tag = "media", request_body = LinkBody,
    params(("id" = String, Path, description = "`med_…`")),
    responses((status = 200, description = "The link.", body = LinkReply)),
)]
pub(crate) async fn make_link(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<MediaId>,
    body: JsonBody<LinkBody>,
) -> ApiResult {
    let LinkBody {
        expires_in_s,
        version,
        variant,
    } = body.value;
    let lasting = TimeDelta::seconds(i64::from(expires_in_s));
    let library = &state.services.media;
    let link = library
        .link(&principal, id, version, variant.as_deref(), lasting)
        .await?;
    let path = link_path(&link);
    ok(&LinkReply {
        url: format!("{}{path}", state.config.public_url),
        expires_at: DateTime::from_timestamp(link.claim.expires, 0).unwrap_or_default(),
        path,
    })
}

pub(super) fn media_reply(status: StatusCode, media: Media) -> ApiResult {
    let tag = revision_tag(media.revision);
    let response: Response = json(status, &MediaReply::from(media))?;
    Ok(tagged(response, tag))
}

/// The file, kept already, and what else the form says. Fields may come in any order.
async fn read_form(
    library: &MediaLibrary,
    principal: &Principal,
    slug: &str,
    request: Request,
) -> Result<(TakenIn, String), ApiError> {
    let (parts, body) = request.into_parts();
    let mut form = form_of(&parts.headers, body)?;
    let mut taken: Option<TakenIn> = None;
    let (mut name, mut alt) = (None, String::new());
    let read = async {
        while let Some(field) = form.next_field().await.map_err(not_a_form)? {
            match field.name().unwrap_or_default() {
                "file" if taken.is_none() => {
                    let sent = field.file_name().map(str::to_owned);
                    let claim = Claim {
                        name: sent.or_else(|| name.clone()).unwrap_or_default(),
                        content_type: field.content_type().map(ToString::to_string),
                    };
                    let bytes = bytes_of_field(field);
                    taken = Some(library.take_in(principal, slug, claim, bytes).await?);
                }
                "name" => name = Some(field.text().await.map_err(not_a_form)?),
                "alt" => alt = field.text().await.map_err(not_a_form)?,
                other => {
                    let message = format!(
                        "the form has a field `{other}`; it takes one `file`, `name` and `alt`"
                    );
                    return Err(Error::new(&codes::INVALID_INPUT, message).into());
                }
            }
        }
        Ok::<_, ApiError>(())
    };
    let read = read.await;
    match (read, taken) {
        (Ok(()), Some(taken)) => Ok((taken, alt)),
        (Ok(()), None) => Err(ApiError::new(
            &codes::INVALID_INPUT,
            "the form has no field `file`",
        )),
        (Err(error), taken) => {
            if let Some(taken) = taken {
                library.discard(taken).await;
            }
            Err(error)
        }
    }
}
