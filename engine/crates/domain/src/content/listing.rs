//! Lists of articles: what may be asked of them, and which index answers it. Pure. A list that no index
//! has is refused here, so that no store ever looks through all articles for one.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::{Article, Status};
use crate::ids::{ArticleId, UserId};
use crate::project::DEFAULT_PROJECT;
use crate::{Error, FieldError, Result, codes};

/// More of a title do not count for its place.
const TITLE_CHARS: usize = 80;

/// Which articles to list, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArticleFilter {
    pub owner: Option<UserId>,
    pub project: Option<String>,
    pub status: Option<Status>,
    pub facet: Option<Facet>,
    pub created: Span,
    pub updated: Span,
    pub sort: ArticleSort,
    /// Those in the trash, and no others.
    pub trashed: bool,
}

/// One thing that an article may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facet {
    Tag(String),
    Category(String),
    /// Case does not matter.
    Locale(String),
    Author(String),
    /// A content type.
    Type(String),
}

/// From an instant on, and until before another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ArticleSort {
    #[default]
    Newest,
    Oldest,
    /// Last changed first: what is changed meanwhile comes to the front, and may be seen again.
    Updated,
    /// By the beginning of the title, small letters as capitals.
    Title,
}

/// How a store finds the articles of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Walk {
    /// By creation, in the index of what is named, within the places if they are given.
    Created {
        from: Option<String>,
        until: Option<String>,
    },
    /// By rows of this list, in their order, within the places if they are given.
    Rows {
        list: String,
        from: Option<String>,
        until: Option<String>,
    },
}

/// An article's row in a list: rows are in the order of their places, and then of the ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListEntry {
    pub list: String,
    /// The status, as in [`Status::as_str`].
    pub status: &'static str,
    pub place: String,
}

/// Where a page of rows ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowCursor {
    pub place: String,
    pub id: ArticleId,
}

impl Facet {
    /// As it stands in the names of lists.
    fn word(&self) -> String {
        match self {
            Self::Tag(tag) => format!("tag:{tag}"),
            Self::Category(category) => format!("category:{category}"),
            Self::Locale(locale) => format!("locale:{}", locale.to_lowercase()),
            Self::Author(author) => format!("author:{author}"),
            Self::Type(name) => format!("type:{name}"),
        }
    }

    /// Whether an article has it.
    pub fn is_of(&self, article: &Article) -> bool {
        let extras = &article.text.extras;
        match self {
            Self::Tag(tag) => article.text.tags.contains(tag),
            Self::Category(category) => extras.categories.contains(category),
            Self::Locale(locale) => article.text.language.to_lowercase() == locale.to_lowercase(),
            Self::Author(author) => extras.authors.contains(author),
            Self::Type(name) => extras.content_type == *name,
        }
    }
}

impl Span {
    /// Whether it leaves anything out.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }
}

impl ArticleFilter {
    /// How to find them. `unindexed_filter` and `unindexed_sort` say what could be asked instead.
    pub fn walk(&self) -> Result<Walk> {
        let is_by_creation = matches!(self.sort, ArticleSort::Newest | ArticleSort::Oldest);
        if self.created.is_given() && !is_by_creation {
            return Err(unindexed_filter(
                "`filter[created_at]` goes with `sort=-created_at` and `sort=created_at`",
            ));
        }
        if self.updated.is_given() && self.sort != ArticleSort::Updated {
            return Err(unindexed_filter(
                "`filter[updated_at]` goes with `sort=-updated_at`",
            ));
        }
        let is_plain = is_by_creation && self.facet.is_none();
        if self.trashed && (!is_plain || self.status.is_some() || self.created.is_given()) {
            return Err(unindexed_filter(
                "the trash is listed by `filter[project]` and `filter[owner]`, and by nothing else",
            ));
        }
        match is_plain {
            // The newest have the lowest places.
            true => Ok(Walk::Created {
                from: self.created.until.map(place_after),
                until: self.created.from.map(place_after),
            }),
            false => self.rows(),
        }
    }

    fn rows(&self) -> Result<Walk> {
        let kind = match (self.sort, &self.facet) {
            (ArticleSort::Newest, Some(facet)) => facet.word(),
            (ArticleSort::Updated, None) => "updated".to_owned(),
            (ArticleSort::Title, None) => "title".to_owned(),
            _ => {
                return Err(unindexed_sort(
                    "lists by tag, category, locale, author or type have `sort=-created_at` alone",
                ));
            }
        };
        let scope = match (&self.owner, self.project.as_deref()) {
            (Some(owner), Some(DEFAULT_PROJECT)) => Some(own_in(*owner, DEFAULT_PROJECT)),
            (None, Some(project))
                if project != DEFAULT_PROJECT || self.status == Some(Status::Published) =>
            {
                Some(all_in(project))
            }
            _ => None,
        };
        let Some(scope) = scope else {
            return Err(match self.sort {
                ArticleSort::Updated | ArticleSort::Title => unindexed_sort(WITHIN_A_PROJECT),
                ArticleSort::Newest | ArticleSort::Oldest => unindexed_filter(WITHIN_A_PROJECT),
            });
        };
        let span = match self.sort {
            ArticleSort::Updated => self.updated,
            _ => self.created,
        };
        Ok(Walk::Rows {
            list: format!("{scope} {kind}"),
            from: span.until.map(place_after),
            until: span.from.map(place_after),
        })
    }

    /// Whether an article belongs to the list; what is in the trash is looked at by the store.
    pub fn is_met_by(&self, article: &Article) -> bool {
        self.owner.is_none_or(|owner| article.owner == owner)
            && self
                .project
                .as_ref()
                .is_none_or(|it| article.project == *it)
            && self.status.is_none_or(|it| article.text.status == it)
            && self.facet.as_ref().is_none_or(|facet| facet.is_of(article))
            && self.created.contains(article.created_at)
            && self.updated.contains(article.updated_at)
    }

    /// The place of an article in the order of the list.
    pub fn place_of(&self, article: &Article) -> RowCursor {
        let place = match self.sort {
            ArticleSort::Updated => place_at(article.updated_at, article.id),
            ArticleSort::Title => title_place(article),
            ArticleSort::Newest | ArticleSort::Oldest => created_place(article),
        };
        RowCursor {
            place,
            id: article.id,
        }
    }
}

const WITHIN_A_PROJECT: &str = "across projects there are `filter[owner]` and `filter[status]` by \
    `sort=-created_at` and `sort=created_at`; within a project that you name, or among your own in `default`, there are also \
    `sort=-updated_at` and `sort=title`, and one of the filters by tag, category, locale, author and type. \
    `GET /v1/search` knows more";

/// The list of one tag in a project; in `default` of what is published there.
pub fn tag_list(project: &str, tag: &str) -> String {
    format!("{}{tag}", tag_lists(project))
}

/// What the lists of all tags of a project begin with.
pub fn tag_lists(project: &str) -> String {
    format!("{} tag:", all_in(project))
}

/// Where an article stands by its creation; no two stand at one place.
pub fn created_place(article: &Article) -> String {
    place_at(article.created_at, article.id)
}

/// All rows that an article has, none twice; none where it is in the trash.
pub fn rows_of(article: &Article) -> Vec<ListEntry> {
    if article.trashed_at.is_some() {
        return Vec::new();
    }
    let status = article.text.status;
    let created = created_place(article);
    let mut rows = Vec::new();
    let mut add = |scope: &str, kind: &str, place: &str| {
        rows.push(ListEntry {
            list: format!("{scope} {kind}"),
            status: status.as_str(),
            place: place.to_owned(),
        });
    };
    let all = all_in(&article.project);
    let own_here = own_in(article.owner, &article.project);
    // In `default` people see their own, and what is published.
    let homes = match (article.project.as_str(), status) {
        (DEFAULT_PROJECT, Status::Published) => vec![own_here, all],
        (DEFAULT_PROJECT, _) => vec![own_here],
        _ => vec![all],
    };
    for home in &homes {
        add(home, "updated", &place_at(article.updated_at, article.id));
        add(home, "title", &title_place(article));
        for facet in facets_of(article) {
            add(home, &facet.word(), &created);
        }
    }
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// As clients hold it.
impl fmt::Display for RowCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.place.bytes() {
            write!(f, "{byte:02x}")?;
        }
        write!(f, ".{}", self.id)
    }
}

impl FromStr for RowCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| Error::new(&codes::INVALID_INPUT, "it is no cursor"))
    }
}

impl RowCursor {
    /// `None` where it never was one.
    fn read(text: &str) -> Option<Self> {
        let (place, id) = text.split_once('.')?;
        let is_hex = place.len() % 2 == 0 && place.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex || place.len() > 8 * TITLE_CHARS {
            return None;
        }
        let bytes = (0..place.len()).step_by(2);
        let bytes: Option<Vec<u8>> = bytes
            .map(|at| u8::from_str_radix(&place[at..at + 2], 16).ok())
            .collect();
        Some(Self {
            place: String::from_utf8(bytes?).ok()?,
            id: id.parse().ok()?,
        })
    }
}

fn facets_of(article: &Article) -> Vec<Facet> {
    let extras = &article.text.extras;
    let mut facets = vec![Facet::Locale(article.text.language.clone())];
    facets.extend(article.text.tags.iter().cloned().map(Facet::Tag));
    facets.extend(extras.categories.iter().cloned().map(Facet::Category));
    facets.extend(extras.authors.iter().cloned().map(Facet::Author));
    if !extras.content_type.is_empty() {
        facets.push(Facet::Type(extras.content_type.clone()));
    }
    facets
}

fn all_in(project: &str) -> String {
    format!("p:{project}")
}

fn own_in(owner: UserId, project: &str) -> String {
    format!("o:{owner}/{project}")
}

/// Later instants have lower places, and of one instant later ids.
fn place_at(at: DateTime<Utc>, id: ArticleId) -> String {
    let micros = at.timestamp_micros();
    let instant = i128::from(i64::MAX) - i128::from(micros);
    format!("{instant:020}{:032x}", !u128::from(id.0))
}

/// The first place of what is before this instant.
fn place_after(at: DateTime<Utc>) -> String {
    let micros = at.timestamp_micros();
    // An instant within a microsecond is kept as that microsecond.
    let is_whole = at.timestamp_subsec_nanos().is_multiple_of(1_000);
    let first_out = micros + i64::from(!is_whole);
    format!("{:020}", i128::from(i64::MAX) - i128::from(first_out) + 1)
}

fn title_place(article: &Article) -> String {
    let title = article.text.title.to_lowercase();
    title
        .chars()
        .filter(|c| !c.is_control())
        .take(TITLE_CHARS)
        .collect()
}

fn unindexed_filter(detail: &str) -> Error {
    refused(&codes::UNINDEXED_FILTER, "?filter", detail)
}

fn unindexed_sort(detail: &str) -> Error {
    refused(&codes::UNINDEXED_SORT, "?sort", detail)
}

fn refused(code: &'static codes::Code, pointer: &str, detail: &str) -> Error {
    let field = FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    Error::new(code, format!("no index has this list: {detail}")).with_fields(vec![field])
}

#[cfg(test)]
mod tests;
