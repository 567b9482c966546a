//! Webhooks and deliveries in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::ports::{KEPT_TRIES, WebhookStore};
use inkstone_domain::webhook::{
    ClaimedDelivery, Delivery, DeliveryState, Pace, Reached, Settlement, Webhook,
};
use inkstone_domain::{Error, Result, codes};

use super::projects::mismatch;
use super::{MemStore, already_exists, not_found, page_of};

pub(super) struct DeliveryEntry {
    delivery: Delivery,
    fence: u64,
}

/// What waits for one webhook.
#[derive(Default)]
pub(super) struct Lane {
    /// When it was last served: others come first.
    served_at: Option<DateTime<Utc>>,
    held_until: Option<DateTime<Utc>>,
    /// The ends of the leases of what is under way.
    leases: Vec<DateTime<Utc>>,
    failures: u32,
}

impl Lane {
    fn has_room(&self, most: usize, now: DateTime<Utc>) -> bool {
        let most = if self.failures > 0 { 1 } else { most.max(1) };
        let running = self.leases.iter().filter(|until| **until > now);
        self.held_until.is_none_or(|until| until <= now) && running.count() < most
    }

    fn settle(&mut self, leased_until: DateTime<Utc>, pace: Pace, now: DateTime<Utc>) {
        if let Some(own) = self.leases.iter().position(|until| *until == leased_until) {
            self.leases.remove(own);
        }
        self.served_at = Some(now);
        match pace {
            Pace::AsBefore => {}
            Pace::Full => (self.failures, self.held_until) = (0, None),
            Pace::Held { until, failures } => {
                self.failures = self.failures.max(failures);
                self.held_until = self.held_until.max(Some(until));
            }
        }
    }
}

#[async_trait]
impl WebhookStore for MemStore {
    async fn create_webhook(&self, webhook: &Webhook, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        if state.webhooks.contains_key(&webhook.id) {
            return Err(already_exists("webhook", webhook.id));
        }
        state.webhooks.insert(webhook.id, webhook.clone());
        state.append_audit(audit);
        Ok(())
    }

    async fn update_webhook(&self, webhook: &Webhook, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let stored = state.webhooks.get_mut(&webhook.id);
        let stored = stored.ok_or_else(|| not_found("webhook", webhook.id))?;
        if stored.revision + 1 != webhook.revision {
            return Err(mismatch());
        }
        // What a try has taught since it was read.
        let failing_since = webhook.failing_since.and(stored.failing_since);
        *stored = Webhook {
            failing_since,
            ..webhook.clone()
        };
        state.append_audit(audit);
        Ok(())
    }

    async fn remove_webhook(&self, id: WebhookId, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        if state.webhooks.remove(&id).is_none() {
            return Err(not_found("webhook", id));
        }
        state.append_audit(audit);
        Ok(())
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>> {
        Ok(self.state().webhooks.get(&id).cloned())
    }

    async fn list_webhooks(
        &self,
        project: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Webhook>> {
        let state = self.state();
        let newest_first = state.webhooks.iter().rev();
        let of = newest_first.filter(|(_, one)| one.project.as_deref() == project);
        let keyed = of.map(|(id, one)| (*id, one.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn enabled_webhooks(&self) -> Result<Vec<Webhook>> {
        let state = self.state();
        let enabled = state.webhooks.values().filter(|one| one.is_enabled);
        Ok(enabled.cloned().collect())
    }

    async fn note_reached(
        &self,
        webhook: &Webhook,
        reached: Reached,
        disable_after: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut state = self.state();
        let stored = state.webhooks.get_mut(&webhook.id);
        let Some(stored) = stored.filter(|one| one.is_enabled && one.revision == webhook.revision)
        else {
            return Ok(false);
        };
        if reached == Reached::Yes {
            stored.failing_since = None;
            return Ok(false);
        }
        let since = *stored.failing_since.get_or_insert(now);
        if reached == Reached::No && now - since < disable_after {
            return Ok(false);
        }
        stored.is_enabled = false;
        stored.revision += 1;
        state.tell_of(ScopedEvent::webhook_disabled(webhook, now));
        Ok(true)
    }

    async fn put_deliveries(&self, deliveries: &[Delivery]) -> Result<()> {
        let mut state = self.state();
        for delivery in deliveries {
            let key = (delivery.webhook, delivery.event);
            state
                .deliveries
                .entry(key)
                .or_insert_with(|| DeliveryEntry {
                    delivery: delivery.clone(),
                    fence: 0,
                });
        }
        Ok(())
    }

    async fn claim_delivery(
        &self,
        lease: Duration,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDelivery>> {
        let mut state = self.state();
        let mut heads: BTreeMap<WebhookId, &Delivery> = BTreeMap::new();
        for DeliveryEntry { delivery, .. } in state.deliveries.values() {
            if delivery.state != DeliveryState::Pending || delivery.next_at > now {
                continue;
            }
            let head = heads.entry(delivery.webhook).or_insert(delivery);
            if delivery.next_at < head.next_at {
                *head = delivery;
            }
        }
        let turn = heads.into_values().filter_map(|head| {
            let lane = state.lanes.get(&head.webhook);
            let has_room = lane.is_none_or(|lane| lane.has_room(most, now));
            let turn = lane.and_then(|lane| lane.served_at).max(Some(head.next_at));
            has_room.then_some((turn, (head.webhook, head.event)))
        });
        let Some((_, key)) = turn.min() else {
            return Ok(None);
        };
        let lane = state.lanes.entry(key.0).or_default();
        lane.leases.retain(|until| *until > now);
        lane.leases.push(now + lease);
        lane.served_at = Some(now);
        let failures = lane.failures;
        let entry = state.deliveries.get_mut(&key);
        let entry = entry.ok_or_else(|| not_found("delivery of", key.1))?;
        entry.delivery.next_at = now + lease;
        entry.delivery.attempts += 1;
        entry.fence += 1;
        Ok(Some(ClaimedDelivery {
            delivery: entry.delivery.clone(),
            fence: entry.fence,
            failures,
        }))
    }

    async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let key = (claimed.delivery.webhook, claimed.delivery.event);
        let mut state = self.state();
        let Some(entry) = state.deliveries.get_mut(&key) else {
            return Ok(());
        };
        if entry.fence != claimed.fence || entry.delivery.state != DeliveryState::Pending {
            return Err(Error::new(
                &codes::LEASE_LOST,
                "the delivery is in other hands",
            ));
        }
        let delivery = &mut entry.delivery;
        delivery.state = settlement.state;
        delivery.next_at = settlement.next_at;
        delivery.tries.push(settlement.tried.clone());
        let surplus = delivery.tries.len().saturating_sub(KEPT_TRIES);
        delivery.tries.drain(..surplus);
        let lane = state.lanes.entry(key.0).or_default();
        lane.settle(claimed.delivery.next_at, settlement.pace, now);
        Ok(())
    }

    async fn release_deliveries(&self, webhook: WebhookId, _now: DateTime<Utc>) -> Result<()> {
        if let Some(lane) = self.state().lanes.get_mut(&webhook) {
            lane.held_until = None;
        }
        Ok(())
    }

    async fn list_deliveries(
        &self,
        webhook: WebhookId,
        page: PageRequest,
    ) -> Result<Page<Delivery>> {
        let state = self.state();
        let newest_first = state.deliveries.iter().rev();
        let of = newest_first.filter(|((other, _), _)| *other == webhook);
        let keyed = of.map(|((_, event), entry)| (*event, entry.delivery.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn redeliver(
        &self,
        webhook: WebhookId,
        event: EventId,
        now: DateTime<Utc>,
    ) -> Result<Delivery> {
        let mut state = self.state();
        let entry = state.deliveries.get_mut(&(webhook, event));
        let entry = entry.ok_or_else(|| not_found("delivery of", event))?;
        entry.fence += 1;
        entry.delivery.state = DeliveryState::Pending;
        entry.delivery.next_at = now;
        entry.delivery.attempts = 0;
        let begun = entry.delivery.clone();
        if let Some(lane) = state.lanes.get_mut(&webhook) {
            lane.held_until = None;
        }
        Ok(begun)
    }

    async fn forget_deliveries(&self, before: DateTime<Utc>, limit: usize) -> Result<u64> {
        let mut state = self.state();
        let old = state.deliveries.iter().filter(|(_, entry)| {
            entry.delivery.created_at < before && entry.delivery.state != DeliveryState::Pending
        });
        let old: Vec<_> = old.map(|(key, _)| *key).take(limit).collect();
        state.deliveries.retain(|key, _| !old.contains(key));
        Ok(old.len() as u64)
    }

    async fn forget_deliveries_of(&self, webhook: WebhookId, limit: usize) -> Result<u64> {
        let mut state = self.state();
        let keys = state.deliveries.keys();
        let all: Vec<_> = keys
            .filter(|key| key.0 == webhook)
            .take(limit)
            .copied()
            .collect();
        state.deliveries.retain(|key, _| !all.contains(key));
        if all.len() < limit {
            state.lanes.remove(&webhook);
        }
        Ok(all.len() as u64)
    }
}
