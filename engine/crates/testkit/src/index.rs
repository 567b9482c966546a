//! A search index that reads the article store for every query: slow, and never behind.

mod meaning;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::{Article, ArticleFilter, ArticleText, PageRequest, Status};
use inkstone_domain::ports::{ArticleStore, ChunkStore, SearchIndex};
use inkstone_domain::related::{Related, RelatedQuery};
use inkstone_domain::search::{
    Between, Direction, FacetCounts, Hit, IndexReport, IndexStats, Narrow, SearchFacet,
    SearchOrder, SearchPage, SearchQuery, SearchSort, SemanticUse, Suggestion, Visibility,
};

use self::meaning::{Near, fused};

/// Finds articles that contain the text as it stands, whatever the case.
pub struct FakeSearchIndex {
    articles: Arc<dyn ArticleStore>,
    chunks: Option<Arc<dyn ChunkStore>>,
}

impl FakeSearchIndex {
    /// One that knows words alone.
    pub fn new(articles: Arc<dyn ArticleStore>) -> Self {
        Self {
            articles,
            chunks: None,
        }
    }

    /// One that knows vectors, too. They must be in memory.
    pub fn with_chunks(articles: Arc<dyn ArticleStore>, chunks: Arc<dyn ChunkStore>) -> Self {
        Self {
            articles,
            chunks: Some(chunks),
        }
    }

    async fn articles(&self) -> Result<Vec<Article>> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let request = PageRequest { limit: 100, cursor };
            let page = self
                .articles
                .list_articles(ArticleFilter::default(), request)
                .await?;
            all.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}

#[async_trait]
impl SearchIndex for FakeSearchIndex {
    async fn query(&self, query: SearchQuery) -> Result<SearchPage> {
        let all = self.articles().await?;
        let mut words: Vec<Article> = all.clone();
        words.retain(|article| fits(article, &query));
        if let Some(by) = query.shape.sort {
            sort(&mut words, by);
        }
        let serving = self.serving_model();
        let meaning = query.meaning.as_ref();
        let usable = meaning.filter(|meaning| serving.as_ref() == Some(&meaning.model));
        let semantic = meaning.map(|_| match usable {
            Some(_) => SemanticUse::Used,
            None => SemanticUse::Unavailable,
        });
        let mut found: Vec<(Article, Option<Near>)> = match usable {
            Some(meaning) => {
                let near = self.near(&all, &query, meaning).await?;
                fused(words, near, meaning.ratio)
            }
            None => words.into_iter().map(|article| (article, None)).collect(),
        };
        if let Some(facet) = query.shape.distinct {
            let mut seen = BTreeSet::new();
            found.retain(|(article, _)| {
                let first = values_of(article, facet).into_iter().next();
                first.is_none_or(|value| seen.insert(value))
            });
        }
        let total = found.len();
        let facets = query.shape.facets.iter();
        let facets = facets.map(|facet| counted(&found, *facet)).collect();
        let hits = found
            .into_iter()
            .skip(query.offset)
            .take(query.limit)
            .map(|(article, near)| hit_of(article, near))
            .collect();
        Ok(SearchPage {
            hits,
            total,
            facets,
            did_you_mean: None,
            semantic,
        })
    }

    fn embedding_model(&self) -> Option<String> {
        self.serving_model()
    }

    async fn related(&self, query: RelatedQuery) -> Result<Vec<Related>> {
        let mut found: Vec<Related> = self
            .articles()
            .await?
            .into_iter()
            .filter(|article| is_candidate(article, &query))
            .map(|article| Related {
                score: likeness(&query.article, &article),
                id: article.id,
            })
            .filter(|one| one.score > 0.0)
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(query.limit);
        Ok(found)
    }

    async fn stats(&self) -> Result<IndexStats> {
        Ok(IndexStats {
            documents: self.articles().await?.len() as u64,
            ..IndexStats::default()
        })
    }

    /// There is no index that could differ.
    async fn verify(&self) -> Result<IndexReport> {
        let stored = self.articles().await?.len() as u64;
        Ok(IndexReport {
            stored,
            indexed: stored,
            ..IndexReport::default()
        })
    }

    async fn rebuild(&self) -> Result<u64> {
        Ok(self.articles().await?.len() as u64)
    }

    /// Whole words of titles that begin so.
    async fn suggest(
        &self,
        text: String,
        visibility: Visibility,
        limit: usize,
    ) -> Result<Vec<Suggestion>> {
        let (before, last) = match text.rfind(' ') {
            Some(at) => text.split_at(at + 1),
            None => ("", text.as_str()),
        };
        let prefix = last.to_lowercase();
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for article in self.articles().await? {
            if prefix.is_empty() || !is_visible(&article, &visibility) {
                continue;
            }
            let title = article.text.title.to_lowercase();
            let words: BTreeSet<&str> = title.split_whitespace().collect();
            let longer = words.into_iter().filter(|word| word.len() > prefix.len());
            for word in longer.filter(|word| word.starts_with(&prefix)) {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        }
        let found = counts.into_iter().map(|(word, documents)| Suggestion {
            text: format!("{before}{word}"),
            documents,
        });
        Ok(found.take(limit).collect())
    }

    async fn catch_up(&self) -> Result<()> {
        Ok(())
    }
}

fn fits(article: &Article, query: &SearchQuery) -> bool {
    let text = &article.text;
    let wanted = query.text.trim().to_lowercase();
    let has_text = [&text.title, &text.summary, &text.body]
        .iter()
        .any(|field| field.to_lowercase().contains(&wanted));
    is_visible(article, &query.visibility)
        && has_text
        && query.project.as_ref().is_none_or(|p| *p == article.project)
        && query.status.is_none_or(|status| status == text.status)
        && query.tags.iter().all(|tag| text.tags.contains(tag))
        && is_within(article, &query.narrow)
}

fn is_within(article: &Article, narrow: &Narrow) -> bool {
    let text = &article.text;
    let any = |wanted: &[String], has: &dyn Fn(&str) -> bool| {
        wanted.is_empty() || wanted.iter().any(|one| has(one))
    };
    let words = text
        .title
        .split_whitespace()
        .chain(text.summary.split_whitespace());
    let words = words.chain(text.body.split_whitespace()).count() as u64;
    narrow
        .categories
        .iter()
        .all(|wanted| has_category(text, wanted))
        && any(&narrow.authors, &|one| {
            text.extras.authors.iter().any(|author| author == one)
        })
        && any(&narrow.languages, &|one| {
            text.language.eq_ignore_ascii_case(one)
        })
        && any(&narrow.content_types, &|one| {
            text.extras.content_type == one
        })
        && is_between(article.created_at, narrow.created)
        && is_between(article.updated_at, narrow.updated)
        && is_between(words, narrow.words)
}

/// It, or one below it.
fn has_category(text: &ArticleText, wanted: &str) -> bool {
    let below = format!("{wanted}/");
    let mut categories = text.extras.categories.iter();
    categories.any(|category| category == wanted || category.starts_with(&below))
}

fn is_between<T: PartialOrd + Copy>(value: T, between: Between<T>) -> bool {
    between.from.is_none_or(|from| value >= from) && between.to.is_none_or(|to| value <= to)
}

/// Of everything that was found, most frequent first.
fn counted(found: &[(Article, Option<Near>)], facet: SearchFacet) -> FacetCounts {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (article, _) in found {
        for value in values_of(article, facet) {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut values: Vec<_> = counts.into_iter().collect();
    values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    FacetCounts { facet, values }
}

fn values_of(article: &Article, facet: SearchFacet) -> Vec<String> {
    let text = &article.text;
    match facet {
        SearchFacet::Tag => text.tags.clone(),
        SearchFacet::Category => {
            let all = text.extras.categories.iter().flat_map(|category| {
                let ends = category.match_indices('/').map(|(at, _)| at);
                ends.chain([category.len()])
                    .map(|end| category[..end].to_owned())
            });
            let all: BTreeSet<String> = all.collect();
            all.into_iter().collect()
        }
        SearchFacet::Status => vec![text.status.as_str().to_owned()],
        SearchFacet::Project => vec![article.project.clone()],
        SearchFacet::Author => text.extras.authors.clone(),
        SearchFacet::Locale => vec![text.language.to_lowercase()],
        SearchFacet::Type => vec![text.extras.content_type.clone()],
    }
    .into_iter()
    .filter(|value| !value.is_empty())
    .collect()
}

fn sort(found: &mut [Article], sort: SearchSort) {
    match sort.by {
        SearchOrder::CreatedAt => found.sort_by_key(|article| article.created_at),
        SearchOrder::UpdatedAt => found.sort_by_key(|article| article.updated_at),
        SearchOrder::Words => {
            found.sort_by_key(|article| article.text.body.split_whitespace().count());
        }
    }
    if sort.direction == Direction::Descending {
        found.reverse();
    }
}

fn is_visible(article: &Article, visibility: &Visibility) -> bool {
    match visibility {
        Visibility::All => true,
        Visibility::User { user, projects } => {
            article.owner == *user
                || article.text.status == Status::Published
                || projects.contains(&article.project)
        }
    }
}

fn is_candidate(article: &Article, query: &RelatedQuery) -> bool {
    article.id != query.article.id
        && !query.without.contains(&article.id)
        && is_visible(article, &query.visibility)
        && query.project.as_ref().is_none_or(|p| *p == article.project)
        && query.status.is_none_or(|it| it == article.text.status)
}

/// Tags count thrice, categories twice, and long words once.
fn likeness(one: &Article, other: &Article) -> f32 {
    let shared = |a: &[String], b: &[String]| a.iter().filter(|it| b.contains(it)).count();
    let tags = shared(&one.text.tags, &other.text.tags);
    let categories = &one.text.extras.categories;
    let categories = shared(categories, &other.text.extras.categories);
    let words = shared(&words_of(one), &words_of(other));
    (3 * tags + 2 * categories + words) as f32
}

/// Without the short ones, which all texts have.
fn words_of(article: &Article) -> Vec<String> {
    let text = &article.text;
    let whole = [&text.title, &text.summary, &text.body].map(|it| it.to_lowercase());
    let whole = whole.join(" ");
    let mut words: Vec<String> = whole
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 4)
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

fn hit_of(article: Article, near: Option<Near>) -> Hit {
    let text = article.text;
    let piece = near.and_then(|near| text.body.get(near.piece));
    let shown = piece.unwrap_or(&text.body);
    let snippet: String = shown.chars().take(160).collect();
    Hit {
        id: article.id,
        project: article.project,
        status: text.status,
        tags: text.tags,
        title_html: escape(&text.title),
        title: text.title,
        snippet_html: escape(&snippet),
        snippet,
        score: 1.0,
        ranking: None,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
