//! The search index: derived data, filled from the article store by its own follower.

use async_trait::async_trait;

use crate::Result;
use crate::related::{Related, RelatedQuery};
use crate::search::{IndexStats, SearchPage, SearchQuery};

#[async_trait]
pub trait SearchIndex: Send + Sync {
    async fn query(&self, query: SearchQuery) -> Result<SearchPage>;
    /// What is like an article, best first, however old the index's own copy of it is.
    async fn related(&self, query: RelatedQuery) -> Result<Vec<Related>>;
    async fn stats(&self) -> Result<IndexStats>;
    /// Returns once every article change acknowledged before this call is searchable, however long
    /// that takes.
    async fn catch_up(&self) -> Result<()>;
}
