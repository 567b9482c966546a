//! Webhooks and deliveries in memory.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{EventId, WebhookId};
use inkstone_domain::ports::{KEPT_TRIES, WebhookStore};
use inkstone_domain::webhook::{ClaimedDelivery, Delivery, DeliveryState, DeliveryTry, Webhook};
use inkstone_domain::{Error, Result, codes};

use super::projects::mismatch;
use super::{MemStore, already_exists, not_found, page_of};

pub(super) struct DeliveryEntry {
    delivery: Delivery,
    fence: u64,
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
        stored.clone_from(webhook);
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

    async fn mark_webhook(
        &self,
        id: WebhookId,
        failing_since: Option<DateTime<Utc>>,
        is_enabled: bool,
        event: Option<&ScopedEvent>,
    ) -> Result<()> {
        let mut state = self.state();
        let Some(webhook) = state.webhooks.get_mut(&id) else {
            return Ok(());
        };
        if (webhook.failing_since, webhook.is_enabled) == (failing_since, is_enabled) {
            return Ok(());
        }
        webhook.failing_since = failing_since;
        webhook.is_enabled = is_enabled;
        if let Some(event) = event {
            state.tell_of(event.clone());
        }
        Ok(())
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
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedDelivery>> {
        let mut state = self.state();
        let due = state.deliveries.values_mut().filter(|entry| {
            entry.delivery.state == DeliveryState::Pending && entry.delivery.next_at <= now
        });
        let Some(entry) = due.min_by_key(|entry| entry.delivery.next_at) else {
            return Ok(None);
        };
        entry.delivery.next_at = now + lease;
        entry.delivery.attempts += 1;
        entry.fence += 1;
        Ok(Some(ClaimedDelivery {
            delivery: entry.delivery.clone(),
            fence: entry.fence,
        }))
    }

    async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        tried: &DeliveryTry,
        delivery_state: DeliveryState,
        next_at: DateTime<Utc>,
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
        delivery.state = delivery_state;
        delivery.next_at = next_at;
        delivery.tries.push(tried.clone());
        let surplus = delivery.tries.len().saturating_sub(KEPT_TRIES);
        delivery.tries.drain(..surplus);
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
        Ok(entry.delivery.clone())
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
        Ok(all.len() as u64)
    }
}
