//! Which articles are to be published, and when.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::content::{ClaimedPublication, Publication};
use crate::ids::ArticleId;

/// The agenda of what is scheduled. It follows the articles; what it says is only when to look at one.
#[async_trait]
pub trait PublicationStore: Send + Sync {
    /// Puts an article on the agenda, or changes what stands there: then a claim of it is lost.
    async fn put_publication(&self, publication: &Publication) -> Result<()>;
    /// Takes an article off the agenda; nothing where it is not on it.
    async fn drop_publication(&self, article: ArticleId) -> Result<()>;
    async fn publication(&self, article: ArticleId) -> Result<Option<Publication>>;
    /// Takes the first one that is due, and keeps others off it for `lease`: after that it is due again.
    async fn claim_publication(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedPublication>>;
    /// Takes it off the agenda, unless it was claimed or changed since: then nothing.
    async fn settle_publication(&self, claimed: &ClaimedPublication) -> Result<()>;
    /// Makes it due again at `until` and not before, unless it was claimed, changed or recalled since: then
    /// nothing.
    async fn postpone_publication(
        &self,
        claimed: &ClaimedPublication,
        until: DateTime<Utc>,
    ) -> Result<()>;
    /// Makes these due again at their own times, as far as they are on the agenda. Who has claimed one of them
    /// has lost it.
    async fn recall_publications(&self, articles: &[ArticleId]) -> Result<()>;
}
