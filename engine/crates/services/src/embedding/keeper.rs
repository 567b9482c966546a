//! The background work: one engine at a time does it, by the lease of the handler `embeddings`. It compares all
//! articles with what is embedded when it begins, and then follows what changes, as the text index does.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt;
use inkstone_domain::content::ArticleStamp;
use inkstone_domain::following::{Applied, Following};
use inkstone_domain::ids::ArticleId;
use inkstone_domain::ports::{ChangeSignal, ClaimedHandler};
use inkstone_domain::{Result, codes};
use tokio::time::{Instant, sleep_until};

use super::Embeddings;
use super::making::TOGETHER;

/// Its place among the handlers of events: it has handled an event once what it tells of is embedded; what of that became
/// visible late, and was not read yet, a next claim finds by comparing.
pub const HANDLER: &str = "embeddings";
/// Stamps that are read together.
const STAMP_PAGE: usize = 5_000;
/// Events that are numbered at a time.
const NUMBERED: usize = 200;
/// Articles of a model that is not used any more, forgotten together.
const FORGOTTEN: usize = 100;
/// Longer than the longest transaction: changes are read again over this span.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);
/// So that a burst of writes, or of somebody who types, is one change.
const GATHER: Duration = Duration::from_secs(1);
/// After a fault.
const PAUSE: Duration = Duration::from_secs(30);

impl Embeddings {
    /// Embeds what is not, and follows, until the engine stops: here, or as soon as no other engine does it.
    pub async fn keep(self: Arc<Self>) {
        while self.config.is_on() && !self.stop.is_cancelled() {
            let pause = match self.turn().await {
                Ok(()) => self.config.lease / 3,
                // It was rewound, or is with another engine: the next claim tells.
                Err(error) if error.code() == &codes::LEASE_LOST => Duration::ZERO,
                Err(error) => {
                    tracing::warn!(?error, "texts could not be embedded; it is tried again");
                    PAUSE
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Embeds all that is not, or not as it stands now, and lets the model serve. For those who do not follow.
    pub async fn catch_up(&self) -> Result<()> {
        let model = self.model()?;
        let missing = self.compare(&model).await?;
        self.begin(&model).await?;
        self.embed(&model, &missing).await?;
        self.settle(&model).await
    }

    async fn turn(&self) -> Result<()> {
        let begin = self.events.log.number_events(NUMBERED).await?;
        let (lease, now) = (self.config.lease, self.clock.now());
        let claim = self
            .events
            .handlers
            .claim_handler(HANDLER, &self.holder, begin, lease, now);
        let Some(claimed) = claim.await? else {
            return Ok(());
        };
        let number = AtomicU64::new(claimed.number);
        let ended = tokio::select! {
            ended = self.work(&number) => ended,
            lost = self.beat(&claimed, &number) => lost,
            () = self.stop.cancelled() => Ok(()),
        };
        if ended
            .as_ref()
            .is_err_and(|error| error.code() == &codes::LEASE_LOST)
        {
            return ended;
        }
        let release = self.events.handlers.release_handler(HANDLER, claimed.fence);
        release.await?;
        ended
    }

    /// Signs of life, until the lease is lost.
    async fn beat(&self, claimed: &ClaimedHandler, number: &AtomicU64) -> Result<()> {
        loop {
            tokio::time::sleep(self.config.lease / 3).await;
            let (lease, now) = (self.config.lease, self.clock.now());
            let number = number.load(Ordering::Relaxed);
            self.events
                .handlers
                .advance_handler(HANDLER, claimed.fence, number, lease, now)
                .await?;
        }
    }

    /// What changes goes first, then what is not embedded yet.
    async fn work(&self, number: &AtomicU64) -> Result<()> {
        let model = self.model()?;
        let mut changes = self.articles.changes();
        let following = Following::new(self.articles.now().await?, OVERLAP);
        let mut applied = Applied::new(following);
        let mut missing = VecDeque::from(self.compare(&model).await?);
        let (mut settled, mut is_quiet, mut moved_at) = (false, true, Instant::now());
        self.begin(&model).await?;
        if !missing.is_empty() {
            tracing::info!(articles = missing.len(), model, "articles are embedded");
        }
        loop {
            let told = self.events.log.number_events(NUMBERED).await?;
            let newest = applied.following.newest();
            self.embed_changed(&model, &mut applied, is_quiet).await?;
            if is_quiet || applied.following.newest() > newest {
                moved_at = Instant::now();
            }
            let some: Vec<ArticleStamp> = missing.drain(..missing.len().min(TOGETHER)).collect();
            if !some.is_empty() {
                self.embed(&model, &some).await?;
                continue;
            }
            if !settled {
                self.settle(&model).await?;
                settled = true;
            }
            number.store(told, Ordering::Relaxed);
            let quiet_at = moved_at + self.config.poll_interval;
            is_quiet = self.wait(&mut changes, quiet_at).await;
        }
    }

    /// Until something changed, or no article has for long: whether that is so.
    async fn wait(&self, changes: &mut ChangeSignal, quiet_at: Instant) -> bool {
        tokio::select! {
            Some(()) = changes.next() => {
                tokio::time::sleep(GATHER.min(self.config.poll_interval)).await;
                false
            }
            () = sleep_until(quiet_at) => true,
        }
    }

    /// By the model that serves, too, while the new one has not all texts yet.
    async fn embed_changed(
        &self,
        model: &str,
        applied: &mut Applied<ArticleId>,
        is_quiet: bool,
    ) -> Result<()> {
        let mut following = applied.following;
        let spans = match is_quiet {
            true => vec![following.whole()],
            false => {
                let mut spans = following.late();
                following.looked(&spans);
                spans.push(following.recent());
                spans
            }
        };
        let mut changed = HashMap::new();
        for span in spans {
            for stamp in self.articles.changed_articles(span).await? {
                following.saw(stamp.changed_at);
                if applied.is_news(&stamp.id, stamp.revision, stamp.changed_at) {
                    changed.insert(stamp.id, stamp);
                }
            }
        }
        if is_quiet {
            following.looked_whole();
        }
        let changed: Vec<ArticleStamp> = changed.into_values().collect();
        if changed.is_empty() {
            applied.following = following;
            return Ok(());
        }
        self.embed(model, &changed).await?;
        let serving = self.chunks.serving_model().await?;
        if let Some(old) = serving.filter(|serving| serving != model)
            && let Err(error) = self.embed(&old, &changed).await
        {
            // Its days are numbered: it must not hold up its successor.
            tracing::warn!(
                ?error,
                model = old,
                "a change is not embedded by the old model"
            );
        }
        let changes = changed.iter();
        let changes = changes.map(|stamp| (stamp.id, stamp.revision, stamp.changed_at));
        applied.note(following, changes);
        Ok(())
    }

    /// What the model has not, or not as it stands now. What it has of articles that are no more is dropped.
    async fn compare(&self, model: &str) -> Result<Vec<ArticleStamp>> {
        let mut embedded = self.all_embedded(model).await?;
        let mut missing = Vec::new();
        let mut after = None;
        loop {
            let page = self.articles.stamps(after, STAMP_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for stamp in page {
                let held = embedded.remove(&stamp.id);
                let is_same = match held {
                    Some(revision) => revision == stamp.revision,
                    None => stamp.deleted,
                };
                if !is_same {
                    missing.push(stamp);
                }
            }
        }
        let surplus: Vec<ArticleId> = embedded.into_keys().collect();
        for some in surplus.chunks(FORGOTTEN) {
            self.chunks.forget_embedded(model, some).await?;
        }
        Ok(missing)
    }

    async fn all_embedded(&self, model: &str) -> Result<HashMap<ArticleId, u64>> {
        let mut embedded = HashMap::new();
        let mut after = None;
        loop {
            let page = self
                .chunks
                .embedded_stamps(model, after, STAMP_PAGE)
                .await?;
            let Some(last) = page.last() else {
                return Ok(embedded);
            };
            after = Some(last.article);
            let stamps = page.iter().map(|stamp| (stamp.article, stamp.revision));
            embedded.extend(stamps);
        }
    }

    /// Where no model serves, the new one does at once: some vectors are better than none.
    async fn begin(&self, model: &str) -> Result<()> {
        match self.chunks.serving_model().await? {
            Some(_) => Ok(()),
            None => self.chunks.serve_model(model).await,
        }
    }

    /// The model has all texts: it serves, and what others had goes, in pieces.
    async fn settle(&self, model: &str) -> Result<()> {
        let serving = self.chunks.serving_model().await?;
        if serving.as_deref() != Some(model) {
            self.chunks.serve_model(model).await?;
            tracing::info!(model, "searches by meaning go by a new model");
        }
        let models = self.chunks.embedding_models().await?;
        for old in models.iter().filter(|one| *one != model) {
            loop {
                let some = self.chunks.embedded_stamps(old, None, FORGOTTEN).await?;
                if some.is_empty() {
                    break;
                }
                let articles: Vec<ArticleId> = some.iter().map(|stamp| stamp.article).collect();
                self.chunks.forget_embedded(old, &articles).await?;
            }
        }
        Ok(())
    }
}
