//! A search index that reads the article store for every query: slow, and never behind.

use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::{Article, ArticleFilter, PageRequest, Status};
use inkstone_domain::ports::{ArticleStore, SearchIndex};
use inkstone_domain::related::{Related, RelatedQuery};
use inkstone_domain::search::{Hit, IndexStats, SearchPage, SearchQuery, Visibility};

/// Finds articles that contain the text as it stands, whatever the case.
pub struct FakeSearchIndex(Arc<dyn ArticleStore>);

impl FakeSearchIndex {
    pub fn new(store: Arc<dyn ArticleStore>) -> Self {
        Self(store)
    }

    async fn articles(&self) -> Result<Vec<Article>> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let request = PageRequest { limit: 100, cursor };
            let page = self
                .0
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
        let mut found = self.articles().await?;
        found.retain(|article| fits(article, &query));
        let total = found.len();
        let hits = found
            .into_iter()
            .skip(query.offset)
            .take(query.limit)
            .map(hit_of)
            .collect();
        Ok(SearchPage { hits, total })
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
            size_bytes: 0,
        })
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

fn hit_of(article: Article) -> Hit {
    let text = article.text;
    let snippet: String = text.body.chars().take(160).collect();
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
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
