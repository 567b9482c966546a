//! What happens in a job, as it happens, for watchers in the same process. Bounded, and never waited
//! for by the worker: the store remains the truth, and watchers look there when in doubt.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{Stream, stream};
use inkstone_domain::Result;
use inkstone_domain::ids::JobId;
use inkstone_domain::job::{Job, Progress};
use inkstone_domain::ports::JobStore;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;

use super::{JobUpdate, not_found};

/// Pieces a watcher may lag behind before it misses some.
const WAITING_ITEMS: usize = 256;

#[derive(Debug, Clone)]
enum Item {
    Progress(Progress),
    Text(String),
    /// Look at the store.
    Changed,
}

/// The feeds of all jobs that somebody runs or watches here.
#[derive(Clone, Default)]
pub(super) struct Feeds(Arc<Mutex<HashMap<JobId, Entry>>>);

struct Entry {
    sender: Sender<Item>,
    nudge: Arc<Notify>,
    /// Of the run in this process, if there is one.
    progress: Option<Progress>,
    /// Workers and watchers; the entry goes with the last of them.
    holders: usize,
}

impl Feeds {
    /// For the worker that has claimed the job.
    pub(super) fn open(&self, id: JobId, progress: Progress) -> Feed {
        let held = self.hold(id);
        if let Some(entry) = self.entries().get_mut(&id) {
            entry.progress = Some(progress);
        }
        let feed = Feed { held };
        feed.changed();
        feed
    }

    /// For a watcher.
    pub(super) fn listen(&self, id: JobId) -> Listener {
        let held = self.hold(id);
        Listener {
            receiver: held.sender.subscribe(),
            held,
        }
    }

    /// Makes the worker look for a cancel now, and watchers at the store.
    pub(super) fn nudge(&self, id: JobId) {
        if let Some(entry) = self.entries().get(&id) {
            entry.nudge.notify_one();
            // An error only says that nobody watches.
            let _ = entry.sender.send(Item::Changed);
        }
    }

    /// How far the run in this process is, if there is one.
    pub(super) fn progress(&self, id: JobId) -> Option<Progress> {
        self.entries().get(&id)?.progress.clone()
    }

    fn hold(&self, id: JobId) -> Held {
        let mut entries = self.entries();
        let entry = entries.entry(id).or_insert_with(|| Entry {
            sender: broadcast::channel(WAITING_ITEMS).0,
            nudge: Arc::new(Notify::new()),
            progress: None,
            holders: 0,
        });
        entry.holders += 1;
        Held {
            feeds: self.clone(),
            id,
            sender: entry.sender.clone(),
            nudge: Arc::clone(&entry.nudge),
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<JobId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Held {
    feeds: Feeds,
    id: JobId,
    sender: Sender<Item>,
    nudge: Arc<Notify>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut entries = self.feeds.entries();
        if let Some(entry) = entries.get_mut(&self.id) {
            entry.holders -= 1;
            if entry.holders == 0 {
                entries.remove(&self.id);
            }
        }
    }
}

/// The worker's end.
pub(super) struct Feed {
    held: Held,
}

impl Feed {
    pub(super) fn progress(&self, progress: Progress) {
        if let Some(entry) = self.held.feeds.entries().get_mut(&self.held.id) {
            entry.progress = Some(progress.clone());
        }
        self.send(Item::Progress(progress));
    }

    pub(super) fn text(&self, text: String) {
        self.send(Item::Text(text));
    }

    /// How far it is by now.
    pub(super) fn latest_progress(&self) -> Progress {
        self.held.feeds.progress(self.held.id).unwrap_or_default()
    }

    /// Returns when somebody wants the worker to look at the store.
    pub(super) async fn nudged(&self) {
        self.held.nudge.notified().await;
    }

    fn changed(&self) {
        self.send(Item::Changed);
    }

    fn send(&self, item: Item) {
        // An error only says that nobody watches.
        let _ = self.held.sender.send(item);
    }
}

impl Drop for Feed {
    /// The run has ended here, one way or the other: it is in the store how.
    fn drop(&mut self) {
        if let Some(entry) = self.held.feeds.entries().get_mut(&self.held.id) {
            entry.progress = None;
        }
        self.changed();
    }
}

/// A watcher's end.
pub(super) struct Listener {
    receiver: Receiver<Item>,
    held: Held,
}

struct Watch {
    store: Arc<dyn JobStore>,
    listener: Listener,
    poll_interval: Duration,
    stop: CancellationToken,
    /// As last shown.
    job: Job,
    pending: VecDeque<JobUpdate>,
    has_ended: bool,
}

/// The updates of a job from `job` on, to its end or to `stop`.
pub(super) fn follow(
    store: Arc<dyn JobStore>,
    listener: Listener,
    job: Job,
    poll_interval: Duration,
    stop: CancellationToken,
) -> impl Stream<Item = Result<JobUpdate>> + Send {
    let mut watch = Watch {
        store,
        listener,
        poll_interval,
        stop,
        pending: VecDeque::from([JobUpdate::Snapshot(job.clone())]),
        has_ended: false,
        job,
    };
    if watch.job.status.is_final() {
        watch.end();
    }
    stream::unfold(watch, |mut watch| async {
        let update = watch.next().await?;
        Some((update, watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Option<Result<JobUpdate>> {
        loop {
            if let Some(update) = self.pending.pop_front() {
                return Some(Ok(update));
            }
            if self.has_ended {
                return None;
            }
            let listen = tokio::time::timeout(self.poll_interval, self.listener.receiver.recv());
            let heard = self.stop.run_until_cancelled(listen).await?;
            let looked = match heard {
                Ok(Ok(Item::Text(text))) => return Some(Ok(JobUpdate::Text(text))),
                Ok(Ok(Item::Progress(progress))) => {
                    self.job.progress = progress.clone();
                    return Some(Ok(JobUpdate::Progress(progress)));
                }
                Ok(Ok(Item::Changed)) | Err(_) => self.look(false).await,
                Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => self.look(true).await,
            };
            match looked {
                Ok(()) => {}
                // The next look may find the store well again.
                Err(error) if error.is_transient() => {
                    tokio::time::sleep(self.poll_interval).await;
                }
                Err(error) => {
                    self.has_ended = true;
                    return Some(Err(error));
                }
            }
        }
    }

    async fn look(&mut self, has_missed: bool) -> Result<()> {
        let id = self.job.id;
        let mut now: Job = self.store.job(id).await?.ok_or_else(|| not_found(id))?;
        if now.status.is_final() {
            self.job = now;
            self.end();
            return Ok(());
        }
        let live = self.listener.held.feeds.progress(id);
        let runs_here = live.is_some();
        if let Some(progress) = live {
            now.progress = progress;
        }
        let has_turned = now.status != self.job.status
            || now.attempts != self.job.attempts
            || now.cancel_requested != self.job.cancel_requested;
        if has_missed || has_turned {
            self.pending.push_back(JobUpdate::Snapshot(now.clone()));
        } else if !runs_here && now.progress != self.job.progress {
            self.pending
                .push_back(JobUpdate::Progress(now.progress.clone()));
        }
        self.job = now;
        Ok(())
    }

    /// Everything was said before the end was stored, so it is here by now, and comes first.
    fn end(&mut self) {
        self.has_ended = true;
        loop {
            match self.listener.receiver.try_recv() {
                Ok(Item::Text(text)) => self.pending.push_back(JobUpdate::Text(text)),
                Ok(Item::Progress(progress)) => {
                    self.pending.push_back(JobUpdate::Progress(progress));
                }
                Ok(Item::Changed) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.pending.push_back(JobUpdate::Ended(self.job.clone()));
    }
}
