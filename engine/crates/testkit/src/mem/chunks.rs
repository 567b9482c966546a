//! Pieces of texts and their vectors in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::chunks::{EmbeddedArticle, EmbeddedStamp};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::ChunkStore;

use super::MemStore;

pub(super) struct EmbeddedEntry {
    embedded: EmbeddedArticle,
    changed_at: DateTime<Utc>,
}

impl EmbeddedEntry {
    fn stamp(&self) -> EmbeddedStamp {
        EmbeddedStamp {
            article: self.embedded.article,
            revision: self.embedded.revision,
            changed_at: self.changed_at,
        }
    }
}

#[async_trait]
impl ChunkStore for MemStore {
    async fn put_chunks(&self, embedded: &EmbeddedArticle) -> Result<()> {
        let changed_at = self.shared.clock.now();
        let mut state = self.state();
        let key = (embedded.model.clone(), embedded.article);
        let stored = state.embedded.get(&key);
        if stored.is_some_and(|stored| stored.embedded.revision > embedded.revision) {
            return Ok(());
        }
        let entry = EmbeddedEntry {
            embedded: embedded.clone(),
            changed_at,
        };
        state.embedded.insert(key, entry);
        Ok(())
    }

    async fn vectors(&self, digests: &[String]) -> Result<HashMap<String, Vec<f32>>> {
        let state = self.state();
        let chunks = state
            .embedded
            .values()
            .flat_map(|entry| &entry.embedded.chunks);
        let known = chunks.filter(|chunk| digests.contains(&chunk.digest));
        Ok(known
            .map(|chunk| (chunk.digest.clone(), chunk.vector.clone()))
            .collect())
    }

    async fn embedded_articles(
        &self,
        model: &str,
        articles: &[ArticleId],
    ) -> Result<Vec<EmbeddedArticle>> {
        let state = self.state();
        let entries = articles
            .iter()
            .filter_map(|article| state.embedded.get(&(model.to_owned(), *article)));
        Ok(entries.map(|entry| entry.embedded.clone()).collect())
    }

    async fn embedded_since(
        &self,
        model: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<EmbeddedStamp>> {
        let mut stamps = self.stamps_of(model);
        stamps.retain(|stamp| stamp.changed_at >= since);
        stamps.sort_by_key(|stamp| stamp.changed_at);
        Ok(stamps)
    }

    async fn embedded_stamps(
        &self,
        model: &str,
        after: Option<ArticleId>,
        limit: usize,
    ) -> Result<Vec<EmbeddedStamp>> {
        let mut stamps = self.stamps_of(model);
        stamps.retain(|stamp| after.is_none_or(|after| stamp.article > after));
        stamps.truncate(limit);
        Ok(stamps)
    }

    async fn forget_embedded(&self, model: &str, articles: &[ArticleId]) -> Result<()> {
        let mut state = self.state();
        for article in articles {
            state.embedded.remove(&(model.to_owned(), *article));
        }
        Ok(())
    }

    async fn embedding_models(&self) -> Result<Vec<String>> {
        let state = self.state();
        let mut models: Vec<String> = state
            .embedded
            .keys()
            .map(|(model, _)| model.clone())
            .collect();
        models.dedup();
        Ok(models)
    }

    async fn serving_model(&self) -> Result<Option<String>> {
        Ok(self.state().serving_model.clone())
    }

    async fn serve_model(&self, model: &str) -> Result<()> {
        self.state().serving_model = Some(model.to_owned());
        Ok(())
    }
}

impl MemStore {
    /// By article.
    fn stamps_of(&self, model: &str) -> Vec<EmbeddedStamp> {
        let state = self.state();
        let entries = state.embedded.iter().filter(|((of, _), _)| of == model);
        entries.map(|(_, entry)| entry.stamp()).collect()
    }
}
