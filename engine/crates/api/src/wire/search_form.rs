//! What can be asked of a search, as a body; the query string of `GET /v1/search` becomes one, too.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::content::Status;
use inkstone_domain::search::{
    Between, DocumentKind, Matching, Narrow, SavedQuery, SearchFacet, SearchShape, SearchSort,
};
use inkstone_domain::{Error, FieldError, Result};
use inkstone_services::search::SearchRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::article::StatusWord;
use super::object::object;
use super::page::limit_of;
use super::rerank_wish::{self, RerankWish};
use super::search::KindWord;
use crate::error::{fields_at, invalid_fields};

const NOT_VALID: &str = "the search is not valid";

/// What to find.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchBody {
    /// What a person typed; empty finds everything, newest first.
    #[schema(example = "\"low tide\" moon -sun")]
    #[serde(default)]
    pub q: String,
    /// What to look for; articles where it is left out.
    #[serde(default)]
    #[schema(example = json!(["article", "media"]))]
    pub kinds: Vec<KindWord>,
    #[serde(default, deserialize_with = "object")]
    pub filter: FilterBody,
    /// Values to count: `tag`, `category`, `status`, `project`, `author`, `locale`, `type`, `kind`.
    #[schema(example = json!(["tag"]))]
    #[serde(default)]
    pub facets: Vec<String>,
    /// `created_at`, `updated_at` or `words`, with `-` before it for the greatest first; by how well it
    /// matches where it is left out.
    pub sort: Option<String>,
    /// Only the best of each value of this facet.
    pub distinct: Option<String>,
    /// Which words must be there: `any`, `all`, `last` (all, and where too little is found, all but the
    /// last, and so on) or `frequency` (the same, most frequent first); `any` where it is left out.
    pub matching: Option<String>,
    /// BCP 47 of `q`; where it is left out, the languages of all texts are tried.
    pub locale: Option<String>,
    #[serde(default, deserialize_with = "object")]
    pub hybrid: HybridBody,
    #[serde(default)]
    #[schema(schema_with = rerank_wish::schema)]
    pub rerank: Option<RerankWish>,
    /// So many of the best passages are shown, too.
    #[schema(minimum = 1, maximum = 50)]
    pub passages: Option<usize>,
    /// 20 where it is left out.
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<usize>,
    /// Results to leave out at the front.
    pub offset: Option<usize>,
    /// `next_cursor` of the page before, with all else unchanged.
    pub cursor: Option<String>,
    /// `false` leaves out the HTML with marked matches.
    pub highlight: Option<bool>,
    /// Length of a passage in words; 36 where it is left out, and 0 for no passages.
    #[schema(minimum = 0, maximum = 200)]
    pub crop: Option<usize>,
    /// `true` tells why each result stands where it stands.
    #[serde(default)]
    pub show_score: bool,
    /// `true` first waits until all that was written before this request can be found.
    #[serde(default)]
    pub wait: bool,
}

/// What narrows it.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SearchFilterBody)]
pub(crate) struct FilterBody {
    pub status: Option<StatusWord>,
    pub project: Option<String>,
    /// All of them.
    #[serde(default)]
    pub tags: Vec<String>,
    /// All of them; a category holds those below it.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Any of them.
    #[serde(default)]
    pub authors: Vec<String>,
    /// Any of them.
    #[serde(default)]
    pub locales: Vec<String>,
    /// Any of them.
    #[serde(default)]
    pub types: Vec<String>,
    #[serde(default, deserialize_with = "object")]
    pub created_at: MomentsBody,
    #[serde(default, deserialize_with = "object")]
    pub updated_at: MomentsBody,
    #[serde(default, deserialize_with = "object")]
    pub words: CountsBody,
}

/// What is meant beside what is said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SearchHybridBody)]
pub(crate) struct HybridBody {
    /// What meaning counts: from 0 for words alone to 1 for meaning alone; as configured where it is left out.
    #[schema(minimum = 0, maximum = 1, example = 0.5)]
    pub ratio: Option<f32>,
}

/// A span of time.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MomentsBody {
    /// From this instant on.
    pub gte: Option<DateTime<Utc>>,
    /// Before this instant.
    pub lt: Option<DateTime<Utc>>,
}

/// A span of numbers.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountsBody {
    pub gte: Option<u64>,
    pub lte: Option<u64>,
}

/// The same refusal of what came in the query string.
pub(crate) fn in_query(error: Error) -> Error {
    let fields = fields_at(&error, |pointer| pointer.replacen('/', "?", 1));
    invalid_fields(NOT_VALID, fields)
}

/// A search, checked.
pub(crate) struct Form {
    pub request: SearchRequest,
    pub show_score: bool,
    pub wait: bool,
    /// Of all that decides what is on which page.
    fingerprint: u64,
}

impl Form {
    /// The cursor of the page that begins there.
    pub(crate) fn cursor_at(&self, offset: usize) -> String {
        format!("{offset}-{:016x}", self.fingerprint)
    }
}

impl SearchBody {
    /// `invalid_input` with what is wrong and what would do.
    pub(crate) fn checked(self) -> Result<Form> {
        let limit = limit_of(self.limit).map_err(|_| wrong("limit", "must be from 1 to 100"))?;
        let facets = self.facets.iter().map(|name| facet("facets", name));
        let shape = SearchShape {
            matching: self
                .matching
                .as_deref()
                .map(matching)
                .transpose()?
                .unwrap_or_default(),
            sort: self.sort.as_deref().map(sort).transpose()?,
            distinct: self
                .distinct
                .as_deref()
                .map(|name| facet("distinct", name))
                .transpose()?,
            facets: facets.collect::<Result<_>>()?,
            crop_words: self.crop.unwrap_or(SearchShape::default().crop_words),
            highlight: self.highlight.unwrap_or(true),
            language: self.locale,
            ..SearchShape::default()
        };
        let filter = self.filter;
        let kinds = self.kinds.into_iter().map(DocumentKind::from);
        let mut kinds: Vec<DocumentKind> = kinds.collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() {
            kinds.push(DocumentKind::Article);
        }
        let mut request = SearchRequest {
            text: self.q,
            kinds,
            only: Vec::new(),
            project: filter.project,
            status: filter.status.map(Status::from),
            tags: filter.tags,
            limit,
            offset: 0,
            narrow: Narrow {
                categories: filter.categories,
                authors: filter.authors,
                languages: filter.locales,
                content_types: filter.types,
                created: filter.created_at.between(),
                updated: filter.updated_at.between(),
                words: Between {
                    from: filter.words.gte,
                    to: filter.words.lte,
                },
            },
            shape,
            ratio: self.hybrid.ratio.map(ratio).transpose()?,
            passages: self.passages.map(passages).transpose()?.unwrap_or_default(),
            rerank: self
                .rerank
                .map(RerankWish::into_domain)
                .transpose()?
                .flatten(),
        };
        let mut hasher = DefaultHasher::new();
        format!(
            "{:?}",
            SearchRequest {
                limit: 0,
                ..request.clone()
            }
        )
        .hash(&mut hasher);
        let fingerprint = hasher.finish();
        request.offset = match (self.offset, self.cursor) {
            (Some(_), Some(_)) => {
                return Err(wrong("cursor", "cannot be sent together with `offset`"));
            }
            (offset, None) => offset.unwrap_or_default(),
            (None, Some(cursor)) => offset_of(&cursor, fingerprint)?,
        };
        Ok(Form {
            request,
            show_score: self.show_score,
            wait: self.wait,
            fingerprint,
        })
    }
}

impl From<&SavedQuery> for FilterBody {
    fn from(query: &SavedQuery) -> Self {
        let narrow = query.narrow.clone();
        Self {
            status: query.status.map(StatusWord::from),
            project: query.project.clone(),
            tags: query.tags.clone(),
            categories: narrow.categories,
            authors: narrow.authors,
            locales: narrow.languages,
            types: narrow.content_types,
            created_at: MomentsBody::of(narrow.created),
            updated_at: MomentsBody::of(narrow.updated),
            words: CountsBody {
                gte: narrow.words.from,
                lte: narrow.words.to,
            },
        }
    }
}

impl MomentsBody {
    fn of(between: Between<DateTime<Utc>>) -> Self {
        Self {
            gte: between.from,
            lt: between.to.map(|to| to + TimeDelta::milliseconds(1)),
        }
    }

    fn between(self) -> Between<DateTime<Utc>> {
        Between {
            from: self.gte,
            // The index knows milliseconds.
            to: self.lt.map(|until| until - TimeDelta::milliseconds(1)),
        }
    }
}

fn ratio(ratio: f32) -> Result<f32> {
    match (0.0..=1.0).contains(&ratio) {
        true => Ok(ratio),
        false => Err(wrong(
            "hybrid/ratio",
            "must be from 0, for words alone, to 1, for meaning alone",
        )),
    }
}

fn passages(passages: usize) -> Result<usize> {
    match (1..=50).contains(&passages) {
        true => Ok(passages),
        false => Err(wrong("passages", "must be from 1 to 50")),
    }
}

fn offset_of(cursor: &str, fingerprint: u64) -> Result<usize> {
    let (offset, of) = cursor.split_once('-').unwrap_or_default();
    let same = u64::from_str_radix(of, 16).is_ok_and(|of| of == fingerprint);
    match offset.parse() {
        Ok(offset) if same => Ok(offset),
        _ => Err(wrong(
            "cursor",
            "is none of this search; begin again without it",
        )),
    }
}

/// Kinds as they stand in a query string.
pub(crate) fn kinds_named(names: &[String]) -> Result<Vec<KindWord>> {
    let known = DocumentKind::ALL.map(DocumentKind::as_str).join("`, `");
    let kinds = names.iter().map(|name| {
        let kind = DocumentKind::named(name).map(KindWord::from);
        kind.ok_or_else(|| wrong("kind", format!("`{name}` is none; there are `{known}`")))
    });
    kinds.collect()
}

fn facet(field: &str, name: &str) -> Result<SearchFacet> {
    let known = SearchFacet::ALL.map(SearchFacet::as_str).join("`, `");
    SearchFacet::named(name)
        .ok_or_else(|| wrong(field, format!("`{name}` is none; there are `{known}`")))
}

fn matching(name: &str) -> Result<Matching> {
    let known = Matching::ALL.map(|(name, _)| name).join("`, `");
    Matching::named(name).ok_or_else(|| wrong("matching", format!("must be one of `{known}`")))
}

fn sort(name: &str) -> Result<SearchSort> {
    SearchSort::named(name).ok_or_else(|| {
        let detail =
            "must be `created_at`, `updated_at` or `words`, with `-` before it for descending";
        wrong("sort", detail)
    })
}

fn wrong(field: &str, detail: impl Into<String>) -> Error {
    let field = FieldError {
        pointer: format!("/{field}"),
        detail: detail.into(),
    };
    invalid_fields(NOT_VALID, vec![field])
}
