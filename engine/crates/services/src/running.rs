//! The services while the engine runs: what they take in before the first call, what goes on beside calls, and
//! their end.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use inkstone_domain::Result;
use inkstone_domain::engine::EngineRole;
use inkstone_domain::principal::Principal;
use tokio::time::Instant;

use crate::calendar::PlannedPublications;
use crate::content::Agenda;
use crate::events::EventHandler;
use crate::notifications::Notices;
use crate::search::SearchAlerts;
use crate::webhooks::FanOut;
use crate::{ApiKeys, Keys, Services};

/// What the ledger gets even where the grace period is used up.
const LAST_WRITES: Duration = Duration::from_secs(1);
/// Events, and the places of handlers that nobody runs, are kept for a day at least.
const KEEP_PLACES_EVERY: Duration = Duration::from_secs(600);

/// Where a part of what goes on beside calls runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is about what this engine has in its own memory.
    Everywhere,
    /// Once is enough, whoever does it; engines that only answer callers leave it to others.
    Worker,
}

impl Place {
    fn is_in(self, role: EngineRole) -> bool {
        self == Self::Everywhere || role.works()
    }
}

type Work = fn(Arc<Services>) -> BoxFuture<'static, ()>;

/// All that goes on beside calls, and where: the one place that says so, with [`HANDLERS`]. Workers of jobs are the last of it.
/// The search index is followed everywhere, too (`wire.rs`): each engine has one of its own.
const PARTS: &[(&str, Place, Work)] = &[
    (
        "events get numbers, and are told to feeds",
        Place::Everywhere,
        |it| Arc::clone(&it.events).keep_numbered().boxed(),
    ),
    (
        "handlers of events keep their places",
        Place::Everywhere,
        |it| it.keep_handlers().boxed(),
    ),
    ("other engines are heard", Place::Everywhere, |it| {
        it.hear_others().boxed()
    }),
    (
        "what was changed without us, or is owed, is read anew",
        Place::Everywhere,
        |it| it.keep_up().boxed(),
    ),
    ("shared limits are settled", Place::Everywhere, |it| {
        Arc::clone(&it.limits)
            .settle_shared(it.stop.clone())
            .boxed()
    }),
    ("plugins are watched", Place::Everywhere, |it| {
        let tasks = it.workers.clone();
        Arc::clone(&it.plugins)
            .watch(tasks, it.stop.clone())
            .boxed()
    }),
    (
        "deployments that rest are looked at",
        Place::Everywhere,
        |it| Arc::clone(&it.chat).probe(it.stop.clone()).boxed(),
    ),
    ("kept answers are forgotten", Place::Worker, |it| {
        Arc::clone(&it.chat).forget(it.stop.clone()).boxed()
    }),
    ("the trash of articles is emptied", Place::Worker, |it| {
        Arc::clone(&it.articles)
            .keep_trash_empty(it.stop.clone())
            .boxed()
    }),
    ("files are tidied", Place::Worker, |it| {
        Arc::clone(&it.media).keep_tidy(it.stop.clone()).boxed()
    }),
    ("files of imports are tidied", Place::Everywhere, |it| {
        Arc::clone(&it.transfers).keep_tidy(it.stop.clone()).boxed()
    }),
    ("old imports are forgotten", Place::Worker, |it| {
        Arc::clone(&it.transfers)
            .forget_old(it.stop.clone())
            .boxed()
    }),
    ("sign-ins that ran out are dropped", Place::Worker, |it| {
        Arc::clone(&it.auth).keep_tidy(it.stop.clone()).boxed()
    }),
    (
        "accounts that nobody verifies are removed",
        Place::Worker,
        |it| Arc::clone(&it.signup).keep_tidy(it.stop.clone()).boxed(),
    ),
    ("old jobs are forgotten", Place::Worker, |it| {
        Arc::clone(&it.jobs).forget_old(it.stop.clone()).boxed()
    }),
    ("webhooks: deliveries", Place::Worker, |it| {
        Arc::clone(&it.webhooks).deliver(it.stop.clone()).boxed()
    }),
    ("publications: what is due", Place::Worker, |it| {
        Arc::clone(&it.publications)
            .keep_publishing(it.stop.clone())
            .boxed()
    }),
    ("schedules are run", Place::Worker, |it| {
        Arc::clone(&it.schedules)
            .keep_running(it.stop.clone())
            .boxed()
    }),
    ("notifications: digests", Place::Worker, |it| {
        Arc::clone(&it.notifications)
            .keep_telling(it.stop.clone())
            .boxed()
    }),
    ("plugins hear what they subscribe to", Place::Worker, |it| {
        Arc::clone(&it.subscribers)
            .keep(it.workers.clone(), it.stop.clone())
            .boxed()
    }),
    ("texts are embedded", Place::Worker, |it| {
        Arc::clone(&it.embeddings).keep().boxed()
    }),
];

type Handler = fn(&Services) -> Arc<dyn EventHandler>;

/// The engine's own handlers of events. Workers run them; but engines of every role make their places in the log, so
/// that what happens before there is a worker waits for it.
const HANDLERS: &[(&str, Handler)] = &[
    ("webhooks: what concerns whom", |it| {
        Arc::new(FanOut(Arc::clone(&it.webhooks)))
    }),
    ("publications: what is scheduled", |it| {
        Arc::new(Agenda(Arc::clone(&it.publications)))
    }),
    ("plans: articles that are to be published", |it| {
        Arc::new(PlannedPublications(Arc::clone(&it.calendar)))
    }),
    ("notifications: what concerns whom", |it| {
        Arc::new(Notices(Arc::clone(&it.notifications)))
    }),
    ("saved searches tell of what is new", |it| {
        Arc::new(SearchAlerts {
            search: Arc::clone(&it.search),
            notifications: Arc::clone(&it.notifications),
        })
    }),
];

impl Services {
    /// Takes in what the store and the journal hold: for the start, before any call.
    pub async fn load(&self) -> Result<()> {
        let left_over = self.journal.left_over();
        if !left_over.is_empty() {
            tracing::info!(
                records = left_over.len(),
                "usage of an engine that was cut off is brought to the ledger"
            );
            self.ledger.append(&left_over).await?;
        }
        self.keep_places().await?;
        self.load_limits().await?;
        self.auth.load_ended().await?;
        self.keys.load().await?;
        self.api_keys.load().await?;
        self.transfers.recover().await?;
        self.chat.recover().await
    }

    /// Whom a token stands for: one of a sign-in, of a virtual key, or of an API key.
    pub fn authenticate(&self, token: &str) -> Result<Principal> {
        if Keys::is_token(token) {
            return self.keys.authenticate(token);
        }
        match ApiKeys::is_token(token) {
            true => self.api_keys.authenticate(token),
            false => self.auth.authenticate(token),
        }
    }

    /// Starts what goes on beside calls in an engine of this role, with up to `jobs` jobs at a time, until
    /// [`Services::shutdown`].
    pub fn start(self: &Arc<Self>, role: EngineRole, jobs: usize) {
        for (part, place, work) in PARTS {
            if place.is_in(role) {
                tracing::debug!(part, "begins");
                self.workers.spawn(work(Arc::clone(self)));
            }
        }
        if Place::Worker.is_in(role) {
            for (part, handler) in HANDLERS {
                tracing::debug!(part, "begins");
                let events = Arc::clone(&self.events);
                self.workers.spawn(events.run_handler(handler(self)));
            }
            self.start_workers(jobs);
        }
    }

    /// The engine's own handlers have their places, from now on at the latest.
    async fn keep_places(&self) -> Result<()> {
        let handlers: Vec<_> = HANDLERS.iter().map(|(_, handler)| handler(self)).collect();
        self.events.keep_places(&handlers).await
    }

    /// Where no worker runs them, either: so nothing that waits for them is forgotten.
    async fn keep_handlers(self: Arc<Self>) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(KEEP_PLACES_EVERY) => {}
            }
            if let Err(error) = self.keep_places().await {
                tracing::warn!(
                    ?error,
                    "the places of handlers could not be kept; it is tried again"
                );
            }
        }
    }

    /// Starts nothing but workers that do up to `count` queued jobs at a time, until [`Services::shutdown`].
    pub fn start_workers(&self, count: usize) {
        let worker = Arc::clone(&self.worker);
        let stop = self.stop.clone();
        self.workers
            .spawn(async move { worker.run(count, stop).await });
    }

    /// Turns unready, stops the workers (running jobs go back to the queue at their last checkpoint),
    /// lets running calls end within `grace`, and writes out the usage. Returns whether all ended in time.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        self.health.drain();
        self.stop.cancel();
        self.workers.close();
        self.calls.close();
        let workers = tokio::time::timeout_at(deadline, self.workers.wait()).await;
        let calls = tokio::time::timeout_at(deadline, self.calls.wait()).await;
        let left = deadline.saturating_duration_since(Instant::now());
        let usage = self.recorder.shutdown(left.max(LAST_WRITES)).await;
        let is_whole = workers.is_ok() && calls.is_ok() && usage;
        if !is_whole {
            tracing::warn!(
                workers = self.workers.len(),
                calls = self.calls.len(),
                usage_written = usage,
                "the grace period ended before the work did"
            );
        }
        is_whole
    }
}
