//! Where imports and their reports are kept, and the way in for articles, files and comments that come with
//! a past.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::audit::AuditRecord;
use crate::comment::Comment;
use crate::content::{Article, Page, PageRequest, Revision};
use crate::event::Event;
use crate::ids::{ArticleId, ImportId, UserId};
use crate::job::{JobError, JobStatus};
use crate::media::{Media, MediaVersion};
use crate::ports::ArticleWrite;
use crate::provenance::Provenance;
use crate::transfer::{FormerSlug, Import, ReportLine};

/// An article that comes with its past.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Its newest state and event; `article.revision` is that of the newest revision.
    pub write: ArticleWrite,
    /// Those before the newest, oldest first.
    pub past: Vec<Revision>,
    /// Redirects to it. Those that others have are left to them.
    pub former_slugs: Vec<FormerSlug>,
    pub provenance: Option<Provenance>,
}

/// A file that comes with versions. Their bytes are kept already.
#[derive(Debug, Clone)]
pub struct MediaArrival {
    /// As it is then, by its newest version.
    pub media: Media,
    /// Those that come, oldest first; none where only what is said of the file changes.
    pub versions: Vec<MediaVersion>,
    /// As for uploads.
    pub quota_bytes: u64,
    /// That it came, now, by whoever brings it.
    pub event: Event,
    pub audit: Option<AuditRecord>,
}

/// A comment that was written elsewhere.
#[derive(Debug, Clone)]
pub struct CommentArrival {
    pub comment: Comment,
    /// That it came, now, by whoever brings it.
    pub event: Event,
    pub audit: Option<AuditRecord>,
}

/// What an entry does.
#[derive(Debug, Clone)]
pub enum ImportChange {
    CreateArticle(Box<Arrival>),
    UpdateArticle(Box<ArticleWrite>),
    CreateMedia(Box<MediaArrival>),
    /// If the stored revision is `media.revision - 1`.
    UpdateMedia(Box<MediaArrival>),
    CreateComment(Box<CommentArrival>),
    /// If the stored revision is `comment.revision - 1`.
    UpdateComment(Box<CommentArrival>),
}

/// A step of an import: lines of the report, and what they tell of, both or neither.
#[derive(Debug, Clone)]
pub struct ImportStep {
    pub import: ImportId,
    /// The position the import must be at.
    pub after: u64,
    /// The lines that follow it, without gaps.
    pub lines: Vec<ReportLine>,
    pub change: Option<ImportChange>,
}

#[async_trait]
pub trait TransferStore: Send + Sync {
    /// Stores an import that is queued, with its entry in the audit log.
    async fn create_import(&self, import: &Import, audit: &AuditRecord) -> Result<()>;
    async fn import(&self, id: ImportId) -> Result<Option<Import>>;
    /// Those of a project, newest first.
    async fn list_imports(&self, project: &str, page: PageRequest) -> Result<Page<Import>>;
    /// Those of an engine that have not ended, oldest first.
    async fn open_imports(&self, engine: &str) -> Result<Vec<Import>>;
    /// Those of a user that have not ended, oldest first, at most `limit`.
    async fn open_imports_of(&self, owner: UserId, limit: usize) -> Result<Vec<Import>>;
    /// Adds lines to the report, moves the position behind them and makes the change they tell of, all
    /// or nothing. `lease_lost` where the import has ended or is at another position: somebody else does
    /// it. For the change, `slug_taken`, `already_exists`, `revision_mismatch` and `not_found` as for
    /// articles and comments, and `media_quota_exceeded` as for media.
    async fn take_step(&self, step: ImportStep) -> Result<()>;
    /// Ends an import; one that has ended stays as it is. Returns it as it is then; `not_found` where
    /// there is none.
    async fn end_import(
        &self,
        id: ImportId,
        status: JobStatus,
        error: Option<JobError>,
        at: DateTime<Utc>,
    ) -> Result<Import>;
    /// Drops what ended before that time, with its report, at most `limit` imports. How many.
    async fn forget_imports(&self, before: DateTime<Utc>, limit: usize) -> Result<u64>;
    /// Lines after this number, in their order, at most `limit`.
    async fn report(&self, id: ImportId, after: u64, limit: usize) -> Result<Vec<ReportLine>>;
    /// The first line of the import that made or changed this article.
    async fn line_of(&self, id: ImportId, article: ArticleId) -> Result<Option<u64>>;
    /// The addresses that lead to an article, but for its present one, in order.
    async fn former_slugs(&self, article: &Article) -> Result<Vec<FormerSlug>>;
}
