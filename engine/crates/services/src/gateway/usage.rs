//! Writes usage to the ledger behind the calls' backs: a line in the journal at once, which outlives
//! the process, then a bounded channel, one task, batches. What a call cost is worked out in `settlement`.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, Utc};
use inkstone_domain::ports::{Clock, UsageJournal, UsageLedger};
use inkstone_domain::usage::UsageRecord;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

const WAITING_RECORDS: usize = 4_096;
const BATCH: usize = 2_048;
/// What comes while a batch cannot be written is tried with it, up to so many.
const LARGEST_BATCH: usize = 8 * BATCH;

/// Takes usage records at any time, also from a drop, and brings them to the ledger.
#[derive(Clone)]
pub struct UsageRecorder {
    sender: Sender<UsageRecord>,
    journal: Arc<dyn UsageJournal>,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    calls: TaskTracker,
    writer: TaskTracker,
    stop: CancellationToken,
}

impl UsageRecorder {
    /// Starts the writing task, within a tokio runtime. Every call under way is counted on `calls`. A batch
    /// waits for `linger` for more to come: what a batch costs beside its records is most of what it costs.
    pub fn start(
        ledger: Arc<dyn UsageLedger>,
        journal: Arc<dyn UsageJournal>,
        clock: Arc<dyn Clock>,
        calls: TaskTracker,
        linger: Duration,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_RECORDS);
        let stop = CancellationToken::new();
        let writer = TaskTracker::new();
        writer.spawn(write(
            ledger,
            Arc::clone(&journal),
            receiver,
            linger,
            stop.clone(),
        ));
        writer.close();
        Self {
            sender,
            journal,
            clock,
            runtime: Handle::current(),
            calls,
            writer,
            stop,
        }
    }

    /// Writes what is left and ends; returns whether that was done within `grace`. For the end of a
    /// shutdown, when no call is under way any more: what comes later is lost, and logged.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.stop.cancel();
        tokio::time::timeout(grace, self.writer.wait())
            .await
            .is_ok()
    }

    /// Runs a call that does not end with its caller. A shutdown waits for it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.calls.spawn_on(work, &self.runtime);
    }

    /// Held by a call as long as it is under way.
    pub(crate) fn call_token(&self) -> TaskTrackerToken {
        self.calls.token()
    }

    /// Never blocks and never fails. Where the channel is full, a tracked task waits in line: no
    /// more of them than calls end at that moment.
    pub(crate) fn record(&self, record: UsageRecord) {
        self.journal.note(&record);
        match self.sender.try_send(record) {
            Ok(()) => {}
            Err(TrySendError::Full(record)) => {
                let sender = self.sender.clone();
                let wait_in_line = async move {
                    if let Err(lost) = sender.send(record).await {
                        lose(&[lost.0], "the recorder has stopped");
                    }
                };
                self.calls.spawn_on(wait_in_line, &self.runtime);
            }
            Err(TrySendError::Closed(record)) => lose(&[record], "the recorder has stopped"),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

async fn write(
    ledger: Arc<dyn UsageLedger>,
    journal: Arc<dyn UsageJournal>,
    mut receiver: Receiver<UsageRecord>,
    linger: Duration,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        // Biased towards the channel, so that a stop finds it empty; closed, it drains and ends.
        let taken = tokio::select! {
            biased;
            taken = receiver.recv_many(&mut batch, BATCH) => taken,
            () = stop.cancelled(), if !receiver.is_closed() => {
                receiver.close();
                continue;
            }
        };
        if taken == 0 {
            return;
        }
        let more = gather(&mut receiver, &mut batch);
        let _ = stop
            .run_until_cancelled(tokio::time::timeout(linger, more))
            .await;
        // The journal counts in the order of the records: what cannot be written is not passed over.
        while !append(ledger.as_ref(), &batch).await {
            if stop.is_cancelled() {
                return lose(
                    &batch,
                    "the engine stops; the journal has it for the next start",
                );
            }
            // Those that can be written do not wait for one that cannot.
            while batch.len() < LARGEST_BATCH
                && let Ok(record) = receiver.try_recv()
            {
                batch.push(record);
            }
        }
        journal.settled(batch.len());
        batch.clear();
    }
}

/// Takes what comes until the batch is full, or nothing will come any more.
async fn gather(receiver: &mut Receiver<UsageRecord>, batch: &mut Vec<UsageRecord>) {
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        if receiver.recv_many(batch, room).await == 0 {
            return;
        }
    }
}

/// Whether they are in the ledger; where they are not, the journal still has them.
async fn append(ledger: &dyn UsageLedger, batch: &[UsageRecord]) -> bool {
    let patience = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_times(6)
        .with_jitter();
    let written = (|| ledger.append(batch)).retry(patience).await;
    if let Err(error) = written {
        tracing::warn!(
            ?error,
            records = batch.len(),
            "the ledger cannot be written; trying on"
        );
        return false;
    }
    true
}

fn lose(records: &[UsageRecord], why: &str) {
    metrics::counter!("inkstone_usage_lost_total")
        .increment(u64::try_from(records.len()).unwrap_or(u64::MAX));
    tracing::error!(
        records = records.len(),
        output_tokens = records.iter().map(|r| r.usage.output_tokens).sum::<u64>(),
        why,
        "usage could not be written to the ledger"
    );
}
