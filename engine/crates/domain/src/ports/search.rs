//! The search index: derived data, filled by its own follower from what can be found. And what projects say about how they
//! are searched.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::following::Span;
use crate::ids::{SavedSearchId, UserId};
use crate::ports::{ArticleStore, ChangeSignal};
use crate::related::{Related, RelatedQuery};
use crate::search::{
    Document, DocumentId, DocumentStamp, IndexReport, IndexStats, SavedSearch, SearchPage,
    SearchQuery, SearchSettings, Suggestion, Visibility,
};

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
    /// Returns once every change acknowledged before this call is searchable, however long
    /// that takes.
    async fn catch_up(&self) -> Result<()>;
}

/// What can be found beside articles: prompts, notes, files and messages of chats.
#[async_trait]
pub trait DocumentStore: ArticleStore {
    /// Stamps of what changed within that time, as [`ArticleStore::changed_articles`]. What changed very long ago may be left
    /// out.
    async fn changed_documents(&self, within: Span) -> Result<Vec<DocumentStamp>>;
    /// Stamps of all that is there, by id after `after`, at most `limit`; none at the end and not before.
    async fn document_stamps(
        &self,
        after: Option<DocumentId>,
        limit: usize,
    ) -> Result<Vec<DocumentStamp>>;
    /// In no order; what is gone or in the trash is left out, as are articles.
    async fn documents(&self, ids: &[DocumentId]) -> Result<Vec<Document>>;
    /// Drops stamps of changes before that time.
    async fn forget_document_changes(&self, before: DateTime<Utc>) -> Result<()>;
    /// Nudges on writes made through this very store object; may leave out some that change little.
    fn document_changes(&self) -> ChangeSignal;
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

/// Searches that people keep.
#[async_trait]
pub trait SavedSearchStore: Send + Sync {
    /// `already_exists` for a known id.
    async fn create_saved_search(&self, search: &SavedSearch) -> Result<()>;
    /// Nothing where it is somebody else's.
    async fn saved_search(&self, owner: UserId, id: SavedSearchId) -> Result<Option<SavedSearch>>;
    /// Newest first.
    async fn list_saved_searches(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<SavedSearch>>;
    /// `not_found` where there is none, or it is somebody else's.
    async fn remove_saved_search(&self, owner: UserId, id: SavedSearchId) -> Result<()>;
    /// Those of everybody that tell of what begins to match, by id after `after`, at most `limit`.
    async fn searches_with_alerts(
        &self,
        after: Option<SavedSearchId>,
        limit: usize,
    ) -> Result<Vec<SavedSearch>>;
}
