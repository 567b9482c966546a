//! `/v1/search`: finds articles and all else, and tells how words may go on.

use axum::extract::State;
use chrono::{DateTime, Utc};
use inkstone_domain::api_key::Scope;
use inkstone_domain::principal::Principal;
use inkstone_domain::search::DocumentKind;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiResult;
use crate::extract::{Caller, JsonBody, QueryOf, check_also};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::article::StatusWord;
use crate::wire::page::{ListReply, limit_of};
use crate::wire::problem::Problem;
use crate::wire::rerank_wish::RerankWish;
use crate::wire::search::{SearchReply, WordSuggestionReply};
use crate::wire::search_form::{
    CountsBody, FilterBody, Form, HybridBody, MomentsBody, SearchBody, in_query, kinds_named,
};

/// What to find.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FindQuery {
    /// What a person typed; empty finds everything, newest first.
    #[serde(default)]
    q: String,
    /// What to look for, with commas between: `article`, `prompt`, `media`, `message`, `note`; articles where it is left out.
    #[param(example = "article,media")]
    kind: Option<String>,
    #[serde(rename = "filter[status]")]
    status: Option<StatusWord>,
    /// One tag, or several with commas between: all of them must be there.
    #[serde(rename = "filter[tag]")]
    tags: Option<String>,
    /// The same for categories, each with those below it.
    #[serde(rename = "filter[category]")]
    categories: Option<String>,
    #[serde(rename = "filter[project]")]
    project: Option<String>,
    /// Any of several, with commas between, as the next two.
    #[serde(rename = "filter[author]")]
    authors: Option<String>,
    #[serde(rename = "filter[locale]")]
    locales: Option<String>,
    #[serde(rename = "filter[type]")]
    types: Option<String>,
    /// From this instant on.
    #[serde(rename = "filter[created_at][gte]")]
    created_from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(rename = "filter[created_at][lt]")]
    created_until: Option<DateTime<Utc>>,
    /// From this instant on.
    #[serde(rename = "filter[updated_at][gte]")]
    updated_from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(rename = "filter[updated_at][lt]")]
    updated_until: Option<DateTime<Utc>>,
    /// At least so many words.
    #[serde(rename = "filter[words][gte]")]
    words_from: Option<u64>,
    /// At most so many words.
    #[serde(rename = "filter[words][lte]")]
    words_to: Option<u64>,
    /// Values to count, with commas between: `tag`, `category`, `status`, `project`, `author`, `locale`,
    /// `type`, `kind`.
    #[param(example = "tag")]
    facets: Option<String>,
    /// `created_at`, `updated_at` or `words`, with `-` before it for the greatest first; by how well it
    /// matches where it is left out.
    sort: Option<String>,
    /// Only the best of each value of this facet.
    distinct: Option<String>,
    /// Which words must be there: `any`, `all`, `last` or `frequency`; `any` where it is left out.
    matching: Option<String>,
    /// BCP 47 of `q`; where it is left out, the languages of all texts are tried.
    locale: Option<String>,
    /// `true` puts the best in the order of the configured model that reranks; or the name of one.
    #[param(min_length = 1)]
    rerank: Option<String>,
    /// So many of the best passages are shown, too, up to 50.
    #[param(minimum = 1, maximum = 50)]
    passages: Option<usize>,
    /// What meaning counts beside words: from 0 for words alone to 1 for meaning alone; as configured where it
    /// is left out.
    #[serde(rename = "hybrid[ratio]")]
    #[param(minimum = 0, maximum = 1)]
    ratio: Option<f32>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// Results to leave out at the front.
    offset: Option<usize>,
    /// `next_cursor` of the page before, with all else unchanged.
    cursor: Option<String>,
    /// `false` leaves out the HTML with marked matches.
    highlight: Option<bool>,
    /// Length of a passage in words, at most 200; 36 where it is left out, and 0 for no passages.
    crop: Option<usize>,
    /// `true` tells why each result stands where it stands.
    #[serde(default)]
    show_score: bool,
    /// `true` first waits until all that was written before this request can be found.
    #[serde(default)]
    wait: bool,
}

/// What was typed so far.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuggestQuery {
    #[serde(default)]
    q: String,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
}

/// Search
///
/// Finds what the caller may read: of articles one's own, those of one's projects, published ones, and for admins all; of
/// prompts, notes and files those of one's projects, and one's own notes and files; of chats only one's own. Whatever is typed is a query,
/// never an error. A key needs `media:read` for files, `projects:read` for prompts, notes and messages, and `models:call` for
/// `rerank`, too; that costs, and needs the role creator.
#[utoipa::path(
    get, path = "/v1/search", tag = "search", params(FindQuery),
    responses(
        (status = 200, description = "What was found, best first.", body = SearchReply),
        (status = 404, description = "There is no such model that reranks.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn find_articles(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<FindQuery>,
) -> ApiResult {
    let kinds = kinds_named(&listed(query.kind.clone())).map_err(in_query)?;
    let body = SearchBody {
        kinds,
        ..SearchBody::from(query)
    };
    let form = body.checked().map_err(in_query)?;
    find(&state, &principal, form).await
}

/// Search, the long form
///
/// The same as `GET /v1/search`, for searches that are long or have values with commas.
#[utoipa::path(
    post, path = "/v1/search", tag = "search", request_body = SearchBody,
    responses(
        (status = 200, description = "What was found, best first.", body = SearchReply),
        (status = 404, description = "There is no such model that reranks.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn search_articles(
    State(state): State<Shared>,
    Caller(principal): Caller,
    JsonBody { value: body, .. }: JsonBody<SearchBody>,
) -> ApiResult {
    find(&state, &principal, body.checked()?).await
}

/// Suggest words
///
/// How the last word may go on, from words of what the caller may read; most frequent first.
#[utoipa::path(
    get, path = "/v1/search/suggestions", tag = "search", params(SuggestQuery),
    responses((status = 200, description = "What it may become.", body = ListReply<WordSuggestionReply>)),
)]
pub(crate) async fn complete_words(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<SuggestQuery>,
) -> ApiResult {
    let limit = limit_of(query.limit)?;
    let search = &state.services.search;
    let found = search.suggest(&principal, query.q, limit).await?;
    ok(&ListReply::<WordSuggestionReply>::whole(found))
}

async fn find(state: &Shared, principal: &Principal, form: Form) -> ApiResult {
    check_kinds(principal, &form.request.kinds)?;
    if form.request.rerank.is_some() {
        check_also(principal, Scope::ModelsCall)?;
    }
    if form.wait {
        state.services.search.catch_up().await?;
    }
    let request = form.request.clone();
    let found = state.services.search.find(principal, request).await?;
    ok(&SearchReply::new(found, &form))
}

/// What a key needs beside `articles:read` to look for these.
pub(super) fn check_kinds(principal: &Principal, kinds: &[DocumentKind]) -> ApiResult<()> {
    for kind in kinds {
        match kind {
            DocumentKind::Article => {}
            DocumentKind::Media => check_also(principal, Scope::MediaRead)?,
            DocumentKind::Prompt | DocumentKind::Message | DocumentKind::Note => {
                check_also(principal, Scope::ProjectsRead)?;
            }
        }
    }
    Ok(())
}

impl From<FindQuery> for SearchBody {
    fn from(query: FindQuery) -> Self {
        Self {
            q: query.q,
            kinds: Vec::new(),
            filter: FilterBody {
                status: query.status,
                project: query.project,
                tags: listed(query.tags),
                categories: listed(query.categories),
                authors: listed(query.authors),
                locales: listed(query.locales),
                types: listed(query.types),
                created_at: MomentsBody {
                    gte: query.created_from,
                    lt: query.created_until,
                },
                updated_at: MomentsBody {
                    gte: query.updated_from,
                    lt: query.updated_until,
                },
                words: CountsBody {
                    gte: query.words_from,
                    lte: query.words_to,
                },
            },
            facets: listed(query.facets),
            sort: query.sort,
            distinct: query.distinct,
            matching: query.matching,
            locale: query.locale,
            hybrid: HybridBody { ratio: query.ratio },
            rerank: query.rerank.map(RerankWish::named),
            passages: query.passages,
            limit: query.limit,
            offset: query.offset,
            cursor: query.cursor,
            highlight: query.highlight,
            crop: query.crop,
            show_score: query.show_score,
            wait: query.wait,
        }
    }
}

/// Values with commas between.
fn listed(values: Option<String>) -> Vec<String> {
    values
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}
