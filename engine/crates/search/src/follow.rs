//! The follower: reads what changed in the store and commits it to the index.
//!
//! It reads again over an overlap ([`following`]), and drops what it has already applied by (id, revision). At start it
//! compares the (id, revision) of everything with the index. Nothing it does twice does harm.
//!
//! [`following`]: inkstone_domain::following

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use inkstone_domain::Error;
use inkstone_domain::following::{Applied, Following, Span};
use inkstone_domain::ports::ChangeSignal;
use inkstone_domain::search::{Document, DocumentId, DocumentStamp, IndexReport};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::TantivyIndex;
use crate::error::SearchError;
use crate::index::Request;
use crate::opened::Opened;

/// Documents read and committed together at the most.
const BATCH: usize = 500;
/// Stamps read together at a reconciliation.
const STAMP_PAGE: usize = 5_000;
/// How long the store keeps changes, and how often it is told to forget older ones. Longer than anybody lags behind who does
/// not compare everything anyhow.
const CHANGES_KEPT: TimeDelta = TimeDelta::days(1);
/// From pass to pass at least, so that a burst of writes shares a commit.
const GATHER: Duration = Duration::from_millis(150);
/// Pause after a failed pass.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq)]
enum Depth {
    /// What is new.
    Short,
    /// All that may be.
    Full,
}

/// What the follower knows.
struct Progress {
    applied: Applied<DocumentId>,
    /// A look for what became visible late. No pass waits for it: it reads many changes.
    late: JoinSet<Result<Late, Error>>,
    /// When there was something newer last, or all was looked at.
    moved_at: Instant,
    /// Up to when the store was told to forget changes.
    forgotten: DateTime<Utc>,
}

struct Late {
    spans: Vec<Span>,
    found: Vec<DocumentStamp>,
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
        let mut changes = self.feed.changes();
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
            let quiet_at = progress.moved_at + self.config.poll_interval;
            let (depth, requests) = self.wait(&mut changes, &mut inbox, quiet_at).await;
            let begun_at = Instant::now();
            match self.turn(&mut progress, depth, requests).await {
                Ok(()) if depth == Depth::Short => sleep_until(begun_at + GATHER).await,
                Ok(()) => {}
                Err(error) => {
                    tracing::error!(?error, "the search index cannot follow; trying again");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    self.mend_if_damaged(&mut progress).await;
                }
            }
        }
    }

    /// What cannot be written to may be damaged; or the disk is full, or the store away, and then it is not.
    async fn mend_if_damaged(&self, progress: &mut Progress) {
        let opened = self.opened();
        let is_damaged = tokio::task::spawn_blocking(move || opened.is_damaged());
        if is_damaged.await.unwrap_or(true)
            && let Err(error) = self.mend(progress).await
        {
            tracing::error!(?error, "the search index cannot be rebuilt; trying again");
        }
    }

    /// A new one takes the place of the damaged one.
    async fn mend(&self, progress: &mut Progress) -> Result<(), Error> {
        let next = self.built_anew().await?;
        self.switch(progress, next).await?;
        tracing::info!("the search index was rebuilt");
        Ok(())
    }

    /// Until something changed, somebody asks, or it has been quiet for long: also where there are signs of changes all the
    /// time, but not of anything that is followed.
    async fn wait(
        &self,
        changes: &mut ChangeSignal,
        inbox: &mut mpsc::Receiver<Request>,
        quiet_at: Instant,
    ) -> (Depth, Vec<Request>) {
        let mut requests = Vec::new();
        let depth = tokio::select! {
            Some(()) = changes.next() => Depth::Short,
            Some(request) = inbox.recv() => { requests.push(request); Depth::Full }
            () = sleep_until(quiet_at) => Depth::Full,
        };
        while let Ok(request) = inbox.try_recv() {
            requests.push(request);
        }
        match requests.is_empty() {
            true => (depth, requests),
            false => (Depth::Full, requests),
        }
    }

    /// What was asked for, and a pass. A damaged index is not passed over first: it may take no changes any more. Askers
    /// whose answer was dropped ask again.
    async fn turn(
        &self,
        progress: &mut Progress,
        depth: Depth,
        requests: Vec<Request>,
    ) -> Result<(), Error> {
        let mut is_damaged = false;
        let mut caught_up = Vec::new();
        for request in requests {
            match request {
                Request::CatchUp(done) => caught_up.push(done),
                Request::Damaged => is_damaged = true,
                Request::Switch(next, done) => {
                    self.switch(progress, next).await?;
                    // What was damaged was the one before.
                    is_damaged = false;
                    let _ = done.send(());
                }
            }
        }
        if is_damaged {
            self.mend(progress).await?;
        }
        self.pass(&self.opened(), progress, depth).await?;
        for done in caught_up {
            // Askers may have left.
            let _ = done.send(());
        }
        self.forget(progress).await
    }

    /// Follows with the new index from the time it was begun, then lets it take over.
    async fn switch(&self, progress: &mut Progress, next: Arc<Opened>) -> Result<(), Error> {
        let checkpoint = next.checkpoint();
        let checkpoint = checkpoint.unwrap_or(progress.applied.following.newest());
        let mut renewed = self.progress(checkpoint, progress.forgotten);
        self.pass(&next, &mut renewed, Depth::Full).await?;
        self.take_over(Arc::clone(&next));
        *progress = renewed;
        let counted = tokio::task::spawn_blocking(move || next.count_alone());
        Ok(counted.await.map_err(SearchError::from)??)
    }

    /// Compares everything, and goes on from when that began.
    async fn start(&self) -> Result<Progress, Error> {
        let opened = self.opened();
        if opened.checkpoint().is_none() {
            self.fill(&opened).await?;
        }
        let begun = self.feed.now().await?;
        self.reconcile(&opened, begun).await?;
        let mut progress = self.progress(begun, DateTime::UNIX_EPOCH);
        self.pass(&opened, &mut progress, Depth::Full).await?;
        Ok(progress)
    }

    fn progress(&self, checkpoint: DateTime<Utc>, forgotten: DateTime<Utc>) -> Progress {
        Progress {
            applied: Applied::new(Following::new(checkpoint, self.config.overlap)),
            late: JoinSet::new(),
            moved_at: Instant::now(),
            forgotten,
        }
    }

    /// Once in a while, so that what is long gone takes no space.
    async fn forget(&self, progress: &mut Progress) -> Result<(), Error> {
        let newest = progress.applied.following.newest();
        if newest - progress.forgotten >= CHANGES_KEPT * 2 {
            let before = newest - CHANGES_KEPT;
            self.feed.forget(before).await?;
            progress.forgotten = before;
        }
        Ok(())
    }

    /// Applies what changed since the last one.
    async fn pass(
        &self,
        opened: &Arc<Opened>,
        progress: &mut Progress,
        depth: Depth,
    ) -> Result<(), Error> {
        let begun_at = Instant::now();
        let mut following = progress.applied.following;
        let stamps = match depth {
            Depth::Short => {
                let mut stamps = self.feed.changed(following.recent()).await?;
                stamps.extend(self.seen_late(progress, &mut following)?);
                stamps
            }
            Depth::Full => self.feed.changed(following.whole()).await?,
        };
        let mut pending = HashMap::new();
        for stamp in stamps {
            following.saw(stamp.changed_at);
            let (revision, changed_at) = (stamp.revision, stamp.changed_at);
            if progress.applied.is_news(&stamp.id, revision, changed_at) {
                pending.insert(stamp.id, (revision, changed_at));
            }
        }
        if depth == Depth::Full {
            following.looked_whole();
        }
        let ids: Vec<DocumentId> = pending.keys().copied().collect();
        let looked = begun_at.elapsed();
        for batch in ids.chunks(BATCH) {
            self.apply(opened, batch.to_vec(), following.newest())
                .await?;
        }
        if depth == Depth::Full || following.newest() > progress.applied.following.newest() {
            progress.moved_at = Instant::now();
        }
        let changes = pending.into_iter();
        let changes = changes.map(|(id, (revision, changed_at))| (id, revision, changed_at));
        progress.applied.note(following, changes);
        tracing::debug!(changes = ids.len(), ?looked, took = ?begun_at.elapsed(), "followed");
        Ok(())
    }

    /// What the last look for it found, once it has ended.
    fn seen_late(
        &self,
        progress: &mut Progress,
        following: &mut Following,
    ) -> Result<Vec<DocumentStamp>, Error> {
        if progress.late.is_empty() {
            let (feed, spans) = (self.feed.clone(), following.late());
            let look = async move {
                let mut found = Vec::new();
                for span in &spans {
                    found.extend(feed.changed(*span).await?);
                }
                Ok(Late { spans, found })
            };
            progress.late.spawn(look);
        }
        let Some(looked) = progress.late.try_join_next() else {
            return Ok(Vec::new());
        };
        let late = looked.map_err(SearchError::from)??;
        following.looked(&late.spans);
        Ok(late.found)
    }

    async fn apply(
        &self,
        opened: &Arc<Opened>,
        ids: Vec<DocumentId>,
        checkpoint: DateTime<Utc>,
    ) -> Result<(), Error> {
        let begun_at = Instant::now();
        let changed = self.feed.documents(&ids).await?;
        let read = begun_at.elapsed();
        commit(opened, changed, ids, checkpoint).await?;
        tracing::debug!(?read, took = ?begun_at.elapsed(), "applied");
        Ok(())
    }

    /// Mends what differs from the store.
    async fn reconcile(
        &self,
        opened: &Arc<Opened>,
        checkpoint: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut difference = self.difference(opened).await?;
        if !difference.is_none() {
            tracing::info!(
                differing = difference.missing.len() + difference.ahead.len(),
                surplus = difference.surplus.len(),
                "the search index differs from the store and is mended"
            );
        }
        difference.missing.append(&mut difference.ahead);
        for batch in difference.missing.chunks(BATCH) {
            let ids = batch.iter().map(|stamp| stamp.id).collect();
            self.apply(opened, ids, checkpoint).await?;
        }
        if !difference.surplus.is_empty() {
            commit(opened, Vec::new(), difference.surplus, checkpoint).await?;
        }
        Ok(())
    }

    /// What differs, and nothing is mended; beside the follower, who goes on. What only changed while it was read differs no
    /// more once that has been followed.
    pub(crate) async fn compare(&self) -> Result<IndexReport, Error> {
        self.ask(Request::CatchUp).await?;
        let mut difference = self.difference(&self.opened()).await?;
        if !difference.is_none() {
            self.ask(Request::CatchUp).await?;
            let indexed = indexed_now(&self.opened()).await?;
            difference.missing.retain(|stamp| {
                let held = indexed.get(&stamp.id);
                match stamp.deleted {
                    true => held.is_some_and(|revision| *revision <= stamp.revision),
                    false => held.is_none_or(|revision| *revision < stamp.revision),
                }
            });
            difference.surplus.retain(|id| indexed.contains_key(id));
        }
        Ok(IndexReport {
            stored: difference.stored,
            indexed: difference.indexed,
            missing: (difference.missing.len() + difference.ahead.len()) as u64,
            surplus: difference.surplus.len() as u64,
        })
    }

    /// Compares the (id, revision) of every document with the index.
    async fn difference(&self, opened: &Arc<Opened>) -> Result<Difference, Error> {
        let mut indexed = indexed_now(opened).await?;
        let mut difference = Difference {
            indexed: indexed.len() as u64,
            ..Difference::default()
        };
        let mut after = None;
        loop {
            let page = self.feed.stamps(after, STAMP_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for stamp in page {
                let held = indexed.remove(&stamp.id);
                difference.stored += u64::from(!stamp.deleted);
                match (held, stamp.deleted) {
                    (Some(revision), false) if revision == stamp.revision => {}
                    (None, true) => {}
                    (Some(revision), _) if revision > stamp.revision => {
                        difference.ahead.push(stamp);
                    }
                    _ => difference.missing.push(stamp),
                }
            }
        }
        difference.surplus = indexed.into_keys().collect();
        Ok(difference)
    }
}

/// Between index and store.
#[derive(Default)]
struct Difference {
    stored: u64,
    indexed: u64,
    /// Not indexed, or as they were before, or not there any more.
    missing: Vec<DocumentStamp>,
    /// Indexed as the store never had them: it is an older copy of itself.
    ahead: Vec<DocumentStamp>,
    surplus: Vec<DocumentId>,
}

impl Difference {
    fn is_none(&self) -> bool {
        self.missing.is_empty() && self.ahead.is_empty() && self.surplus.is_empty()
    }
}

async fn commit(
    opened: &Arc<Opened>,
    changed: Vec<Document>,
    removed: Vec<DocumentId>,
    checkpoint: DateTime<Utc>,
) -> Result<(), SearchError> {
    let opened = Arc::clone(opened);
    tokio::task::spawn_blocking(move || opened.commit(&changed, &removed, checkpoint)).await?
}

async fn indexed_now(opened: &Arc<Opened>) -> Result<HashMap<DocumentId, u64>, SearchError> {
    let read = Arc::clone(opened);
    tokio::task::spawn_blocking(move || indexed_revisions(&read)).await?
}

/// The (id, revision) of every live document. Blocking.
fn indexed_revisions(opened: &Opened) -> Result<HashMap<DocumentId, u64>, SearchError> {
    let searcher = opened.reader.searcher();
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
