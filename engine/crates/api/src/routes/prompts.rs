//! `/v1/projects/{slug}/prompts`: prompts, their versions, and what becomes of them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use inkstone_domain::prompt::{Prompt, PromptVersion};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{
    CallContext, Caller, IfMatch, IfNoneMatch, JsonBody, PathWord, PathWords, QueryOf,
};
use crate::reply::{json, location, not_modified, ok, revision_tag, tagged};
use crate::state::Shared;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::prompt::{
    FillBody, NewPromptBody, PromptReply, PromptVersionBody, PromptVersionReply, RenderedReply,
    TriedReply, TryBody, WholePromptReply,
};

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PromptsQuery {
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which version.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VersionQuery {
    /// The newest where it is left out.
    version: Option<u32>,
}

/// List prompts
///
/// Newest first, without their texts. For members of the project.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/prompts", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."), PromptsQuery),
    responses((status = 200, description = "A page of prompts.", body = ListReply<PromptReply>)),
)]
pub(crate) async fn list_prompts(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    QueryOf(query): QueryOf<PromptsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let prompts = state.services.prompts.list(&principal, &slug, page).await?;
    ok(&ListReply::<PromptReply>::page(prompts))
}

/// Make a prompt
///
/// With its first version. For editors of the project.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/prompts", tag = "projects", request_body = NewPromptBody,
    params(("slug" = String, Path, description = "Of the project.")),
    responses(
        (status = 201, description = "The prompt.", body = WholePromptReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its newest version."))),
        (status = 409, description = "The name is taken, or the project is archived.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_prompt(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWord(slug): PathWord,
    body: JsonBody<NewPromptBody>,
) -> ApiResult {
    let (name, text) = body.value.into_domain();
    let prompts = &state.services.prompts;
    let whole = prompts.create(&principal, &slug, name, text).await?;
    created(&slug, whole)
}

/// Show a prompt
///
/// With its newest version, or the one that is asked for. For members of the project.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/prompts/{name}", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("name" = String, Path, description = "Of the prompt."), VersionQuery,
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The prompt.", body = WholePromptReply,
         headers(("etag" = String, description = "The version that is shown."))),
        (status = 304, description = "The caller holds this version."),
    ),
)]
pub(crate) async fn show_prompt(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWords(slug, name): PathWords,
    QueryOf(query): QueryOf<VersionQuery>,
    held: IfNoneMatch,
) -> ApiResult {
    let prompts = &state.services.prompts;
    let whole = prompts.get(&principal, &slug, &name, query.version).await?;
    let tag = revision_tag(u64::from(whole.1.version));
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    let response = json(StatusCode::OK, &WholePromptReply::from(whole))?;
    Ok(tagged(response, tag))
}

/// List versions of a prompt
///
/// Newest first. For members of the project.
#[utoipa::path(
    get, path = "/v1/projects/{slug}/prompts/{name}/versions", tag = "projects",
    params(("slug" = String, Path, description = "Of the project."),
           ("name" = String, Path, description = "Of the prompt."), PromptsQuery),
    responses((status = 200, description = "A page of versions.", body = ListReply<PromptVersionReply>)),
)]
pub(crate) async fn list_prompt_versions(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWords(slug, name): PathWords,
    QueryOf(query): QueryOf<PromptsQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let prompts = &state.services.prompts;
    let versions = prompts.versions(&principal, &slug, &name, page).await?;
    ok(&ListReply::<PromptVersionReply>::page(versions))
}

/// Change a prompt
///
/// Adds a version; those before stay. Send the `etag` of the newest as `if-match`, so that nobody's change
/// is lost. For editors of the project.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/prompts/{name}/versions", tag = "projects",
    request_body = PromptVersionBody,
    params(("slug" = String, Path, description = "Of the project."),
           ("name" = String, Path, description = "Of the prompt."),
           ("if-match" = Option<String>, Header, description = "The `etag` of the newest version.")),
    responses(
        (status = 201, description = "The prompt with its new version; the newest, where it says the same.", body = WholePromptReply,
         headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its newest version."))),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn add_prompt_version(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWords(slug, name): PathWords,
    IfMatch(version): IfMatch,
    body: JsonBody<PromptVersionBody>,
) -> ApiResult {
    let prompts = &state.services.prompts;
    let text = body.value.into();
    let whole = prompts
        .add_version(&principal, &slug, &name, text, version)
        .await?;
    created(&slug, whole)
}

/// Fill a prompt in
///
/// For members of the project.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/prompts/{name}/render", tag = "projects", request_body = FillBody,
    params(("slug" = String, Path, description = "Of the project."),
           ("name" = String, Path, description = "Of the prompt.")),
    responses((status = 200, description = "The messages.", body = RenderedReply)),
)]
pub(crate) async fn render_prompt(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathWords(slug, name): PathWords,
    body: JsonBody<FillBody>,
) -> ApiResult {
    let prompts = &state.services.prompts;
    let wanted = body.value.into_domain(name);
    let rendered = prompts.render(&principal, &slug, wanted).await?;
    ok(&RenderedReply::from(rendered))
}

/// Try a prompt
///
/// Fills it in and asks a model. Needs the role creator; for members of the project.
#[utoipa::path(
    post, path = "/v1/projects/{slug}/prompts/{name}/test", tag = "projects", request_body = TryBody,
    params(("slug" = String, Path, description = "Of the project."),
           ("name" = String, Path, description = "Of the prompt.")),
    responses(
        (status = 200, description = "The answer.", body = TriedReply),
        (status = 409, description = "The project is archived.", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The model's provider answered with an error.", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "The model did not answer in time.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn test_prompt(
    State(state): State<Shared>,
    Caller(principal): Caller,
    CallContext(context): CallContext,
    PathWords(slug, name): PathWords,
    body: JsonBody<TryBody>,
) -> ApiResult {
    let prompts = &state.services.prompts;
    let (wanted, model) = body.value.into_domain(name);
    let tried = prompts
        .test(&principal, &context, &slug, wanted, model)
        .await?;
    ok(&TriedReply::from(tried))
}

fn created(slug: &str, whole: (Prompt, PromptVersion)) -> ApiResult {
    let tag = revision_tag(u64::from(whole.1.version));
    let place = location(format!("/v1/projects/{slug}/prompts/{}", whole.0.name));
    let mut response = json(StatusCode::CREATED, &WholePromptReply::from(whole))?;
    response.headers_mut().insert(LOCATION, place);
    Ok(tagged(response, tag))
}
