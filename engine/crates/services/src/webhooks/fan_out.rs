//! From what happens to messages: one for each webhook that is told of it. Putting one up twice changes
//! nothing, so events may come again.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use inkstone_domain::event::Told;
use inkstone_domain::webhook::{Delivery, DeliveryState, Webhook};
use inkstone_domain::{Error, Result, codes};

use super::Webhooks;
use crate::events::{EventHandler, may_tell};

/// The handler `webhooks`.
pub struct FanOut(pub Arc<Webhooks>);

#[async_trait]
impl EventHandler for FanOut {
    fn name(&self) -> &str {
        "webhooks"
    }

    async fn handle(&self, told: &[Arc<Told>]) -> Result<()> {
        let webhooks = self.0.store.enabled_webhooks().await?;
        let now = self.0.clock.now();
        let mut deliveries = Vec::new();
        // Due one after another, as they happened: a look at what is next begins behind all that was given out.
        let places = (1..=told.len() as i64).rev().map(TimeDelta::nanoseconds);
        for (told, place) in told.iter().zip(places) {
            let takes = |one: &&Webhook| one.takes(told) && may_tell(one, told);
            let mut takers = webhooks.iter().filter(takes).peekable();
            if takers.peek().is_none() {
                continue;
            }
            let payload = serde_json::to_string(&told.notice()).map_err(|error| {
                Error::new(&codes::INTERNAL, "an event cannot be written").with_source(error)
            })?;
            deliveries.extend(takers.map(|webhook| Delivery {
                webhook: webhook.id,
                event: told.event.id,
                kind: told.event.body.kind().as_str().to_owned(),
                payload: payload.clone(),
                state: DeliveryState::Pending,
                next_at: now - place,
                attempts: 0,
                tries: Vec::new(),
                created_at: now,
            }));
        }
        match deliveries.is_empty() {
            true => Ok(()),
            false => self.0.put(&deliveries).await,
        }
    }
}
