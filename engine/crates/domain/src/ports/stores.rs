//! What is kept. Every write method is one transaction (pruning excepted, which is many), and is durable
//! once it returns.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};

use crate::Result;
use crate::allowance::{Allowance, DaySpend, Subject};
use crate::audit::AuditRecord;
use crate::content::{Article, ArticleFilter, ArticleStamp, Cause, Page, PageRequest, Revision};
use crate::event::Event;
use crate::following::Span;
use crate::ids::{ArticleId, KeyId, UserId};
use crate::kept_reply::{CachedReply, Claim, Claimed};
use crate::key::VirtualKey;
use crate::provenance::Provenance;
use crate::rollout::{RolloutChange, RolloutState, Served};
use crate::usage::{UsageDimension, UsageFilter, UsageGroup, UsageRecord};

/// A stream of nudges: an item means "something changed, look". Nudges may be merged, never lost.
pub type ChangeSignal = std::pin::Pin<Box<dyn futures::Stream<Item = ()> + Send>>;

/// A change of one article: the new state, and the event that tells of it.
#[derive(Debug, Clone)]
pub struct ArticleWrite {
    pub article: Article,
    pub author: UserId,
    pub cause: Cause,
    /// What the author says about it.
    pub comment: Option<String>,
    pub event: Event,
    /// Written down in the same transaction: what admins do to the articles of others.
    pub audit: Option<AuditRecord>,
}

#[async_trait]
pub trait ArticleStore: Send + Sync {
    /// Stores article, revision and event. `article.revision` is 1. `slug_taken` where another article
    /// of its project and language has its slug, or had it; `conflict` where another in sight is the one of its
    /// group of translations in its language.
    async fn create_article(&self, write: ArticleWrite) -> Result<()>;
    /// Replaces the article if the stored revision is `article.revision - 1`, else `revision_mismatch`; `not_found` where it is gone, the others as above, of what changes. The old slug stays the article's.
    async fn update_article(&self, write: ArticleWrite) -> Result<()>;
    /// Puts it into the trash at `article.updated_at`, keeping its revisions and slugs. Same conditions as an update.
    async fn delete_article(&self, write: ArticleWrite) -> Result<()>;
    /// Takes it out of the trash, as a new revision. Same conditions, for what is in the trash.
    async fn restore_article(&self, write: ArticleWrite) -> Result<()>;
    /// Removes what is in the trash for good: text, revisions, provenance and slugs. Same conditions. Its
    /// stamp stays until [`ArticleStore::forget_removed`], for those who follow.
    async fn remove_article(&self, write: ArticleWrite) -> Result<()>;
    /// As it was put into the trash; `None` for all others.
    async fn trashed_article(&self, id: ArticleId) -> Result<Option<Article>>;
    /// What was put into the trash before that time, longest first.
    async fn trashed_before(&self, before: DateTime<Utc>, limit: usize) -> Result<Vec<Article>>;
    /// Drops the stamps of what was removed before that time. How many.
    async fn forget_removed(&self, before: DateTime<Utc>) -> Result<u64>;
    async fn article(&self, id: ArticleId) -> Result<Option<Article>>;
    /// The one that has or had this slug; `None` where it is deleted. Case of the language does not matter.
    async fn article_by_slug(
        &self,
        project: &str,
        language: &str,
        slug: &str,
    ) -> Result<Option<Article>>;
    /// The article and its translations, by language; deleted ones are left out. At most 200.
    async fn translations(&self, original: ArticleId) -> Result<Vec<Article>>;
    /// Deleted ones are left out; order is that of the ids.
    async fn articles_by_id(&self, ids: &[ArticleId]) -> Result<Vec<Article>>;
    /// Newest first.
    async fn list_articles(
        &self,
        filter: ArticleFilter,
        page: PageRequest,
    ) -> Result<Page<Article>>;
    /// Newest first.
    async fn revisions(&self, article: ArticleId, page: PageRequest) -> Result<Page<Revision>>;
    async fn revision(&self, article: ArticleId, revision: u64) -> Result<Option<Revision>>;
    async fn provenance(&self, article: ArticleId) -> Result<Option<Provenance>>;
    /// Stamps of all articles changed within that time by the database's clock, oldest change first. A transaction that
    /// goes on may yet put more into it.
    async fn changed_articles(&self, within: Span) -> Result<Vec<ArticleStamp>>;
    /// Stamps of all articles, deleted ones too, by id after `after`, at most `limit`.
    async fn stamps(&self, after: Option<ArticleId>, limit: usize) -> Result<Vec<ArticleStamp>>;
    /// The database's clock.
    async fn now(&self) -> Result<DateTime<Utc>>;
    /// Nudges on writes made through this very store object.
    fn changes(&self) -> ChangeSignal;
}

/// The plugins' own storage, a space for each.
#[async_trait]
pub trait PluginKv: Send + Sync {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>>;
    /// `quota_exceeded` where keys and values would exceed `quota_bytes` together; nothing is changed then.
    async fn put(&self, plugin: &str, key: &str, value: Vec<u8>, quota_bytes: u64) -> Result<()>;
    async fn delete(&self, plugin: &str, key: &str) -> Result<()>;
    /// In order, at most 1,000.
    async fn list_keys(&self, plugin: &str, prefix: &str) -> Result<Vec<String>>;
}

#[async_trait]
pub trait UsageLedger: Send + Sync {
    /// Adds records, and what they spent to the day of each subject, both or neither. A record that is
    /// there already is passed over: an append may be repeated after a lost answer. A record's id is
    /// of the minute of its `at`. Records far apart may be added one group after the other; those of a group that
    /// cannot be do not keep the others out.
    async fn append(&self, records: &[UsageRecord]) -> Result<()>;
    /// Newest first.
    async fn list_usage(
        &self,
        filter: &UsageFilter,
        page: PageRequest,
    ) -> Result<Page<UsageRecord>>;
    /// Sums by these dimensions, in the order of their values. Without a dimension it is one group.
    async fn sum_usage(
        &self,
        filter: &UsageFilter,
        by: &[UsageDimension],
    ) -> Result<Vec<UsageGroup>>;
    /// What every subject spent on each day from this one on.
    async fn spent_since(&self, day: NaiveDate) -> Result<Vec<DaySpend>>;
}

/// Virtual keys and the allowances of everybody else. Changes take their entry of the audit log along.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// `already_exists` for a known id.
    async fn create_key(&self, key: &VirtualKey, audit: &AuditRecord) -> Result<()>;
    /// Replaces a key if the stored revision is `key.revision - 1`, else `revision_mismatch`; `not_found`
    /// where there is none.
    async fn update_key(&self, key: &VirtualKey, audit: &AuditRecord) -> Result<()>;
    /// A revoked or expired one, too.
    async fn key(&self, id: KeyId) -> Result<Option<VirtualKey>>;
    /// All keys, revoked and expired ones too, by id.
    async fn keys(&self) -> Result<Vec<VirtualKey>>;
    /// The allowances that were set, by subject as text.
    async fn allowances(&self) -> Result<Vec<(Subject, Allowance)>>;
    /// What was set for a subject, with its revision, which rises with every change and stays where the
    /// allowance is taken away; 0 where nothing was ever set.
    async fn allowance(&self, subject: &Subject) -> Result<(Option<Allowance>, u64)>;
    /// `None` takes it away. `revision_mismatch` where the stored revision is not `expected`, if that is
    /// given.
    async fn set_allowance(
        &self,
        subject: &Subject,
        allowance: Option<Allowance>,
        expected: Option<u64>,
        audit: &AuditRecord,
    ) -> Result<()>;
}

/// Answers that are kept for a while.
#[async_trait]
pub trait ReplyStore: Send + Sync {
    /// `None` where there is none, or it has expired at `now`.
    async fn cached(
        &self,
        scope: &str,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<CachedReply>>;
    /// Those of a scope with a meaning that are not expired at `now`, newest first, at most `limit`.
    async fn cached_meanings(
        &self,
        scope: &str,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<CachedReply>>;
    /// Puts an answer into the cache, in place of one with the same scope and key.
    async fn put_cached(&self, reply: &CachedReply) -> Result<()>;
    /// Takes the place of an expired entry, and of one whose lease has passed at `now`. Of any number
    /// of callers at once exactly one gets `Mine`.
    async fn claim(&self, claim: &Claim, now: DateTime<Utc>) -> Result<Claimed>;
    /// Keeps others off for longer. `lease_lost` where somebody else has it.
    async fn renew_claim(
        &self,
        scope: &str,
        key: &str,
        holder: &str,
        lease_until: DateTime<Utc>,
    ) -> Result<()>;
    /// Stores the answer. `lease_lost` where somebody else has the claim.
    async fn finish_claim(&self, scope: &str, key: &str, holder: &str, body: Bytes) -> Result<()>;
    /// Gives an unfinished claim up, so that the call may be made again.
    async fn drop_claim(&self, scope: &str, key: &str, holder: &str) -> Result<()>;
    /// Gives up all unfinished claims of an engine that has just started: those of holders `engine/…`.
    async fn drop_claims_of(&self, engine: &str) -> Result<()>;
    /// Removes what has expired at `now`; returns how many.
    async fn prune_replies(&self, now: DateTime<Utc>) -> Result<u64>;
}

/// Where rollouts stand, and what served when.
#[async_trait]
pub trait RolloutStore: Send + Sync {
    /// The state of this canary, by the digest of its component; `None` where it was never kept.
    async fn rollout(&self, plugin: &str, digest: &str) -> Result<Option<RolloutState>>;
    /// State and history, both or neither. A change that is written again changes nothing more.
    async fn record_rollout(&self, change: &RolloutChange) -> Result<()>;
    /// The open lines of a plugin's history, by id.
    async fn serving(&self, plugin: &str) -> Result<Vec<Served>>;
    /// A plugin's history, newest first.
    async fn list_served(&self, plugin: &str, page: PageRequest) -> Result<Page<Served>>;
}
