//! What happened, in order, and how far each of those who follow has come.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ChangeSignal;
use crate::Result;
use crate::event::{Event, ScopedEvent, Told};
use crate::ids::EventId;

/// The log of events. They are written by the changes they tell of, within their transactions, by the
/// stores of what changes; the documentation of a change does not repeat it. Only afterwards they are
/// given numbers, one after the other, by whoever comes first: so a reader that goes by numbers misses
/// nothing, whatever was committed late, and however many engines write.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Oldest first, after `after`, numbered or not. A cursor alone misses what is committed late.
    async fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<Event>>;
    /// Writes what has no transaction of its own to be written in.
    async fn append_event(&self, event: &ScopedEvent) -> Result<()>;
    /// Gives numbers to up to `limit` events that have none, in the order they were written in, and
    /// returns the highest number there is. Any number of callers at once number each event once.
    async fn number_events(&self, limit: usize) -> Result<u64>;
    /// The numbered ones after `after`, by number, at most `limit`.
    async fn told_after(&self, after: u64, limit: usize) -> Result<Vec<Told>>;
    /// `None` where there is no such event, or it is forgotten, or has no number yet.
    async fn event_number(&self, id: EventId) -> Result<Option<u64>>;
    /// The highest number before the first event that was told at that instant or later.
    async fn number_before(&self, at: DateTime<Utc>) -> Result<u64>;
    /// Forgets up to `limit` events that were told before that instant and are numbered up to
    /// `through`, oldest first. How many.
    async fn forget_events(&self, before: DateTime<Utc>, through: u64, limit: usize)
    -> Result<u64>;
    /// Nudges on events written through this very store object.
    fn tellings(&self) -> ChangeSignal;
}

/// A handler in the hands of an engine. Its fence rises with every claim and every rewinding: what carries
/// an old one is refused with `lease_lost`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedHandler {
    pub fence: u64,
    /// Of the last event that it has handled.
    pub number: u64,
    /// What is known of the event it stands at, where that could not be handled.
    pub failing: Option<HandlerFault>,
}

/// An event that a handler could not handle, and what was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerFault {
    pub event: EventId,
    /// Its type.
    pub kind: String,
    /// The first try.
    pub since: DateTime<Utc>,
    /// The last one.
    pub at: DateTime<Utc>,
    pub tries: u32,
    /// Tries that failed with a fault that will not pass by itself.
    pub lasting: u32,
    /// Why, at last: a name of `codes.rs`, and the words for it.
    pub code: String,
    pub message: String,
}

/// How many of the events that it passed over are kept with a handler, the newest.
pub const PASSED_OVER_KEPT: usize = 20;

/// How far a handler has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerState {
    pub name: String,
    pub number: u64,
    /// Who has it, and until when.
    pub holder: Option<String>,
    pub lease_until: Option<DateTime<Utc>>,
    /// The event it stands at, where that could not be handled yet.
    pub failing: Option<HandlerFault>,
    /// Those it went on without, newest first, at most [`PASSED_OVER_KEPT`].
    pub passed_over: Vec<HandlerFault>,
}

/// How far each handler of events has come.
#[async_trait]
pub trait HandlerStore: Send + Sync {
    /// A handler without a place gets one after the number `begin`, and what happens from then on waits for whoever
    /// claims it first. Where it has one this is a sign of life, whoever has it.
    async fn keep_place(&self, name: &str, begin: u64, now: DateTime<Utc>) -> Result<()>;
    /// Takes a handler that nobody has, or whose lease has passed at `now`, or that `holder` has already. A
    /// handler without a place begins after the number `begin`. `None` where somebody else has it.
    async fn claim_handler(
        &self,
        name: &str,
        holder: &str,
        begin: u64,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedHandler>>;
    /// It has handled all up to `number`, and is kept for longer. Where that is another number than before,
    /// what was noted of a fault is forgotten.
    async fn advance_handler(
        &self,
        name: &str,
        fence: u64,
        number: u64,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()>;
    /// It stands where it is, at an event that could not be handled.
    async fn note_fault(
        &self,
        name: &str,
        fence: u64,
        fault: &HandlerFault,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()>;
    /// It goes on without an event that could not be handled: all up to `number` is behind it.
    async fn pass_over(
        &self,
        name: &str,
        fence: u64,
        number: u64,
        fault: &HandlerFault,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Result<()>;
    /// Lets go of it, so that another engine may claim it at once.
    async fn release_handler(&self, name: &str, fence: u64) -> Result<()>;
    /// Handles all after `number` again, whoever has it; `not_found` where it has no place.
    async fn rewind_handler(&self, name: &str, number: u64) -> Result<()>;
    /// Forgets those of which nobody gave a sign of life since that instant. How many.
    async fn forget_handlers(&self, before: DateTime<Utc>) -> Result<u64>;
    /// By name.
    async fn handlers(&self) -> Result<Vec<HandlerState>>;
}
