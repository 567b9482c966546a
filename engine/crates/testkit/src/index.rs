//! A search index that reads the article store for every query: slow, and never behind.

use std::sync::Arc;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::content::{Article, ArticleFilter, PageRequest, Status};
use inkstone_domain::ports::{ArticleStore, SearchIndex};
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
    let is_visible = match &query.visibility {
        Visibility::All => true,
        Visibility::User { user, projects } => {
            article.owner == *user
                || text.status == Status::Published
                || projects.contains(&article.project)
        }
    };
    let has_text = [&text.title, &text.summary, &text.body]
        .iter()
        .any(|field| field.to_lowercase().contains(&wanted));
    is_visible
        && has_text
        && query.project.as_ref().is_none_or(|p| *p == article.project)
        && query.status.is_none_or(|status| status == text.status)
        && query.tags.iter().all(|tag| text.tags.contains(tag))
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
