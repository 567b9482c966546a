//! What the index follows: articles and all else that can be found, as one feed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::ArticleStamp;
use inkstone_domain::following::Span;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::{ChangeSignal, DocumentStore};
use inkstone_domain::search::{Document, DocumentId, DocumentStamp};

/// Stamps come by kind, articles first, and within a kind by id.
#[derive(Clone)]
pub(crate) struct Feed(Arc<dyn DocumentStore>);

impl Feed {
    pub(crate) fn new(store: Arc<dyn DocumentStore>) -> Self {
        Self(store)
    }

    /// Of all that changed within that time.
    pub(crate) async fn changed(&self, within: Span) -> Result<Vec<DocumentStamp>> {
        // At once: what of the one is written before the newest of the other would seem to be late.
        let articles = self.0.changed_articles(within);
        let (articles, others) = futures::try_join!(articles, self.0.changed_documents(within))?;
        let articles = articles.into_iter().map(stamp);
        Ok(articles.chain(others).collect())
    }

    /// Of all there is after that one, at most `limit`; none at the end.
    pub(crate) async fn stamps(
        &self,
        after: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentStamp>> {
        let article = match after {
            None => Some(None),
            Some(id) => id.article().map(Some),
        };
        if let Some(after) = article {
            let articles = self.0.stamps(after, limit).await?;
            if !articles.is_empty() {
                return Ok(articles.into_iter().map(stamp).collect());
            }
        }
        self.0
            .document_stamps(after.filter(|id| id.article().is_none()), limit)
            .await
    }

    /// Those of them that are there to be found.
    pub(crate) async fn documents(&self, ids: &[DocumentId]) -> Result<Vec<Document>> {
        let (articles, others): (Vec<DocumentId>, Vec<DocumentId>) =
            ids.iter().partition(|id| id.article().is_some());
        let articles: Vec<ArticleId> = articles
            .into_iter()
            .filter_map(DocumentId::article)
            .collect();
        let mut documents = Vec::with_capacity(ids.len());
        if !articles.is_empty() {
            let articles = self.0.articles_by_id(&articles).await?;
            documents.extend(articles.into_iter().map(Document::from));
        }
        if !others.is_empty() {
            documents.extend(self.0.documents(&others).await?);
        }
        Ok(documents)
    }

    /// The database's clock.
    pub(crate) async fn now(&self) -> Result<DateTime<Utc>> {
        self.0.now().await
    }

    /// Changes before that time are not asked for any more.
    pub(crate) async fn forget(&self, before: DateTime<Utc>) -> Result<()> {
        self.0.forget_document_changes(before).await
    }

    /// Nudges on writes of any kind.
    pub(crate) fn changes(&self) -> ChangeSignal {
        let (articles, others) = (self.0.changes(), self.0.document_changes());
        Box::pin(futures::stream::select(articles, others))
    }
}

fn stamp(article: ArticleStamp) -> DocumentStamp {
    DocumentStamp {
        id: DocumentId::Article(article.id),
        revision: article.revision,
        deleted: article.deleted,
        changed_at: article.changed_at,
    }
}
