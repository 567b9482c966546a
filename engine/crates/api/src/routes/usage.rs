//! `/v1/usage`: the ledger, and `/v1/limits`: what may be used.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use chrono::NaiveDate;
use inkstone_domain::FieldError;
use inkstone_domain::allowance::Subject;
use inkstone_domain::ids::{KeyId, UserId};
use inkstone_domain::usage::UsageFilter;
use inkstone_services::Standing;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::{ApiResult, invalid_fields};
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathId, QueryOf};
use crate::reply::{encode, json_bytes, no_content, not_modified, ok, revision_tag_with, tagged};
use crate::state::Shared;
use crate::wire::allowance::AllowanceBody;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::usage::{
    DimensionWord, StandingReply, UsageGroupReply, UsageLineReply, UsageSumsReply, csv_of,
};

/// Which calls, and by what they are put together.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageQuery {
    /// `day`, `model`, `key`, `user`, `project`, `plugin`: up to three with commas between; `day` where it
    /// is left out.
    group_by: Option<String>,
    /// `json`, or `csv` for spreadsheets.
    #[param(inline)]
    format: Option<LedgerFormatWord>,
    /// From this day on, UTC, such as `2026-11-01`.
    #[param(value_type = Option<String>)]
    from: Option<NaiveDate>,
    /// Up to and with this day, UTC.
    #[param(value_type = Option<String>)]
    to: Option<NaiveDate>,
    /// `usr_…`
    #[serde(rename = "filter[user]")]
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// `key_…`
    #[serde(rename = "filter[key]")]
    #[param(value_type = Option<String>)]
    key: Option<KeyId>,
    #[serde(rename = "filter[project]")]
    project: Option<String>,
    /// `provider/model`
    #[serde(rename = "filter[model]")]
    model: Option<String>,
}

/// Which lines of the ledger.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LinesQuery {
    /// From this day on, UTC, such as `2026-11-01`.
    #[param(value_type = Option<String>)]
    from: Option<NaiveDate>,
    /// Up to and with this day, UTC.
    #[param(value_type = Option<String>)]
    to: Option<NaiveDate>,
    /// `usr_…`
    #[serde(rename = "filter[user]")]
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// `key_…`
    #[serde(rename = "filter[key]")]
    #[param(value_type = Option<String>)]
    key: Option<KeyId>,
    #[serde(rename = "filter[project]")]
    project: Option<String>,
    /// `provider/model`
    #[serde(rename = "filter[model]")]
    model: Option<String>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How sums are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LedgerFormatWord {
    Json,
    Csv,
}

/// Sum up usage
///
/// Of one's own calls, of everybody's for admins. A call is in the sums about a second after it ended.
#[utoipa::path(
    get, path = "/v1/usage", tag = "gateway", params(UsageQuery),
    responses((status = 200, description = "The sums.",
        content((UsageSumsReply = "application/json"), (String = "text/csv")))),
)]
pub(crate) async fn sum_usage(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<UsageQuery>,
) -> ApiResult {
    let words = dimensions(query.group_by.as_deref().unwrap_or("day"))?;
    let by: Vec<_> = words.iter().map(|word| (*word).into()).collect();
    let filter = UsageFilter {
        user: query.user,
        key: query.key,
        project: query.project,
        model: query.model,
        from: query.from,
        to: query.to,
    };
    let groups = state.services.usage.sum(&principal, filter, &by).await?;
    if query.format == Some(LedgerFormatWord::Csv) {
        let mut response = Response::new(Body::from(csv_of(&groups, &words)?));
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        );
        headers.insert(
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"usage.csv\""),
        );
        return Ok(response);
    }
    let data = groups.into_iter();
    ok(&UsageSumsReply {
        data: data
            .map(|group| UsageGroupReply::new(group, &words))
            .collect(),
    })
}

/// List attempts
///
/// Lines of the ledger, newest first: one for each attempt to call a model. One's own, those of everybody
/// for admins.
#[utoipa::path(
    get, path = "/v1/usage/attempts", tag = "gateway", params(LinesQuery),
    responses((status = 200, description = "A page of attempts.", body = ListReply<UsageLineReply>)),
)]
pub(crate) async fn list_attempts(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<LinesQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let filter = UsageFilter {
        user: query.user,
        key: query.key,
        project: query.project,
        model: query.model,
        from: query.from,
        to: query.to,
    };
    let lines = state.services.usage.list(&principal, filter, page).await?;
    ok(&ListReply::<UsageLineReply>::page(lines))
}

/// Show limits
///
/// What a subject may use and what it used: oneself and one's keys, everybody for admins.
#[utoipa::path(
    get, path = "/v1/limits/{subject}", tag = "gateway",
    params(("subject" = String, Path, description = "`key:<id>`, `user:<id>`, `project:<name>` or `model:<provider>/<model>`, percent-encoded."),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "Limits and spendings.", body = StandingReply,
         headers(("etag" = String, description = "Of the limits' revision and of what was spent."))),
        (status = 304, description = "The caller holds this already."),
    ),
)]
pub(crate) async fn show_limits(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(subject): PathId<Subject>,
    held: IfNoneMatch,
) -> ApiResult {
    let standing = state.services.usage.standing(&principal, subject).await?;
    standing_reply(standing, &held)
}

/// Set limits
///
/// What a user, a project or a model may use, in place of the configuration. Needs the role admin.
#[utoipa::path(
    put, path = "/v1/limits/{subject}", tag = "gateway", request_body = AllowanceBody,
    params(("subject" = String, Path, description = "`user:<id>`, `project:<name>` or `model:<provider>/<model>`, percent-encoded."),
           ("if-match" = Option<String>, Header, description = "The `etag` of the limits that are changed.")),
    responses(
        (status = 200, description = "Limits and spendings as they are now.", body = StandingReply,
         headers(("etag" = String, description = "Of the limits' revision and of what was spent."))),
        (status = 403, description = "This is for admins.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed them; read them again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn set_limits(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(subject): PathId<Subject>,
    IfMatch(revision): IfMatch,
    body: JsonBody<AllowanceBody>,
) -> ApiResult {
    let usage = &state.services.usage;
    let allowance = body.value.into_domain();
    usage
        .set_allowance(&principal, subject.clone(), Some(allowance), revision)
        .await?;
    let standing = usage.standing(&principal, subject).await?;
    standing_reply(standing, &IfNoneMatch::default())
}

/// Take limits away
///
/// The configuration's hold again. Needs the role admin.
#[utoipa::path(
    delete, path = "/v1/limits/{subject}", tag = "gateway",
    params(("subject" = String, Path, description = "`user:<id>`, `project:<name>` or `model:<provider>/<model>`, percent-encoded."),
           ("if-match" = Option<String>, Header, description = "The `etag` of the limits that are taken away.")),
    responses(
        (status = 204, description = "They are gone."),
        (status = 403, description = "This is for admins.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed them; read them again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove_limits(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(subject): PathId<Subject>,
    IfMatch(revision): IfMatch,
) -> ApiResult {
    let usage = &state.services.usage;
    usage
        .set_allowance(&principal, subject, None, revision)
        .await?;
    Ok(no_content())
}

/// Its tag has the revision of the limits; what was spent changes by itself.
fn standing_reply(standing: Standing, held: &IfNoneMatch) -> ApiResult {
    let revision = standing.revision;
    let reply = StandingReply::from(standing);
    let body = encode(&reply)?;
    let tag = revision_tag_with(revision, &body);
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    Ok(tagged(json_bytes(StatusCode::OK, body), tag))
}

/// `day,model` and the like; the same twice is once.
fn dimensions(text: &str) -> Result<Vec<DimensionWord>, crate::error::ApiError> {
    let known = [
        DimensionWord::Day,
        DimensionWord::Model,
        DimensionWord::Key,
        DimensionWord::User,
        DimensionWord::Project,
        DimensionWord::Plugin,
    ];
    let mut words = Vec::new();
    for name in text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let Some(word) = known.into_iter().find(|word| word.as_str() == name) else {
            let names: Vec<&str> = known.iter().map(|word| word.as_str()).collect();
            let field = FieldError {
                pointer: "?group_by".to_owned(),
                detail: format!("`{name}` is none of {}", names.join(", ")),
            };
            return Err(invalid_fields("a query parameter is not valid", vec![field]).into());
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    Ok(words)
}
