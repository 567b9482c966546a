//! `/v1/search`: finds articles.

use axum::extract::State;
use inkstone_domain::content::Status;
use inkstone_services::search::SearchRequest;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, QueryOf};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::article::StatusWord;
use crate::wire::page::limit_of;
use crate::wire::search::{Highlighting, SearchReply};

/// What to find.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindQuery {
    /// What a person typed; empty finds everything, newest first.
    #[serde(default)]
    q: String,
    #[serde(rename = "filter[status]")]
    status: Option<StatusWord>,
    /// One tag, or several with commas between: all of them must be there.
    #[serde(rename = "filter[tag]")]
    tags: Option<String>,
    #[serde(rename = "filter[project]")]
    project: Option<String>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// Results to leave out at the front.
    #[serde(default)]
    offset: usize,
    /// `false` leaves out the HTML with marked matches.
    highlight: Option<bool>,
    /// `true` first waits until all that was written before this request can be found.
    #[serde(default)]
    wait: bool,
}

/// Search articles
///
/// Finds what the caller may read: one's own articles, published ones, and for admins all.
#[utoipa::path(
    get, path = "/v1/search", tag = "search", params(FindQuery),
    responses((status = 200, description = "What was found, best first.", body = SearchReply)),
)]
pub(crate) async fn find_articles(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<FindQuery>,
) -> ApiResult {
    let limit = limit_of(query.limit)?;
    let offset = query.offset;
    let highlighting = match query.highlight {
        Some(false) => Highlighting::Off,
        _ => Highlighting::On,
    };
    let request = SearchRequest {
        text: query.q,
        project: query.project,
        status: query.status.map(Status::from),
        tags: tags_of(query.tags.as_deref()),
        limit,
        offset,
    };
    if query.wait {
        state.services.search.catch_up().await?;
    }
    let page = state.services.search.query(&principal, request).await?;
    ok(&SearchReply::new(page, limit, offset, highlighting))
}

fn tags_of(tags: Option<&str>) -> Vec<String> {
    tags.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect()
}
