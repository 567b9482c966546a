//! The event log in memory. Events are written by the changes they tell of, through [`State::tell_of`]; here
//! they get their numbers and are read.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::event::{Event, Scope, ScopedEvent, Told};
use inkstone_domain::ids::{ArticleId, EventId};
use inkstone_domain::ports::{
    ChangeSignal, ClaimedHandler, EventLog, HandlerFault, HandlerState, HandlerStore,
    PASSED_OVER_KEPT,
};
use inkstone_domain::{Error, Result, codes};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use super::{MemStore, State, already_exists, not_found};

/// What happened, and how far those who follow have come.
#[derive(Default)]
pub(super) struct Events {
    log: BTreeMap<EventId, ScopedEvent>,
    /// In the order they were written in.
    unnumbered: Vec<EventId>,
    numbered: BTreeMap<u64, EventId>,
    highest: u64,
    handlers: BTreeMap<String, Handler>,
    tellings: watch::Sender<()>,
}

#[derive(Default)]
struct Handler {
    number: u64,
    fence: u64,
    holder: Option<String>,
    lease_until: Option<DateTime<Utc>>,
    failing: Option<HandlerFault>,
    /// Newest first.
    passed_over: VecDeque<HandlerFault>,
    seen_at: DateTime<Utc>,
}

impl State {
    /// What goes with every change that is told.
    pub(super) fn tell_of(&mut self, told: ScopedEvent) {
        let events = &mut self.events;
        events.unnumbered.push(told.event.id);
        events.log.insert(told.event.id, told);
        events.tellings.send_replace(());
    }

    /// Of what belongs to an article.
    pub(super) fn scope_of_article(&self, id: ArticleId) -> Scope {
        let article = self.stored_article(id);
        article.map(Scope::of_article).unwrap_or_default()
    }
}

#[async_trait]
impl EventLog for MemStore {
    async fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<Event>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let in_order = state.events.log.range((start, Bound::Unbounded));
        Ok(in_order
            .take(limit)
            .map(|(_, told)| told.event.clone())
            .collect())
    }

    async fn append_event(&self, event: &ScopedEvent) -> Result<()> {
        let mut state = self.state();
        if state.events.log.contains_key(&event.event.id) {
            return Err(already_exists("event", event.event.id));
        }
        state.tell_of(event.clone());
        Ok(())
    }

    async fn number_events(&self, limit: usize) -> Result<u64> {
        let mut state = self.state();
        let events = &mut state.events;
        let count = limit.min(events.unnumbered.len());
        for id in events.unnumbered.drain(..count) {
            events.highest += 1;
            events.numbered.insert(events.highest, id);
        }
        Ok(events.highest)
    }

    async fn told_after(&self, after: u64, limit: usize) -> Result<Vec<Told>> {
        let state = self.state();
        let events = &state.events;
        let rest = (Bound::Excluded(after), Bound::Unbounded);
        let rest = events.numbered.range(rest).take(limit);
        let told = rest.filter_map(|(number, id)| {
            let ScopedEvent { event, scope } = events.log.get(id)?.clone();
            Some(Told {
                number: *number,
                event,
                scope,
            })
        });
        Ok(told.collect())
    }

    async fn event_number(&self, id: EventId) -> Result<Option<u64>> {
        let state = self.state();
        let mut numbered = state.events.numbered.iter();
        let found = numbered.find(|(_, other)| **other == id);
        Ok(found.map(|(number, _)| *number))
    }

    async fn number_before(&self, at: DateTime<Utc>) -> Result<u64> {
        let state = self.state();
        let events = &state.events;
        let mut numbered = events.numbered.iter();
        let first = numbered.find(|(_, id)| events.log.get(id).is_some_and(|it| it.event.at >= at));
        Ok(first.map_or(events.highest, |(number, _)| number - 1))
    }

    async fn forget_events(
        &self,
        before: DateTime<Utc>,
        through: u64,
        limit: usize,
    ) -> Result<u64> {
        let mut state = self.state();
        let events = &mut state.events;
        let old: Vec<(u64, EventId)> = events
            .numbered
            .range(..=through)
            .map(|(number, id)| (*number, *id))
            .filter(|(_, id)| events.log.get(id).is_some_and(|it| it.event.at < before))
            .take(limit)
            .collect();
        for (number, id) in &old {
            events.numbered.remove(number);
            events.log.remove(id);
        }
        Ok(old.len() as u64)
    }

    fn tellings(&self) -> ChangeSignal {
        let state = self.state();
        Box::pin(WatchStream::from_changes(state.events.tellings.subscribe()))
    }
}

#[async_trait]
impl HandlerStore for MemStore {
    async fn keep_place(&self, name: &str, begin: u64, now: DateTime<Utc>) -> Result<()> {
        let mut state = self.state();
        let handlers = &mut state.events.handlers;
        let handler = handlers.entry(name.to_owned()).or_insert_with(|| Handler {
            number: begin,
            ..Handler::default()
        });
        handler.seen_at = now;
        Ok(())
    }

    async fn claim_handler(
        &self,
        name: &str,
        holder: &str,
        begin: u64,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedHandler>> {
        let mut state = self.state();
        let handlers = &mut state.events.handlers;
        let handler = handlers.entry(name.to_owned()).or_insert_with(|| Handler {
            number: begin,
            ..Handler::default()
        });
        let is_held = handler.lease_until.is_some_and(|until| until > now);
        if is_held && handler.holder.as_deref() != Some(holder) {
            return Ok(None);
        }
        handler.fence += 1;
        handler.holder = Some(holder.to_owned());
        handler.live(lease, now);
        Ok(Some(ClaimedHandler {
            fence: handler.fence,
            number: handler.number,
            failing: handler.failing.clone(),
        }))
    }

    async fn advance_handler(
        &self,
        name: &str,
        fence: u64,
        number: u64,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        let handler = state.held_handler(name, fence)?;
        if handler.number != number {
            handler.failing = None;
        }
        handler.number = number;
        handler.live(lease, now);
        Ok(())
    }

    async fn note_fault(
        &self,
        name: &str,
        fence: u64,
        fault: &HandlerFault,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        let handler = state.held_handler(name, fence)?;
        handler.failing = Some(fault.clone());
        handler.live(lease, now);
        Ok(())
    }

    async fn pass_over(
        &self,
        name: &str,
        fence: u64,
        number: u64,
        fault: &HandlerFault,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut state = self.state();
        let handler = state.held_handler(name, fence)?;
        handler.number = number;
        handler.failing = None;
        handler.passed_over.push_front(fault.clone());
        handler.passed_over.truncate(PASSED_OVER_KEPT);
        handler.live(lease, now);
        Ok(())
    }

    async fn release_handler(&self, name: &str, fence: u64) -> Result<()> {
        let mut state = self.state();
        let handler = state.held_handler(name, fence)?;
        handler.holder = None;
        handler.lease_until = None;
        Ok(())
    }

    async fn rewind_handler(&self, name: &str, number: u64) -> Result<()> {
        let mut state = self.state();
        let handler = state.events.handlers.get_mut(name);
        let handler = handler.ok_or_else(|| not_found("handler", name))?;
        handler.number = number;
        handler.failing = None;
        handler.fence += 1;
        handler.holder = None;
        handler.lease_until = None;
        Ok(())
    }

    async fn forget_handlers(&self, before: DateTime<Utc>) -> Result<u64> {
        let mut state = self.state();
        let handlers = &mut state.events.handlers;
        let count = handlers.len();
        handlers.retain(|_, handler| handler.seen_at >= before);
        Ok((count - handlers.len()) as u64)
    }

    async fn handlers(&self) -> Result<Vec<HandlerState>> {
        let state = self.state();
        let handlers = state.events.handlers.iter();
        let handlers = handlers.map(|(name, it)| HandlerState {
            name: name.clone(),
            number: it.number,
            holder: it.holder.clone(),
            lease_until: it.lease_until,
            failing: it.failing.clone(),
            passed_over: it.passed_over.iter().cloned().collect(),
        });
        Ok(handlers.collect())
    }
}

impl Handler {
    /// A sign of life.
    fn live(&mut self, lease: Duration, now: DateTime<Utc>) {
        self.lease_until = Some(now + lease);
        self.seen_at = now;
    }
}

impl State {
    fn held_handler(&mut self, name: &str, fence: u64) -> Result<&mut Handler> {
        let handler = self.events.handlers.get_mut(name);
        let handler = handler.ok_or_else(|| not_found("handler", name))?;
        match handler.fence == fence {
            true => Ok(handler),
            false => Err(Error::new(
                &codes::LEASE_LOST,
                format!("the handler `{name}` is in other hands"),
            )),
        }
    }
}
