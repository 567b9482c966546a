//! The search index: derived data, filled from the article store by its own follower.

use async_trait::async_trait;

use crate::Result;
use crate::search::{IndexStats, SearchPage, SearchQuery};

#[async_trait]
pub trait SearchIndex: Send + Sync {
    async fn query(&self, query: SearchQuery) -> Result<SearchPage>;
    async fn stats(&self) -> Result<IndexStats>;
    /// Returns once every article change acknowledged before this call is searchable, however long
    /// that takes.
    async fn catch_up(&self) -> Result<()>;
}
