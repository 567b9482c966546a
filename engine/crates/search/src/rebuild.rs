//! A new index from the store, beside the one that answers; and how it takes over.

use std::sync::Arc;

use inkstone_domain::Result;
use inkstone_domain::search::DocumentId;

use crate::TantivyIndex;
use crate::error::SearchError;
use crate::opened::Opened;

/// Stamps read together.
const STAMP_PAGE: usize = 5_000;
/// Documents read together.
const BATCH: usize = 500;

impl TantivyIndex {
    /// All that is in the store, in an index that does not count yet.
    pub(crate) async fn built_anew(&self) -> Result<Arc<Opened>> {
        let config = self.config.clone();
        let next = tokio::task::spawn_blocking(move || Opened::fresh(&config));
        let next = Arc::new(next.await.map_err(SearchError::from)??);
        match self.fill(&next).await {
            Ok(()) => Ok(next),
            Err(error) => {
                next.remove();
                Err(error)
            }
        }
    }

    /// Puts all that is in the store, and nothing else, into an index, and commits it with the time before the first
    /// was read: what changes meanwhile is read again by whoever follows from there.
    pub(crate) async fn fill(&self, to_fill: &Arc<Opened>) -> Result<()> {
        let begun = self.feed.now().await?;
        // What a try left that broke off.
        let to = Arc::clone(to_fill);
        let cleared = tokio::task::spawn_blocking(move || to.clear());
        cleared.await.map_err(SearchError::from)??;
        let mut after = None;
        loop {
            let page = self.feed.stamps(after, STAMP_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let living = page.iter().filter(|stamp| !stamp.deleted);
            let ids: Vec<DocumentId> = living.map(|stamp| stamp.id).collect();
            for batch in ids.chunks(BATCH) {
                let documents = self.feed.documents(batch).await?;
                let to = Arc::clone(to_fill);
                let added = tokio::task::spawn_blocking(move || to.add(&documents));
                added.await.map_err(SearchError::from)??;
            }
        }
        let whole = Arc::clone(to_fill);
        let committed = tokio::task::spawn_blocking(move || whole.commit(&[], &[], begun));
        Ok(committed.await.map_err(SearchError::from)??)
    }
}
