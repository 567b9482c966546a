//! What happened, for those who follow: people and programs through feeds, the engine's own handlers
//! through `handlers`. Events are written by the stores, with the changes they tell of; here they get their
//! numbers, and whoever reads goes by these.

mod feed;
mod handlers;
mod reach;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use inkstone_domain::Result;
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::ports::{Clock, EngineBus, EventLog, HandlerState, HandlerStore, News};
use inkstone_domain::principal::Principal;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use self::feed::{Beginning, Feed, FeedEnd, FeedFilter};
pub use self::handlers::EventHandler;
pub(crate) use self::reach::{may_hear, may_tell};
use self::tail::Tail;
use crate::access::Access;
use crate::audit::Audit;
use crate::policy::{Act, check_open};
use crate::sweep::in_pieces;

/// Events that are numbered, read and handled at a time.
const BATCH: usize = 200;
/// Events that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: usize = 500;
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// Pause after a pass of numbering, so that a burst of events shares the next one, and with it the work of
/// all who follow.
const GATHER: Duration = Duration::from_millis(50);

/// How events are followed.
#[derive(Debug, Clone)]
pub struct EventsConfig {
    /// How often to look for events of other engines.
    pub poll_interval: Duration,
    /// How long events are kept; `None` is for ever. What a handler has not come to is kept longer.
    pub kept: Option<TimeDelta>,
    /// An engine that is silent for this long has lost its handlers to others.
    pub lease: Duration,
}

impl Default for EventsConfig {
    /// Half a second, 30 days, half a minute.
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_millis(500),
            kept: Some(TimeDelta::days(30)),
            lease: Duration::from_secs(30),
        }
    }
}

/// Where events and the places of those who follow are kept.
#[derive(Clone)]
pub struct EventPorts {
    pub log: Arc<dyn EventLog>,
    pub handlers: Arc<dyn HandlerStore>,
}

/// A handler, and how many events it has before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerStatus {
    pub state: HandlerState,
    pub behind: u64,
}

/// The log of events as it is followed.
pub struct Events {
    log: Arc<dyn EventLog>,
    handlers: Arc<dyn HandlerStore>,
    access: Arc<Access>,
    audit: Audit,
    bus: Arc<dyn EngineBus>,
    clock: Arc<dyn Clock>,
    config: EventsConfig,
    /// This process, in leases.
    holder: String,
    tail: Tail,
    /// Wakes handlers here that were rewound; those of other engines notice with their next sign of life.
    rewound: Notify,
    /// Another engine has numbered events.
    heard: Notify,
    stop: CancellationToken,
}

impl Events {
    /// After `stop` feeds end. Numbers are given by [`Events::keep_numbered`].
    pub fn new(
        ports: EventPorts,
        access: Arc<Access>,
        audit: Audit,
        bus: Arc<dyn EngineBus>,
        clock: Arc<dyn Clock>,
        config: EventsConfig,
        stop: CancellationToken,
    ) -> Self {
        Self {
            log: ports.log,
            handlers: ports.handlers,
            access,
            audit,
            bus,
            clock,
            config,
            holder: format!("engine-{}", ulid::Ulid::new()),
            tail: Tail::default(),
            rewound: Notify::new(),
            heard: Notify::new(),
            stop,
        }
    }

    /// Numbers events as they come, here or in other engines, and forgets those that were kept long
    /// enough, until the engine stops.
    pub async fn keep_numbered(self: Arc<Self>) {
        let mut tellings = self.log.tellings();
        let mut forgetting = tokio::time::interval(FORGET_EVERY);
        let mut was_told_here = false;
        loop {
            match self.number().await {
                Ok(true) => continue,
                Ok(false) => {
                    // Those of other engines were told by them.
                    if std::mem::take(&mut was_told_here) {
                        self.bus.tell(News::Events);
                    }
                    tokio::time::sleep(GATHER).await;
                }
                Err(error) => {
                    tracing::warn!(?error, "events could not be numbered; it is tried again");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                Some(()) = tellings.next() => was_told_here = true,
                () = self.heard.notified() => {}
                () = tokio::time::sleep(self.config.poll_interval) => {}
                _ = forgetting.tick() => {
                    if let Err(error) = self.forget().await {
                        tracing::warn!(?error, "old events could not be forgotten; it is tried again");
                    }
                }
            }
        }
    }

    /// There are events of another engine.
    pub(crate) fn look(&self) {
        self.heard.notify_one();
    }

    /// Numbers what has none and takes a step along the log; whether there may be more.
    pub async fn number(&self) -> Result<bool> {
        let highest = self.log.number_events(BATCH).await?;
        let Some(seen) = self.tail.highest() else {
            self.tail.begin(highest);
            return Ok(false);
        };
        if seen >= highest {
            return Ok(false);
        }
        let told = self.log.told_after(seen, BATCH).await?;
        let is_full = told.len() == BATCH;
        self.tail.push(told);
        Ok(is_full)
    }

    /// Forgets what was kept long enough and every handler has handled. How many. A plugin that nobody ran for
    /// as long as events are kept holds up nothing: it is forgotten with its place. The engine's own handlers are not.
    pub async fn forget(&self) -> Result<u64> {
        let Some(kept) = self.config.kept else {
            return Ok(0);
        };
        let before = self.clock.now() - kept;
        // A place that nobody kept for so long: its handler is switched off, or a plugin that is gone.
        let gone = self.handlers.forget_handlers(before).await?;
        if gone > 0 {
            tracing::info!(
                handlers = gone,
                "handlers of events that nobody runs are forgotten"
            );
        }
        let states = self.handlers.handlers().await?;
        let slowest = states.iter().map(|state| state.number).min();
        let through = slowest.unwrap_or(u64::MAX);
        let forget = |piece| self.log.forget_events(before, through, piece);
        in_pieces(FORGOTTEN_AT_ONCE, &self.stop, forget).await
    }

    /// How far the handlers are, those of plugins among them. For admins.
    pub async fn handler_states(&self, principal: &Principal) -> Result<Vec<HandlerStatus>> {
        check_admin(principal)?;
        let highest = self.log.number_events(BATCH).await?;
        let states = self.handlers.handlers().await?;
        let states = states.into_iter().map(|state| HandlerStatus {
            behind: highest.saturating_sub(state.number),
            state,
        });
        Ok(states.collect())
    }

    /// Lets a handler handle all events again that were told at that instant or later. For admins;
    /// `not_found` where no engine ever had such a handler.
    pub async fn replay(
        &self,
        principal: &Principal,
        handler: &str,
        since: DateTime<Utc>,
    ) -> Result<()> {
        check_admin(principal)?;
        let (now, subject) = (self.clock.now(), format!("handler:{handler}"));
        let record = AuditRecord::by(principal, now, actions::EVENTS_REPLAYED, subject)
            .with_detail(format!("since {}", since.to_rfc3339()));
        let rewound = async {
            let number = self.log.number_before(since).await?;
            self.handlers.rewind_handler(handler, number).await
        };
        self.audit.around(record, rewound).await?;
        self.rewound.notify_waiters();
        Ok(())
    }
}

fn check_admin(principal: &Principal) -> Result<()> {
    let why = "how events are handled is for admins; this needs the role `admin`";
    check_open(principal, Act::ReadAudit, why)
}
