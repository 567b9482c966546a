//! The follower: reads what changed in the store and commits it to the index.
//!
//! A change's time stamp is given before its transaction becomes visible, so a cursor alone would
//! miss changes. The follower therefore reads again over an overlap that is longer than the longest
//! transaction, and drops what it has already applied by (id, revision). At start it compares the
//! (id, revision) of all articles with the index. Nothing it does twice does harm.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use inkstone_domain::Error;
use inkstone_domain::content::ArticleStamp;
use inkstone_domain::ids::ArticleId;

use crate::TantivyIndex;
use crate::error::SearchError;

/// Articles read and committed together at the most.
const BATCH: usize = 500;
/// Stamps read together at a reconciliation.
const STAMP_PAGE: usize = 5_000;
/// The overlap while nudges come; the full one is read at every quiet poll and on request.
const SHORT_OVERLAP: Duration = Duration::from_secs(2);
/// Pause after a pass, so that a burst of writes shares a commit.
const GATHER: Duration = Duration::from_millis(50);
/// Pause after a failed pass.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Short,
    Full,
}

/// What the follower knows.
struct Progress {
    /// The newest change seen, by the database's clock.
    checkpoint: DateTime<Utc>,
    /// What was applied within the overlap.
    recent: HashMap<ArticleId, (u64, DateTime<Utc>)>,
}

impl TantivyIndex {
    /// Reconciles, then follows until `shutdown` resolves. Run by exactly one task.
    pub async fn follow(&self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = self.follow_forever() => {}
            () = shutdown => {}
        }
    }

    async fn follow_forever(&self) {
        let mut inbox = self.inbox.lock().await;
        let mut changes = self.articles.changes();
        let mut progress = loop {
            match self.start().await {
                Ok(progress) => break progress,
                Err(error) => {
                    tracing::error!(
                        ?error,
                        "the search index cannot be reconciled; trying again"
                    );
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        };
        loop {
            let mut waiting = Vec::new();
            let depth = tokio::select! {
                Some(()) = changes.next() => Depth::Short,
                Some(request) = inbox.recv() => { waiting.push(request); Depth::Full }
                () = tokio::time::sleep(self.config.poll_interval) => Depth::Full,
            };
            while let Ok(request) = inbox.try_recv() {
                waiting.push(request);
            }
            let depth = if waiting.is_empty() {
                depth
            } else {
                Depth::Full
            };
            match self.pass(&mut progress, depth).await {
                Ok(()) => {
                    for request in waiting {
                        // The asker may have left.
                        let _ = request.send(());
                    }
                    if depth == Depth::Short {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Err(error) => {
                    tracing::error!(?error, "the search index cannot follow; trying again");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
        }
    }

    /// Goes on from the checkpoint of the last commit, then compares everything.
    async fn start(&self) -> Result<Progress, Error> {
        let checkpoint = match self.checkpoint() {
            Some(time) => time,
            None => self.articles.now().await?,
        };
        let mut progress = Progress {
            checkpoint,
            recent: HashMap::new(),
        };
        self.pass(&mut progress, Depth::Full).await?;
        self.reconcile(progress.checkpoint).await?;
        Ok(progress)
    }

    /// Applies what changed since the checkpoint, less the overlap.
    async fn pass(&self, progress: &mut Progress, depth: Depth) -> Result<(), Error> {
        let overlap = match depth {
            Depth::Short => SHORT_OVERLAP.min(self.config.overlap),
            Depth::Full => self.config.overlap,
        };
        let stamps = self
            .articles
            .changed_since(progress.checkpoint - overlap)
            .await?;
        let newest = stamps.iter().map(|stamp| stamp.changed_at).max();
        let pending: Vec<ArticleStamp> = stamps
            .into_iter()
            .filter(|stamp| {
                let known = progress.recent.get(&stamp.id);
                known.is_none_or(|(revision, _)| *revision < stamp.revision)
            })
            .collect();
        let checkpoint = newest.map_or(progress.checkpoint, |time| time.max(progress.checkpoint));
        for batch in pending.chunks(BATCH) {
            self.apply(batch, checkpoint).await?;
            for stamp in batch {
                progress
                    .recent
                    .insert(stamp.id, (stamp.revision, stamp.changed_at));
            }
        }
        progress.checkpoint = checkpoint;
        let horizon = checkpoint - self.config.overlap * 2;
        progress
            .recent
            .retain(|_, (_, changed)| *changed >= horizon);
        Ok(())
    }

    async fn apply(&self, stamps: &[ArticleStamp], checkpoint: DateTime<Utc>) -> Result<(), Error> {
        let ids: Vec<ArticleId> = stamps.iter().map(|stamp| stamp.id).collect();
        let changed = self.articles.articles_by_id(&ids).await?;
        self.commit(changed, ids, checkpoint).await?;
        Ok(())
    }

    /// Compares the (id, revision) of every article with the index and mends the difference.
    async fn reconcile(&self, checkpoint: DateTime<Utc>) -> Result<(), Error> {
        let mut indexed = self.indexed_revisions()?;
        let mut differing = Vec::new();
        let mut after = None;
        loop {
            let page = self.articles.stamps(after, STAMP_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for stamp in page {
                let held = indexed.remove(&stamp.id);
                let same = match (held, stamp.deleted) {
                    (Some(revision), false) => revision == stamp.revision,
                    (None, true) => true,
                    _ => false,
                };
                if !same {
                    differing.push(stamp);
                }
            }
        }
        if !differing.is_empty() || !indexed.is_empty() {
            tracing::info!(
                differing = differing.len(),
                surplus = indexed.len(),
                "the search index differs from the store and is mended"
            );
        }
        for batch in differing.chunks(BATCH) {
            self.apply(batch, checkpoint).await?;
        }
        let surplus: Vec<ArticleId> = indexed.into_keys().collect();
        if !surplus.is_empty() {
            self.commit(Vec::new(), surplus, checkpoint).await?;
        }
        Ok(())
    }

    /// The (id, revision) of every live document.
    fn indexed_revisions(&self) -> Result<HashMap<ArticleId, u64>, SearchError> {
        let searcher = self.reader.searcher();
        let mut revisions = HashMap::new();
        for segment in searcher.segment_readers() {
            let fast = segment.fast_fields();
            let Some(ids) = fast.str("id")? else { continue };
            let revision_of = fast.u64("revision")?;
            let mut text = String::new();
            for document in segment.doc_ids_alive() {
                let Some(ordinal) = ids.term_ords(document).next() else {
                    continue;
                };
                text.clear();
                ids.ord_to_str(ordinal, &mut text)?;
                if let (Ok(id), Some(revision)) = (text.parse(), revision_of.first(document)) {
                    revisions.insert(id, revision);
                }
            }
        }
        Ok(revisions)
    }
}
