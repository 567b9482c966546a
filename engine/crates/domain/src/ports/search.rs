//! The search index: derived data, filled from the article store by its own follower. And what projects say about how
//! they are searched.

use async_trait::async_trait;

use crate::Result;
use crate::audit::AuditRecord;
use crate::related::{Related, RelatedQuery};
use crate::search::{
    IndexReport, IndexStats, SearchPage, SearchQuery, SearchSettings, Suggestion, Visibility,
};

#[async_trait]
pub trait SearchIndex: Send + Sync {
    async fn query(&self, query: SearchQuery) -> Result<SearchPage>;
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

#[async_trait]
pub trait SearchSettingsStore: Send + Sync {
    /// Nothing where the project never said anything.
    async fn search_settings(&self, project: &str) -> Result<Option<SearchSettings>>;
    /// Replaces them, with an entry in the audit log, if the stored revision is `settings.revision - 1` (0 for none), else
    /// `revision_mismatch`.
    async fn put_search_settings(
        &self,
        settings: &SearchSettings,
        audit: &AuditRecord,
    ) -> Result<()>;
}
