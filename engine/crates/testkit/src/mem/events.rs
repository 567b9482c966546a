//! The event log in memory. Events are written by the changes they tell of; here they are only read.

use std::ops::Bound;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::event::Event;
use inkstone_domain::ids::EventId;
use inkstone_domain::ports::EventLog;

use super::MemStore;

#[async_trait]
impl EventLog for MemStore {
    async fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<Event>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let in_order = state.events.range((start, Bound::Unbounded));
        Ok(in_order
            .take(limit)
            .map(|(_, event)| event.clone())
            .collect())
    }
}
