//! A search index that reads the stores for every query: slow, and never behind.

mod meaning;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::{Article, ArticleFilter, PageRequest};
use inkstone_domain::ports::{ChunkStore, DocumentStore, SearchIndex};
use inkstone_domain::related::{Related, RelatedQuery};
use inkstone_domain::search::{
    Between, Direction, Document, DocumentId, FacetCounts, FoundAt, Hit, IndexReport, IndexStats,
    Narrow, SearchFacet, SearchOrder, SearchPage, SearchQuery, SearchSort, SemanticUse, Suggestion,
    Visibility,
};

use self::meaning::{Near, fused};

/// Finds documents that contain the text as it stands, whatever the case.
pub struct FakeSearchIndex {
    store: Arc<dyn DocumentStore>,
    chunks: Option<Arc<dyn ChunkStore>>,
}

impl FakeSearchIndex {
    /// One that knows words alone.
    pub fn new(store: Arc<dyn DocumentStore>) -> Self {
        Self {
            store,
            chunks: None,
        }
    }

    /// One that knows vectors, too. They must be in memory.
    pub fn with_chunks(store: Arc<dyn DocumentStore>, chunks: Arc<dyn ChunkStore>) -> Self {
        Self {
            store,
            chunks: Some(chunks),
        }
    }

    /// Of all kinds.
    async fn documents(&self) -> Result<Vec<Document>> {
        let articles = self.articles().await?.into_iter();
        let mut all: Vec<Document> = articles.map(Document::from).collect();
        let others = self.store.document_stamps(None, usize::MAX).await?;
        let others: Vec<DocumentId> = others.into_iter().map(|stamp| stamp.id).collect();
        all.extend(self.store.documents(&others).await?);
        Ok(all)
    }

    async fn articles(&self) -> Result<Vec<Article>> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let request = PageRequest { limit: 100, cursor };
            let page = self
                .store
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
        let all = self.documents().await?;
        let mut words = all.clone();
        words.retain(|document| fits(document, &query));
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
        let mut found: Vec<(Document, Option<Near>)> = match usable {
            Some(meaning) => {
                let near = self.near(&all, &query, meaning).await?;
                fused(words, near, meaning.ratio)
            }
            None => words.into_iter().map(|document| (document, None)).collect(),
        };
        if let Some(facet) = query.shape.distinct {
            let mut seen = BTreeSet::new();
            found.retain(|(document, _)| {
                let first = values_of(document, facet).into_iter().next();
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
            .map(|(document, near)| hit_of(document, near, &query))
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
            documents: self.documents().await?.len() as u64,
            ..IndexStats::default()
        })
    }

    /// There is no index that could differ.
    async fn verify(&self) -> Result<IndexReport> {
        let stored = self.documents().await?.len() as u64;
        Ok(IndexReport {
            stored,
            indexed: stored,
            ..IndexReport::default()
        })
    }

    async fn rebuild(&self) -> Result<u64> {
        Ok(self.documents().await?.len() as u64)
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
            let article = Document::from(article);
            if prefix.is_empty() || !visibility.finds(&article) {
                continue;
            }
            let title = article.title.to_lowercase();
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

fn fits(document: &Document, query: &SearchQuery) -> bool {
    let wanted = query.text.trim().to_lowercase();
    let has_text = [&document.title, &document.summary, &document.body]
        .iter()
        .any(|field| field.to_lowercase().contains(&wanted));
    query.kinds.contains(&document.id.kind())
        && (query.only.is_empty() || query.only.contains(&document.id))
        && query.visibility.finds(document)
        && has_text
        && query
            .project
            .as_ref()
            .is_none_or(|p| *p == document.project)
        && query
            .status
            .is_none_or(|status| Some(status) == document.status)
        && query.tags.iter().all(|tag| document.tags.contains(tag))
        && is_within(document, &query.narrow)
}

fn is_within(document: &Document, narrow: &Narrow) -> bool {
    let any = |wanted: &[String], has: &dyn Fn(&str) -> bool| {
        wanted.is_empty() || wanted.iter().any(|one| has(one))
    };
    let words = document
        .title
        .split_whitespace()
        .chain(document.summary.split_whitespace());
    let words = words.chain(document.body.split_whitespace()).count() as u64;
    narrow
        .categories
        .iter()
        .all(|wanted| has_category(document, wanted))
        && any(&narrow.authors, &|one| {
            document.authors.iter().any(|author| author == one)
        })
        && any(&narrow.languages, &|one| {
            document.language.eq_ignore_ascii_case(one)
        })
        && any(&narrow.content_types, &|one| document.content_type == one)
        && is_between(document.created_at, narrow.created)
        && is_between(document.updated_at, narrow.updated)
        && is_between(words, narrow.words)
}

/// It, or one below it.
fn has_category(document: &Document, wanted: &str) -> bool {
    let below = format!("{wanted}/");
    let mut categories = document.categories.iter();
    categories.any(|category| category == wanted || category.starts_with(&below))
}

fn is_between<T: PartialOrd + Copy>(value: T, between: Between<T>) -> bool {
    between.from.is_none_or(|from| value >= from) && between.to.is_none_or(|to| value <= to)
}

/// Of everything that was found, most frequent first.
fn counted(found: &[(Document, Option<Near>)], facet: SearchFacet) -> FacetCounts {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (document, _) in found {
        for value in values_of(document, facet) {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut values: Vec<_> = counts.into_iter().collect();
    values.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    FacetCounts { facet, values }
}

fn values_of(document: &Document, facet: SearchFacet) -> Vec<String> {
    match facet {
        SearchFacet::Tag => document.tags.clone(),
        SearchFacet::Category => {
            let all = document.categories.iter().flat_map(|category| {
                let ends = category.match_indices('/').map(|(at, _)| at);
                ends.chain([category.len()])
                    .map(|end| category[..end].to_owned())
            });
            let all: BTreeSet<String> = all.collect();
            all.into_iter().collect()
        }
        SearchFacet::Status => {
            let status = document.status.map(|status| status.as_str().to_owned());
            status.into_iter().collect()
        }
        SearchFacet::Project => vec![document.project.clone()],
        SearchFacet::Author => document.authors.clone(),
        SearchFacet::Locale => vec![document.language.to_lowercase()],
        SearchFacet::Type => vec![document.content_type.clone()],
        SearchFacet::Kind => vec![document.id.kind().as_str().to_owned()],
    }
    .into_iter()
    .filter(|value| !value.is_empty())
    .collect()
}

fn sort(found: &mut [Document], sort: SearchSort) {
    match sort.by {
        SearchOrder::CreatedAt => found.sort_by_key(|document| document.created_at),
        SearchOrder::UpdatedAt => found.sort_by_key(|document| document.updated_at),
        SearchOrder::Words => {
            found.sort_by_key(|document| document.body.split_whitespace().count());
        }
    }
    if sort.direction == Direction::Descending {
        found.reverse();
    }
}

fn is_candidate(article: &Article, query: &RelatedQuery) -> bool {
    article.id != query.article.id
        && !query.without.contains(&article.id)
        && query.visibility.finds(&Document::from(article.clone()))
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

fn hit_of(document: Document, near: Option<Near>, query: &SearchQuery) -> Hit {
    let whole = match document.body.is_empty() {
        true => &document.summary,
        false => &document.body,
    };
    let found_at = match query.places {
        true => FoundAt {
            words: begins(&document.body, &query.text),
            near: near.as_ref().map(|near| near.piece.clone()),
        },
        false => FoundAt::default(),
    };
    let piece = near.and_then(|near| document.body.get(near.piece));
    let shape = &query.shape;
    let length = if shape.crop_words > 0 { 160 } else { 0 };
    let snippet: String = piece.unwrap_or(whole).chars().take(length).collect();
    let html_of = |text: &str| match shape.highlight {
        true => escape(text),
        false => String::new(),
    };
    Hit {
        id: document.id,
        project: document.project,
        status: document.status,
        conversation: document.conversation,
        tags: document.tags,
        title_html: html_of(&document.title),
        title: document.title,
        snippet_html: html_of(&snippet),
        snippet,
        score: 1.0,
        found_at,
        ranking: None,
    }
}

/// The text is one word here. Letters whose other case is longer are in no test.
fn begins(body: &str, text: &str) -> Vec<Vec<usize>> {
    let (body, wanted) = (body.to_lowercase(), text.trim().to_lowercase());
    if wanted.is_empty() {
        return Vec::new();
    }
    let begin: Vec<usize> = body.match_indices(&wanted).map(|(at, _)| at).collect();
    match begin.is_empty() {
        true => Vec::new(),
        false => vec![begin],
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
