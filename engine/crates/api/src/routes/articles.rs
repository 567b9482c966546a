//! `/v1/articles`: articles, and where generated ones come from. Their revisions stand in `revisions`.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use inkstone_domain::content::{Article, ArticleFilter, ArticleSort, Facet, Span, Status};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::{Error, Result, codes};
use inkstone_services::content::BySlug;
use serde::Deserialize;
use utoipa::IntoParams;

use super::shown_files::Files;
use crate::error::ApiResult;
use crate::extract::{Caller, IfMatch, IfNoneMatch, JsonBody, PathId, PathSlug, QueryOf};
use crate::reply::{
    html, json, location, moved, no_content, not_modified, ok, revision_tag, tagged,
};
use crate::state::Shared;
use crate::wire::article::{
    ArticleItemReply, ArticlePatchBody, ArticleReply, NewArticleBody, StatusWord, TransitionBody,
};
use crate::wire::fields::Fields;
use crate::wire::markdown::Include;
use crate::wire::page::{ListReply, page_request};
use crate::wire::problem::Problem;
use crate::wire::provenance::ProvenanceReply;

/// Which articles.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ArticlesQuery {
    #[serde(rename = "filter[status]")]
    status: Option<StatusWord>,
    #[serde(rename = "filter[project]")]
    project: Option<String>,
    /// One of these five, within a project.
    #[serde(rename = "filter[tag]")]
    tag: Option<String>,
    #[serde(rename = "filter[category]")]
    category: Option<String>,
    /// BCP 47; case does not matter.
    #[serde(rename = "filter[locale]")]
    locale: Option<String>,
    /// As it stands in `authors`.
    #[serde(rename = "filter[author]")]
    author: Option<String>,
    /// The name of a content type.
    #[serde(rename = "filter[type]")]
    kind: Option<String>,
    /// `usr_…`
    #[serde(rename = "filter[owner]")]
    #[param(value_type = Option<String>)]
    owner: Option<UserId>,
    /// From this instant on; with `sort=-created_at`.
    #[serde(rename = "filter[created_at][gte]")]
    created_from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(rename = "filter[created_at][lt]")]
    created_until: Option<DateTime<Utc>>,
    /// From this instant on; with `sort=-updated_at`.
    #[serde(rename = "filter[updated_at][gte]")]
    updated_from: Option<DateTime<Utc>>,
    /// Before this instant.
    #[serde(rename = "filter[updated_at][lt]")]
    updated_until: Option<DateTime<Utc>>,
    /// `-created_at`, which it is where it is left out, `created_at`, `-updated_at` or `title`.
    sort: Option<String>,
    /// Which fields of the articles, with commas between; all where it is left out.
    #[param(example = "id,title")]
    fields: Option<String>,
    /// Lists the trash, and nothing else.
    trashed: Option<bool>,
    /// 1 to 100; 20 where it is left out.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How to delete an article.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// For good, with its revisions, from the trash or past it.
    permanent: Option<bool>,
}

/// What else to send with an article.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ArticleQuery {
    /// Any of `html`, `toc`, `stats` and `cover`, with commas between.
    #[param(example = "toc,stats")]
    include: Option<String>,
}

/// List articles
///
/// Newest first, without their bodies. Whoever is no admin and names neither an owner nor
/// `published` lists their own, or what is in the project they name and have a role in. What no index has is
/// refused with 400 `unindexed_filter` or `unindexed_sort`, which say what can be asked.
#[utoipa::path(
    get, path = "/v1/articles", tag = "articles", params(ArticlesQuery),
    responses((status = 200, description = "A page of articles.", body = ListReply<ArticleItemReply>)),
)]
pub(crate) async fn list_articles(
    State(state): State<Shared>,
    Caller(principal): Caller,
    QueryOf(query): QueryOf<ArticlesQuery>,
) -> ApiResult {
    let page = page_request(query.limit, query.cursor)?;
    let fields = Fields::of(query.fields.as_deref(), ArticleItemReply::FIELDS)?;
    let filter = ArticleFilter {
        owner: query.owner,
        project: query.project,
        status: query.status.map(Status::from),
        facet: one_facet([
            query.tag.map(Facet::Tag),
            query.category.map(Facet::Category),
            query.locale.map(Facet::Locale),
            query.author.map(Facet::Author),
            query.kind.map(Facet::Type),
        ])?,
        created: Span {
            from: query.created_from,
            until: query.created_until,
        },
        updated: Span {
            from: query.updated_from,
            until: query.updated_until,
        },
        sort: sort_of(query.sort.as_deref())?,
        trashed: query.trashed.unwrap_or_default(),
    };
    let articles = state
        .services
        .articles
        .list(&principal, filter, page)
        .await?;
    fields.list(&ListReply::<ArticleItemReply>::page(articles))
}

/// Write an article
#[utoipa::path(
    post, path = "/v1/articles", tag = "articles", request_body = NewArticleBody,
    responses((
        status = 201, description = "The article.", body = ArticleReply,
        headers(("location" = String, description = "Where it is."), ("etag" = String, description = "Its revision."))
    )),
)]
pub(crate) async fn create_article(
    State(state): State<Shared>,
    Caller(principal): Caller,
    body: JsonBody<NewArticleBody>,
) -> ApiResult {
    let article = state
        .services
        .articles
        .create(&principal, body.value.into())
        .await?;
    let location = location(format!("/v1/articles/{}", article.id));
    let mut response = article_reply(StatusCode::CREATED, article)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Read an article
#[utoipa::path(
    get, path = "/v1/articles/{id}", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"), ArticleQuery,
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The article.", body = ArticleReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_article(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    QueryOf(query): QueryOf<ArticleQuery>,
    held: IfNoneMatch,
) -> ApiResult {
    let include = Include::of(query.include.as_deref())?;
    let article = state.services.articles.get(&principal, id).await?;
    current_reply(&state, article, include, &held).await
}

/// Read an article as HTML
///
/// CommonMark and GFM, rendered and sanitised: it may stand on any page. Headings have the ids of `?include=toc`.
#[utoipa::path(
    get, path = "/v1/articles/{id}/html", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The body of the article, without a frame.", body = String, content_type = "text/html",
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
    ),
)]
pub(crate) async fn show_html(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    held: IfNoneMatch,
) -> ApiResult {
    let articles = &state.services.articles;
    let article = articles.get(&principal, id).await?;
    let files = Files::of_text(&state, &article).await?;
    let tag = files.tag(article.revision);
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    let rendered = articles.render(&article, files.addresses).await?;
    Ok(tagged(html(rendered.html), tag))
}

/// Read an article by its slug
///
/// 308 to where it is now, where it has another slug or language by now.
#[utoipa::path(
    get, path = "/v1/articles/by-slug/{project}/{locale}/{slug}", tag = "articles",
    params(("project" = String, Path, description = "`default` for articles that name none."),
           ("locale" = String, Path, description = "The article's language, BCP 47."),
           ("slug" = String, Path, description = "`[a-z0-9-]+`"), ArticleQuery,
           ("if-none-match" = Option<String>, Header, description = "An `etag` the caller holds.")),
    responses(
        (status = 200, description = "The article.", body = ArticleReply,
         headers(("etag" = String, description = "Its revision."))),
        (status = 304, description = "The caller holds this revision."),
        (status = 308, description = "It was here once.",
         headers(("location" = String, description = "Where it is now."))),
    ),
)]
pub(crate) async fn show_article_by_slug(
    State(state): State<Shared>,
    Caller(principal): Caller,
    path: PathSlug,
    QueryOf(query): QueryOf<ArticleQuery>,
    held: IfNoneMatch,
) -> ApiResult {
    let include = Include::of(query.include.as_deref())?;
    let PathSlug {
        project,
        language,
        slug,
    } = path;
    let articles = &state.services.articles;
    let found = articles.by_slug(&principal, &project, &language, &slug);
    match found.await? {
        BySlug::Article(article) => current_reply(&state, *article, include, &held).await,
        BySlug::Moved { language, slug } => Ok(moved(location(format!(
            "/v1/articles/by-slug/{project}/{language}/{slug}"
        )))),
    }
}

/// List the translations of an article
///
/// Those that may be read, itself among them, by language, without their bodies.
#[utoipa::path(
    get, path = "/v1/articles/{id}/translations", tag = "articles",
    params(("id" = String, Path, description = "`art_…`")),
    responses((status = 200, description = "All of them.", body = ListReply<ArticleItemReply>)),
)]
pub(crate) async fn list_translations(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
) -> ApiResult {
    let group = state.services.articles.translations(&principal, id).await?;
    ok(&ListReply::<ArticleItemReply>::whole(group))
}

/// Change an article
///
/// Send the `etag` you read as `if-match`, so that nobody's change is lost.
#[utoipa::path(
    patch, path = "/v1/articles/{id}", tag = "articles", request_body = ArticlePatchBody,
    params(("id" = String, Path, description = "`art_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is changed.")),
    responses(
        (status = 200, description = "The article as it is now.", body = ArticleReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn change_article(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<ArticlePatchBody>,
) -> ApiResult {
    let patch = body.value.into();
    let articles = &state.services.articles;
    let article = articles.update(&principal, id, patch, revision).await?;
    article_reply(StatusCode::OK, article)
}

/// Take an article a step further
///
/// `draft` → `in_review` → `approved` → `scheduled` → `published` → `archived`, and back. The owner hands in
/// and withdraws; reviewers approve, schedule and publish. 409 `status_not_allowed` names where it may go.
#[utoipa::path(
    post, path = "/v1/articles/{id}/transitions", tag = "articles", request_body = TransitionBody,
    params(("id" = String, Path, description = "`art_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is meant.")),
    responses(
        (status = 200, description = "The article as it is now.", body = ArticleReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 409, description = "There is no such step.", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn move_article(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    IfMatch(revision): IfMatch,
    body: JsonBody<TransitionBody>,
) -> ApiResult {
    let step = body.value.into();
    let articles = &state.services.articles;
    let article = articles.transition(&principal, id, step, revision).await?;
    article_reply(StatusCode::OK, article)
}

/// Delete an article
///
/// Puts it into the trash, from which it can be brought back for `[content] trash_days`; with `permanent=true`
/// it is gone for good.
#[utoipa::path(
    delete, path = "/v1/articles/{id}", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"), DeleteQuery,
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is deleted.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn delete_article(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    QueryOf(query): QueryOf<DeleteQuery>,
    IfMatch(revision): IfMatch,
) -> ApiResult<Response> {
    let articles = &state.services.articles;
    match query.permanent {
        Some(true) => articles.remove(&principal, id, revision).await?,
        _ => articles.delete(&principal, id, revision).await.map(drop)?,
    }
    Ok(no_content())
}

/// Bring an article back from the trash
#[utoipa::path(
    post, path = "/v1/articles/{id}/restore", tag = "articles",
    params(("id" = String, Path, description = "`art_…`"),
           ("if-match" = Option<String>, Header, description = "The `etag` of the revision that is meant.")),
    responses(
        (status = 200, description = "The article as it was.", body = ArticleReply,
         headers(("etag" = String, description = "Its new revision."))),
        (status = 412, description = "Somebody else changed it; read it again.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn restore_article(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
    IfMatch(revision): IfMatch,
) -> ApiResult {
    let articles = &state.services.articles;
    let article = articles.restore(&principal, id, revision).await?;
    article_reply(StatusCode::OK, article)
}

/// Show where an article comes from
///
/// Plugin, model, prompts' hashes, sources and tokens of a generated article; 404 where a person
/// wrote it. For its owner and admins.
#[utoipa::path(
    get, path = "/v1/articles/{id}/provenance", tag = "articles",
    params(("id" = String, Path, description = "`art_…`")),
    responses((status = 200, description = "The provenance.", body = ProvenanceReply)),
)]
pub(crate) async fn show_provenance(
    State(state): State<Shared>,
    Caller(principal): Caller,
    PathId(id): PathId<ArticleId>,
) -> ApiResult {
    let provenance = state.services.articles.provenance(&principal, id).await?;
    ok(&ProvenanceReply::from(provenance))
}

fn one_facet(facets: [Option<Facet>; 5]) -> Result<Option<Facet>> {
    let mut given = facets.into_iter().flatten();
    match (given.next(), given.next()) {
        (facet, None) => Ok(facet),
        (_, Some(_)) => Err(Error::new(
            &codes::UNINDEXED_FILTER,
            "lists are filtered by one of tag, category, locale, author and type at a time; \
             `GET /v1/search` takes several tags",
        )),
    }
}

fn sort_of(word: Option<&str>) -> Result<ArticleSort> {
    match word {
        None | Some("-created_at") => Ok(ArticleSort::Newest),
        Some("created_at") => Ok(ArticleSort::Oldest),
        Some("-updated_at") => Ok(ArticleSort::Updated),
        Some("title") => Ok(ArticleSort::Title),
        Some(_) => Err(Error::new(
            &codes::UNINDEXED_SORT,
            "articles are sorted by `-created_at`, `created_at`, `-updated_at` or `title`",
        )),
    }
}

/// 304 where the caller holds this very revision.
async fn current_reply(
    state: &Shared,
    article: Article,
    include: Include,
    held: &IfNoneMatch,
) -> ApiResult {
    let mut files = match include.shows_files() {
        true => Files::of_text(state, &article).await?,
        false => Files::default(),
    };
    if include.shows_cover() {
        files.add_cover(state, &article).await?;
    }
    let tag = files.tag(article.revision);
    if held.holds(&tag) {
        return Ok(tagged(not_modified(), tag));
    }
    let rendered = match include.renders() {
        true => {
            let articles = &state.services.articles;
            Some(articles.render(&article, files.addresses).await?)
        }
        false => None,
    };
    let mut reply = ArticleReply::from(article);
    if let Some(rendered) = rendered {
        include.put(rendered, &mut reply);
    }
    reply.cover_media = files.cover;
    Ok(tagged(json(StatusCode::OK, &reply)?, tag))
}

pub(crate) fn article_reply(status: StatusCode, article: Article) -> ApiResult {
    let tag: HeaderValue = revision_tag(article.revision);
    let response = json(status, &ArticleReply::from(article))?;
    Ok(tagged(response, tag))
}
