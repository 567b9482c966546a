//! The pieces of texts with their vectors: the ground truth of what is found by meaning.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::chunks::{EmbeddedArticle, EmbeddedStamp};
use crate::ids::ArticleId;

#[async_trait]
pub trait ChunkStore: Send + Sync {
    /// Replaces what the model has of the article, or of an older revision of it. Where it has a newer one,
    /// nothing is changed, and that is no error.
    async fn put_chunks(&self, embedded: &EmbeddedArticle) -> Result<()>;
    /// The vectors that are there already, by digest, whatever article they are of.
    async fn vectors(&self, digests: &[String]) -> Result<HashMap<String, Vec<f32>>>;
    /// What the model has of these articles, in their order.
    async fn embedded_articles(
        &self,
        model: &str,
        articles: &[ArticleId],
    ) -> Result<Vec<EmbeddedArticle>>;
    /// What was put for the model at or after `since`, oldest first. May repeat what was seen; with an
    /// overlap longer than the longest transaction it misses nothing but what was forgotten.
    async fn embedded_since(&self, model: &str, since: DateTime<Utc>)
    -> Result<Vec<EmbeddedStamp>>;
    /// All of a model, by article after `after`, at most `limit`.
    async fn embedded_stamps(
        &self,
        model: &str,
        after: Option<ArticleId>,
        limit: usize,
    ) -> Result<Vec<EmbeddedStamp>>;
    /// Drops all that the model has of these articles.
    async fn forget_embedded(&self, model: &str, articles: &[ArticleId]) -> Result<()>;
    /// The models that have something, by name.
    async fn embedding_models(&self) -> Result<Vec<String>>;
    /// The model whose vectors are searched; `None` before the first.
    async fn serving_model(&self) -> Result<Option<String>>;
    /// From now on this one's are.
    async fn serve_model(&self, model: &str) -> Result<()>;
}
