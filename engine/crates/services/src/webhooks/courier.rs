//! Sends what is due, and says what is next: tries over 24 hours with growing waits, rests of a webhook that keeps
//! its senders waiting, and the end of one that nothing reaches.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::future::join_all;
use inkstone_domain::ids::WebhookId;
use inkstone_domain::outbound::{OutboundRequest, OutboundResponse, Redirects};
use inkstone_domain::people::Mail;
use inkstone_domain::webhook::{
    ClaimedDelivery, DeliveryState, DeliveryTry, Pace, Reached, Settlement, Webhook, WebhookSecret,
};
use inkstone_domain::{Error, Result, codes};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{PING, Webhooks, holds, seal_of, signature};
use crate::rounds::Rounds;
use crate::sweep::in_pieces;

const CALLER: &str = "webhooks";
/// Waits before the second try and all after it, each up to a fifth longer or shorter. Together 24 hours.
pub const RETRY_WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(4 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(6 * 3600),
];
/// A try that fails sooner keeps nobody waiting, and what else its webhook is told goes on.
const PROMPT: Duration = Duration::from_secs(1);
/// A webhook that keeps senders waiting rests so many times as long as it did, and has a twentieth of one sender;
/// but not longer than its message waits for the next try, as if it were the only one, and than the longest rest.
const REST_SHARE: u32 = 20;
const LONGEST_REST: Duration = Duration::from_secs(5 * 60);
/// Of the answer's body nothing is needed but that it ends.
const MOST_ANSWERED: usize = 64 * 1024;
/// "I will never take this again."
const GONE: u16 = 410;
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const FORGOTTEN_AT_ONCE: usize = 500;

impl Webhooks {
    /// Sends what is due, and forgets what was kept long enough, until `stop`.
    pub async fn deliver(self: Arc<Self>, stop: CancellationToken) {
        let senders = (0..self.config.senders).map(|_| self.send_due(&stop));
        tokio::join!(join_all(senders), self.forget_old(&stop));
    }

    async fn send_due(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.deliver_one().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(?error, "a webhook's message could not be seen through");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.config.poll_interval) => {}
            }
        }
    }

    async fn forget_old(&self, stop: &CancellationToken) {
        let mut rounds = Rounds::every(FORGET_EVERY, stop.clone());
        while rounds.next().await {
            let before = self.clock.now() - self.config.kept;
            let forget = |piece| self.store.forget_deliveries(before, piece);
            told(in_pieces(FORGOTTEN_AT_ONCE, stop, forget).await);
        }
    }

    /// Those of a webhook that is gone. Where an engine ends meanwhile, the rest goes when one of it comes
    /// up for a try, or with its age.
    pub(super) async fn forget_deliveries_of(&self, id: WebhookId) {
        let forget = |piece| self.store.forget_deliveries_of(id, piece);
        let never = CancellationToken::new();
        told(in_pieces(FORGOTTEN_AT_ONCE, &never, forget).await);
    }

    /// Takes one that is due and tries it; false where none is.
    pub async fn deliver_one(&self) -> Result<bool> {
        let lease = self.config.timeout * 4;
        // One sender is left to the others, whatever a webhook does.
        let most = self.config.senders.saturating_sub(1).max(1);
        let now = self.clock.now();
        let claimed = self.store.claim_delivery(lease, most, now).await?;
        let Some(claimed) = claimed else {
            return Ok(false);
        };
        // Others may be due as well.
        self.wake.notify_one();
        let Some(webhook) = self.store.webhook(claimed.delivery.webhook).await? else {
            self.forget_deliveries_of(claimed.delivery.webhook).await;
            return Ok(true);
        };
        if !webhook.is_enabled && claimed.delivery.kind != PING {
            self.give_up(&claimed).await?;
            return Ok(true);
        }
        let began = Instant::now();
        let at = self.clock.now();
        let sent = self.send(&webhook, &claimed, at).await;
        let (status, error) = match &sent {
            Ok(status) if (200..300).contains(status) => (Some(*status), None),
            Ok(status) => (Some(*status), Some(codes::UPSTREAM_ERROR.name)),
            Err(error) => (None, Some(error.code().name)),
        };
        let tried = DeliveryTry {
            at,
            status,
            error: error.map(str::to_owned),
            elapsed_ms: began.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        };
        let reached = match (error, status) {
            (None, _) => Reached::Yes,
            (Some(_), Some(GONE)) => Reached::Gone,
            (Some(_), _) => Reached::No,
        };
        let now = self.clock.now();
        let elapsed = (now - at).to_std().unwrap_or_default();
        let (state, next_at) = what_is_next(&webhook, &claimed, reached, now);
        let settlement = Settlement {
            tried,
            state,
            next_at,
            pace: pace_after(&claimed, reached, elapsed, now),
        };
        let settled = self.store.settle_delivery(&claimed, &settlement, now);
        settled.await?;
        self.judge(&webhook, reached).await?;
        Ok(true)
    }

    /// Of a webhook that is disabled: it is told nothing, and the list of what was sent says why.
    async fn give_up(&self, claimed: &ClaimedDelivery) -> Result<()> {
        let now = self.clock.now();
        let tried = DeliveryTry {
            at: now,
            status: None,
            error: Some(codes::WEBHOOK_DISABLED.name.to_owned()),
            elapsed_ms: 0,
        };
        let settlement = Settlement {
            tried,
            state: DeliveryState::Failed,
            next_at: now,
            pace: Pace::AsBefore,
        };
        self.store.settle_delivery(claimed, &settlement, now).await
    }

    /// Notes whether it can be reached, and tells it nothing more where it says so or could not for long.
    async fn judge(&self, webhook: &Webhook, reached: Reached) -> Result<()> {
        // Where one failed meanwhile, the next that is taken says so.
        if reached == Reached::Yes && webhook.failing_since.is_none() {
            return Ok(());
        }
        let (after, now) = (self.config.disable_after, self.clock.now());
        let noted = self.store.note_reached(webhook, reached, after, now);
        if noted.await? {
            tracing::warn!(webhook.id = %webhook.id, "a webhook is disabled: nothing reaches it");
            self.notify(webhook).await;
        }
        Ok(())
    }

    /// By mail to who made it. What it says stands in the webhook, too.
    async fn notify(&self, webhook: &Webhook) {
        let told = async {
            let Some(user) = self.users.user(webhook.owner).await? else {
                return Ok(());
            };
            let mail = Mail {
                to: user.email,
                subject: "A webhook was disabled".to_owned(),
                text: format!(
                    "The webhook {} is told nothing more: for long nothing has reached it, or it said \
                     that it is gone.\n\nPATCH /v1/webhooks/{} with {{\"enabled\": true}} enables it \
                     again.\n",
                    webhook.id, webhook.id
                ),
            };
            self.mailer.send(&mail).await
        };
        let told: Result<()> = told.await;
        if let Err(error) = told {
            tracing::warn!(?error, webhook.id = %webhook.id, "nobody could be told of a disabled webhook");
        }
    }

    /// What was answered.
    async fn send(
        &self,
        webhook: &Webhook,
        claimed: &ClaimedDelivery,
        at: DateTime<Utc>,
    ) -> Result<u16> {
        let delivery = &claimed.delivery;
        let keys = self.keys(webhook, at)?;
        let signature = signature::sign(&keys, delivery.event, at, &delivery.payload)?;
        let header = |name: &str, value: String| (name.to_owned(), value);
        let request = OutboundRequest {
            method: "POST".to_owned(),
            url: webhook.url.clone(),
            headers: vec![
                header("content-type", "application/json".to_owned()),
                header("webhook-id", delivery.event.to_string()),
                header("webhook-timestamp", at.timestamp().to_string()),
                header("webhook-signature", signature),
            ],
            body: Some(Bytes::from(delivery.payload.clone())),
            credential: None,
            timeout: Some(self.config.timeout),
            redirects: Redirects::Answer,
        };
        let exchange = async {
            let sending = self.egress.send(CALLER, &self.addresses.powers, request);
            let answer = sending.await?;
            read_out(answer).await
        };
        let answered = tokio::time::timeout(self.config.timeout * 2, exchange).await;
        answered.map_err(|_| Error::new(&codes::UPSTREAM_TIMEOUT, "it did not answer in time"))?
    }

    /// Those that hold.
    fn keys(&self, webhook: &Webhook, now: DateTime<Utc>) -> Result<Vec<Vec<u8>>> {
        let held = |secret: &&WebhookSecret| holds(secret, now);
        let secrets = webhook.secrets.iter().filter(held);
        let keys = secrets.map(|secret| self.sealing.open(&seal_of(webhook.id), &secret.sealed));
        keys.collect()
    }
}

/// Whether it is tried again, and when.
fn what_is_next(
    webhook: &Webhook,
    claimed: &ClaimedDelivery,
    reached: Reached,
    now: DateTime<Utc>,
) -> (DeliveryState, DateTime<Utc>) {
    if reached == Reached::Yes {
        return (DeliveryState::Delivered, now);
    }
    let tries = claimed.delivery.attempts.max(1) as usize;
    match RETRY_WAITS.get(tries - 1) {
        Some(wait) if webhook.is_enabled => {
            let jitter = rand::random_range(0.8..1.2);
            (DeliveryState::Pending, now + wait.mul_f64(jitter))
        }
        _ => (DeliveryState::Failed, now),
    }
}

/// How the webhook's other messages go on.
fn pace_after(
    claimed: &ClaimedDelivery,
    reached: Reached,
    elapsed: Duration,
    now: DateTime<Utc>,
) -> Pace {
    let failures = claimed.failures;
    match reached {
        Reached::Yes => Pace::Full,
        Reached::No | Reached::Gone if elapsed < PROMPT => Pace::AsBefore,
        Reached::No | Reached::Gone => Pace::Held {
            until: now + rest(failures, elapsed),
            failures: failures.saturating_add(1),
        },
    }
}

/// After a try that took so long, and so many failures before it.
fn rest(failures: u32, elapsed: Duration) -> Duration {
    let wait = RETRY_WAITS.get(failures as usize);
    let longest = wait.map_or(LONGEST_REST, |wait| LONGEST_REST.min(*wait));
    longest.min(elapsed.saturating_mul(REST_SHARE))
}

fn told(forgotten: Result<u64>) {
    if let Err(error) = forgotten {
        tracing::warn!(?error, "old deliveries could not be forgotten");
    }
}

/// The status, once the body has ended.
async fn read_out(mut answer: OutboundResponse) -> Result<u16> {
    let mut read = 0;
    while let Some(piece) = answer.body.next().await {
        read += piece?.len();
        if read > MOST_ANSWERED {
            break;
        }
    }
    Ok(answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_for_a_day() {
        let waits: Duration = RETRY_WAITS.iter().sum();
        assert!(waits >= Duration::from_secs(23 * 3600), "{waits:?}");
        assert!(RETRY_WAITS.is_sorted());
    }

    #[test]
    fn whoever_keeps_senders_waiting_has_a_twentieth_of_one() {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        for (failures, elapsed, expected) in [
            // One fault does not hold up what comes after it for long.
            (0, 15 * second, 5 * second),
            (1, 15 * second, minute),
            (2, 15 * second, 5 * minute),
            (100, 15 * second, 5 * minute),
            (u32::MAX, 30 * second, 5 * minute),
            (2, second, 20 * second),
        ] {
            assert_eq!(rest(failures, elapsed), expected, "{failures} {elapsed:?}");
        }
    }
}
