//! The agenda of publications in memory.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::{ClaimedPublication, Publication};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::PublicationStore;

use super::MemStore;

pub(super) struct PublicationEntry {
    publication: Publication,
    next_at: DateTime<Utc>,
    fence: u64,
}

#[async_trait]
impl PublicationStore for MemStore {
    async fn put_publication(&self, publication: &Publication) -> Result<()> {
        let mut state = self.state();
        let stored = state.publications.get(&publication.article);
        if stored.is_some_and(|entry| entry.publication == *publication) {
            return Ok(());
        }
        let entry = PublicationEntry {
            publication: publication.clone(),
            next_at: publication.at,
            fence: stored.map_or(0, |entry| entry.fence) + 1,
        };
        state.publications.insert(publication.article, entry);
        Ok(())
    }

    async fn drop_publication(&self, article: ArticleId) -> Result<()> {
        self.state().publications.remove(&article);
        Ok(())
    }

    async fn publication(&self, article: ArticleId) -> Result<Option<Publication>> {
        let state = self.state();
        let entry = state.publications.get(&article);
        Ok(entry.map(|entry| entry.publication.clone()))
    }

    async fn claim_publication(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedPublication>> {
        let mut state = self.state();
        let entries = state.publications.values_mut();
        let due = entries.filter(|entry| entry.next_at <= now);
        let Some(entry) = due.min_by_key(|entry| entry.next_at) else {
            return Ok(None);
        };
        let due_at = entry.next_at;
        entry.next_at = now + lease;
        entry.fence += 1;
        Ok(Some(ClaimedPublication {
            publication: entry.publication.clone(),
            fence: entry.fence,
            due_at,
        }))
    }

    async fn settle_publication(&self, claimed: &ClaimedPublication) -> Result<()> {
        let mut state = self.state();
        let article = claimed.publication.article;
        let stored = state.publications.get(&article);
        if stored.is_some_and(|entry| entry.fence == claimed.fence) {
            state.publications.remove(&article);
        }
        Ok(())
    }

    async fn postpone_publication(
        &self,
        claimed: &ClaimedPublication,
        until: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        let stored = state.publications.get_mut(&claimed.publication.article);
        if let Some(entry) = stored.filter(|entry| entry.fence == claimed.fence) {
            entry.next_at = until;
        }
        Ok(())
    }

    async fn recall_publications(&self, articles: &[ArticleId]) -> Result<()> {
        let mut state = self.state();
        for article in articles {
            if let Some(entry) = state.publications.get_mut(article)
                && entry.next_at != entry.publication.at
            {
                entry.next_at = entry.publication.at;
                entry.fence += 1;
            }
        }
        Ok(())
    }
}
