//! Mails with what is unread, at the hours that people chose. A digest is in one hand at a time, and tells of
//! what came since the one before; where an engine dies in between, it may come twice and is never left out.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::Result;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::NotificationId;
use inkstone_domain::notification::{
    ClaimedDigest, Notification, NotificationFilter, NotificationKind,
};
use inkstone_domain::people::Mail;
use tokio_util::sync::CancellationToken;

use super::Notifications;
use crate::sweep::in_pieces;

/// For one mail. Where it could not be sent, it is tried again after this.
const LEASE: Duration = Duration::from_secs(15 * 60);
/// What a mail names one by one; of more it says how many there are.
const MOST_NAMED: usize = 50;
const MOST_COUNTED: usize = 1_000;
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const FORGOTTEN_AT_ONCE: usize = 500;

impl Notifications {
    /// Sends digests that are due, and forgets what was kept long enough, until `stop`.
    pub async fn keep_telling(self: Arc<Self>, stop: CancellationToken) {
        let mut forgetting = tokio::time::interval(FORGET_EVERY);
        loop {
            match self.send_digest().await {
                Ok(true) if !stop.is_cancelled() => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(?error, "a digest could not be sent; it is tried again");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.parts.config.poll_interval) => {}
                _ = forgetting.tick() => {
                    if let Err(error) = self.forget_old(&stop).await {
                        tracing::warn!(?error, "old notifications could not be forgotten");
                    }
                }
            }
        }
    }

    /// Sends one that is due; false where none is.
    pub async fn send_digest(&self) -> Result<bool> {
        let now = self.parts.clock.now();
        let store = &self.parts.store;
        let Some(claimed) = store.claim_digest(LEASE, now).await? else {
            return Ok(false);
        };
        let fresh = self.fresh(&claimed).await?;
        let newest = fresh.iter().map(|one| one.id).max();
        if !fresh.is_empty() {
            self.mail(&claimed, &fresh).await?;
        }
        let digest = claimed.settings.digest;
        let next_at = digest.map_or(now + LEASE, |digest| digest.next(now));
        let after = newest.or(claimed.after);
        store.settle_digest(&claimed, after, next_at).await?;
        Ok(true)
    }

    /// What is unread and newer than what the digest before told of.
    async fn fresh(&self, claimed: &ClaimedDigest) -> Result<Vec<Notification>> {
        let mut fresh: Vec<Notification> = Vec::new();
        let mut page = PageRequest {
            limit: 100,
            cursor: None,
        };
        let is_new = |id: NotificationId| claimed.after.is_none_or(|after| id > after);
        loop {
            let (user, unread) = (claimed.settings.user, NotificationFilter::Unread);
            let store = &self.parts.store;
            let found = store.list_notifications(user, unread, page.clone()).await?;
            let are_all_new = found.items.iter().all(|one| is_new(one.id));
            fresh.extend(found.items.into_iter().filter(|one| is_new(one.id)));
            match found.next_cursor {
                Some(cursor) if are_all_new && fresh.len() < MOST_COUNTED => {
                    page.cursor = Some(cursor);
                }
                Some(_) | None => return Ok(fresh),
            }
        }
    }

    /// To nobody whose address was not shown to be theirs.
    async fn mail(&self, claimed: &ClaimedDigest, fresh: &[Notification]) -> Result<()> {
        let found = self.parts.users.user(claimed.settings.user).await?;
        let reachable = found.filter(|user| user.email_verified && user.disabled_at.is_none());
        let Some(user) = reachable else {
            return Ok(());
        };
        let mail = Mail {
            to: user.email,
            subject: format!("{} unread notifications", fresh.len()),
            text: text(fresh),
        };
        self.parts.mailer.send(&mail).await
    }

    /// Forgets what was kept long enough, until `stop`. How many.
    pub async fn forget_old(&self, stop: &CancellationToken) -> Result<u64> {
        let before = self.oldest();
        let forget = |piece| self.parts.store.forget_notifications(before, piece);
        in_pieces(FORGOTTEN_AT_ONCE, stop, forget).await
    }
}

/// Newest first. It names things by their ids: what stands in them is for those who may read them then.
fn text(fresh: &[Notification]) -> String {
    let mut text = "What concerns you and is unread:\n\n".to_owned();
    for one in fresh.iter().take(MOST_NAMED) {
        let about = &one.about;
        let names = [
            about.article.map(|id| id.to_string()),
            about.comment.map(|id| id.to_string()),
            about.job.map(|id| id.to_string()),
            about.webhook.map(|id| id.to_string()),
            about.schedule.map(|id| id.to_string()),
            about.search.map(|id| id.to_string()),
            about
                .document
                .filter(|id| id.article().is_none())
                .map(|id| id.to_string()),
            one.project.as_ref().map(|slug| format!("in {slug}")),
        ];
        let names: Vec<String> = names.into_iter().flatten().collect();
        let at = one.created_at.format("%Y-%m-%d %H:%M");
        let _ = writeln!(text, "- {at} {}: {}", words(one.kind), names.join(" "));
    }
    if let Some(more) = fresh.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "\nand {more} more");
    }
    text.push_str(
        "\nGET /v1/notifications lists them; PUT /v1/notifications/settings ends this mail.\n",
    );
    text
}

fn words(kind: NotificationKind) -> &'static str {
    match kind {
        NotificationKind::CommentMentioned => "a comment names you",
        NotificationKind::CommentReplied => "your comment was answered",
        NotificationKind::CommentWritten => "your article has a comment",
        NotificationKind::ReviewAsked => "an article waits for review",
        NotificationKind::ReviewDecided => "your article was reviewed",
        NotificationKind::ArticlePublished => "your article is published",
        NotificationKind::JobSucceeded => "your job is done",
        NotificationKind::JobFailed => "your job failed",
        NotificationKind::WebhookDisabled => "your webhook was disabled",
        NotificationKind::SchedulePaused => "your schedule was paused",
        NotificationKind::SearchMatched => "your search found something new",
    }
}
