//! Flushing an embedded database on disk, by closing it and opening it again. SurrealKV (0.21) flushes by itself where its
//! memtable is full: but the transaction that finds it full, and those beside it, are in the log of the old table and in the
//! memory of the new one, and that log is deleted once the old table is on disk. A kill after that loses them. Closing
//! flushes in order. So the table is made too large to be full, and the log is watched: when so much is in it, all
//! statements wait for the moment that closing and opening take.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::connection::{Shared, StoreConfig};
use crate::database::Database;
use crate::file_lock;

/// The database tells nobody how full it is.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// So long new statements wait for those that run.
const QUIET_DEADLINE: Duration = Duration::from_millis(500);
/// A statement that takes longer, such as one that reads all of a table, has the others wait a fifth of the time at most.
const QUIET_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// A statement that takes longer has failed.
const PRESSING_DEADLINE: Duration = Duration::from_secs(60);
const CLOSE_DEADLINE: Duration = Duration::from_secs(60);
/// What kept it from being opened may pass, such as a disk that is full.
const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(1);
pub(crate) const MIB: u64 = 1024 * 1024;
/// Times what is flushed at once: what is written until the log is looked at and statements have ended, what rows take
/// more in memory than in the log, and a transaction of any size that a request may have. Room that is not used is
/// addresses, not memory.
const HEADROOM: u64 = 16;
const SMALLEST_MEMTABLE: u64 = 256 * MIB;
/// Rows of a log in memory: each takes up to 192 bytes beside its key and its value.
const LEFT_IN_MEMORY: u64 = 4;
/// Times what is flushed at once: with so much in the log, statements wait for those that run as long as it takes.
const PRESSING: u64 = 4;
/// Its places are numbers of 32 bits.
const LARGEST_MEMTABLE: u64 = 4_000 * MIB;

/// What the log of a database has in it.
#[derive(Default)]
struct Log {
    bytes: u64,
    /// The file that is written to.
    newest: Option<PathBuf>,
}

impl Log {
    fn of(directory: &Path) -> Self {
        let files = std::fs::read_dir(directory.join("wal"));
        let mut log = Self::default();
        for file in files.into_iter().flatten().flatten() {
            if file.path().extension() != Some("wal".as_ref()) {
                continue;
            }
            log.bytes += file.metadata().map_or(0, |file| file.len());
            log.newest = log.newest.max(Some(file.path()));
        }
        log
    }
}

/// Whether an engine that was killed left a log, which may end in half a record. SurrealKV goes on with it all the same:
/// behind the half record, or in a file that it has replaced by a whole one. The next start finds none of that.
pub(crate) fn is_log_left(config: &StoreConfig) -> bool {
    left_bytes(config) > 0
}

/// A repair of the log that was killed leaves copies of its records, which may end in half a record as well: the next would
/// write behind that. Another engine that has the database open may be at one.
pub(crate) fn forget_repair(config: &StoreConfig) -> io::Result<()> {
    let directory = file_lock::directory(&config.url);
    let Some(directory) = directory.filter(|directory| !file_lock::is_held(directory)) else {
        return Ok(());
    };
    match std::fs::remove_dir_all(directory.join("wal").join("repair_temp")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _removed => Ok(()),
    }
}

fn left_bytes(config: &StoreConfig) -> u64 {
    file_lock::directory(&config.url).map_or(0, |directory| Log::of(&directory).bytes)
}

/// How large the memtable has to be for it not to be full before the log is flushed: also where a log is left of an engine
/// that was killed, which is read into it.
pub(crate) fn memtable_bytes(config: &StoreConfig) -> u64 {
    let left = left_bytes(config);
    let flushed = u64::from(config.flush_mib) * MIB;
    (flushed * HEADROOM)
        .max(left * LEFT_IN_MEMORY + flushed)
        .clamp(SMALLEST_MEMTABLE, LARGEST_MEMTABLE)
}

/// For as long as the store is open.
pub(crate) async fn keep_flushed(shared: Weak<Shared>, directory: PathBuf) {
    let mut opened = Log::default();
    let mut look_after = LOOK_EVERY;
    loop {
        tokio::time::sleep(look_after).await;
        look_after = LOOK_EVERY;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let log = Log::of(&directory);
        // Its file is made with the first write.
        opened.newest = opened.newest.or_else(|| log.newest.clone());
        let flushed = u64::from(shared.config.flush_mib) * MIB;
        let is_full = log.bytes >= opened.bytes + flushed;
        // It was full after all; what is in danger is written out at once.
        let is_rotated = log.newest != opened.newest;
        if !is_full && !is_rotated {
            continue;
        }
        if is_rotated {
            tracing::warn!("the embedded database flushed by itself; raise `store.flush_mib`");
        }
        let patience = match log.bytes >= opened.bytes + flushed * PRESSING {
            true => PRESSING_DEADLINE,
            false => QUIET_DEADLINE,
        };
        match reopen(&shared, &directory, patience).await {
            Reopened::Open => opened = Log::of(&directory),
            Reopened::Busy => look_after = QUIET_AGAIN_AFTER,
            Reopened::Closed => return,
        }
    }
}

enum Reopened {
    Open,
    /// A statement took too long; nothing was done.
    Busy,
    /// Somebody closed it.
    Closed,
}

/// Between two statements. Where it cannot be opened again, calls fail until it can.
async fn reopen(shared: &Shared, directory: &Path, patience: Duration) -> Reopened {
    // A statement may belong to a task that goes on with it after another one, which waits here.
    let Ok(mut slot) = timeout(patience, shared.database.write()).await else {
        return Reopened::Busy;
    };
    let began = Instant::now();
    drop(slot.take());
    while !shared.is_closed.load(Ordering::SeqCst) {
        let released = timeout(CLOSE_DEADLINE, file_lock::released(directory));
        if released.await.is_err() {
            tracing::error!("the embedded database does not close; what was written is safe");
        }
        match Database::open(&shared.config).await {
            Ok(database) => {
                *slot = Some(database);
                let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(elapsed_ms, "the embedded database was flushed");
                return Reopened::Open;
            }
            Err(error) => {
                tracing::error!(error = %error, "the embedded database cannot be opened again");
                drop(slot);
                tokio::time::sleep(OPEN_AGAIN_AFTER).await;
                slot = shared.database.write().await;
            }
        }
    }
    Reopened::Closed
}
