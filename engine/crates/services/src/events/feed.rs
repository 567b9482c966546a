//! Events for one who follows: from a place in the log on, what they ask for and may hear.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::Stream;
use inkstone_domain::event::{EventKind, Told};
use inkstone_domain::ids::EventId;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use tokio::sync::watch;

use super::{BATCH, Events, reach};

/// Which events. All that are given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedFilter {
    /// Empty for all types.
    pub kinds: Vec<EventKind>,
    /// Slug of the project.
    pub project: Option<String>,
}

/// Where a feed begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// With what happens from now on.
    Now,
    /// After this event.
    After(EventId),
    /// With what was told at that instant.
    Since(DateTime<Utc>),
}

/// Where a feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedEnd {
    /// With the engine.
    Never,
    /// With what has happened when it begins.
    Present,
}

/// Each event at least once, those of one thing in their order. An error is its end.
pub type Feed = Pin<Box<dyn Stream<Item = Result<Arc<Told>>> + Send>>;

struct Follower {
    events: Arc<Events>,
    principal: Principal,
    filter: FeedFilter,
    /// All up to here was looked at.
    number: u64,
    /// `None` for ever.
    until: Option<u64>,
    found: VecDeque<Arc<Told>>,
    heads: watch::Receiver<u64>,
}

impl FeedFilter {
    fn takes(&self, told: &Told) -> bool {
        let kind = told.event.body.kind();
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&kind);
        is_kind && (self.project.is_none() || self.project == told.scope.project)
    }
}

impl Events {
    /// What happens, as far as they may hear of it. `not_found` where the event that a feed is to go on
    /// after is not kept any more: then they must read anew what they hold, and begin now.
    pub async fn feed(
        self: &Arc<Self>,
        principal: &Principal,
        filter: FeedFilter,
        beginning: Beginning,
        end: FeedEnd,
    ) -> Result<Feed> {
        // What was acknowledged before this call is before the feed, or in it.
        while self.number().await? {}
        let heads = self.tail.heads();
        let highest = *heads.borrow();
        let number = match beginning {
            Beginning::Now => highest,
            Beginning::After(id) => {
                let number = self.log.event_number(id).await?;
                number.ok_or_else(|| forgotten(id))?
            }
            Beginning::Since(at) => self.log.number_before(at).await?,
        };
        let follower = Follower {
            events: Arc::clone(self),
            principal: principal.clone(),
            filter,
            number,
            until: (end == FeedEnd::Present).then_some(highest),
            found: VecDeque::new(),
            heads,
        };
        Ok(Box::pin(futures::stream::try_unfold(
            follower,
            Follower::step,
        )))
    }

    /// What follows a number: from memory where it is there, else from the store.
    pub(super) async fn after(&self, number: u64) -> Result<Vec<Arc<Told>>> {
        if let Some(newest) = self.tail.after(number, BATCH) {
            return Ok(newest);
        }
        let told = self.log.told_after(number, BATCH).await?;
        Ok(told.into_iter().map(Arc::new).collect())
    }
}

impl Follower {
    async fn step(mut self) -> Result<Option<(Arc<Told>, Self)>> {
        loop {
            if let Some(told) = self.found.pop_front() {
                return Ok(Some((told, self)));
            }
            self.heads.mark_unchanged();
            let batch = self.events.after(self.number).await?;
            for told in &batch {
                self.look_at(told).await?;
            }
            let is_over = self.until.is_some_and(|until| self.number >= until);
            if !self.found.is_empty() || (!batch.is_empty() && !is_over) {
                continue;
            }
            if self.until.is_some() {
                return Ok(None);
            }
            tokio::select! {
                () = self.events.stop.cancelled() => return Ok(None),
                changed = self.heads.changed() => {
                    if changed.is_err() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn look_at(&mut self, told: &Arc<Told>) -> Result<()> {
        if self.until.is_some_and(|until| told.number > until) {
            self.number = told.number;
            return Ok(());
        }
        if self.filter.takes(told)
            && reach::may_hear(&self.events.access, &self.principal, told).await?
        {
            self.found.push_back(Arc::clone(told));
        }
        self.number = told.number;
        Ok(())
    }
}

fn forgotten(id: EventId) -> Error {
    Error::new(
        &codes::NOT_FOUND,
        format!(
            "the event `{id}` is not kept, or not any more; read anew what you hold, and follow without `after`"
        ),
    )
}
