//! The search index: derived data, filled from the article store by its own follower.

use async_trait::async_trait;

use crate::Result;
use crate::related::{Related, RelatedQuery};
use crate::search::{IndexReport, IndexStats, SearchPage, SearchQuery, Suggestion, Visibility};

#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// A meaning that is of another model than the index has is left out, and the page says so.
    async fn query(&self, query: SearchQuery) -> Result<SearchPage>;
    /// Whose vectors the index has: what is to be found by meaning is embedded by this model. `None` while it
    /// has none.
    fn embedding_model(&self) -> Option<String>;
    /// How the last word may go on, most frequent first, from texts that may be read and no others.
    async fn suggest(
        &self,
        text: String,
        visibility: Visibility,
        limit: usize,
    ) -> Result<Vec<Suggestion>>;
    /// What is like an article, best first, however old the index's own copy of it is.
    async fn related(&self, query: RelatedQuery) -> Result<Vec<Related>>;
    async fn stats(&self) -> Result<IndexStats>;
    /// Compares the index with the store, after it has caught up.
    async fn verify(&self) -> Result<IndexReport>;
    /// Builds a new index from the store while the old one answers, then switches. How many texts it holds.
    async fn rebuild(&self) -> Result<u64>;
    /// Returns once every article change acknowledged before this call is searchable, however long
    /// that takes.
    async fn catch_up(&self) -> Result<()>;
}
