//! Opening, watching and closing the database. What is asked of it stands in the tables' files.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use inkstone_domain::{Error, Result, codes};
use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, watch};
use tokio::time::timeout;
use ulid::Ulid;

use crate::database::Database;
use crate::failure::StoreFailure;
use crate::file_lock;
use crate::flush;
use crate::jobs::Known;
use crate::migrations;
use crate::statement::Statement;
use crate::watermark::Watermark;

/// A large database on disk reads its log before it opens.
const OPEN_DEADLINE: Duration = Duration::from_secs(120);
const CLOSE_DEADLINE: Duration = Duration::from_secs(15);
/// Flushing takes a second or two.
const WAIT_DEADLINE: Duration = Duration::from_secs(60);
const HEALTH_DEADLINE: Duration = Duration::from_secs(2);

/// Where the database is and who we are to it.
#[derive(Clone)]
pub struct StoreConfig {
    /// `mem://`, `surrealkv://path` or `ws://host:port` (`wss://` with TLS); `rocksdb://path` where
    /// the feature `rocksdb` is built in.
    pub url: String,
    pub namespace: String,
    pub database: String,
    /// For a server alone; with `password`. A root user, or a user of the database.
    pub username: Option<String>,
    pub password: Option<String>,
    /// Of an embedded database: so much is written before it is flushed, and so much of its files is kept in memory.
    pub flush_mib: u32,
    pub cache_mib: u32,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "mem://".to_owned(),
            namespace: "inkstone".to_owned(),
            database: "main".to_owned(),
            username: None,
            password: None,
            flush_mib: 32,
            cache_mib: 256,
        }
    }
}

impl StoreConfig {
    pub(crate) fn is_server(&self) -> bool {
        self.url.starts_with("ws")
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("url", &shown(&self.url))
            .field("namespace", &self.namespace)
            .field("database", &self.database)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Every store port on one SurrealDB. Clones share the connection.
///
/// The runtime it is used on needs threads with a stack of about 10 MiB: SurrealDB's parser and
/// executor recurse deeply.
#[derive(Clone)]
pub struct SurrealStore {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    /// `None` once closed. Statements hold it while they run.
    pub(crate) database: RwLock<Option<Database>>,
    pub(crate) config: StoreConfig,
    pub(crate) is_closed: AtomicBool,
    nudge: watch::Sender<()>,
    event_nudge: watch::Sender<()>,
    known: Known,
    numbered: Watermark,
    delivered: Watermark,
    lanes: Mutex<()>,
    /// Tells this opening of the database from every other.
    connection_id: Ulid,
}

impl SurrealStore {
    /// Opens the database and brings its tables up to date. `invalid_config` where the URL is of no
    /// known kind; `store_unavailable` where it cannot be opened, is open elsewhere, or was written
    /// by a newer engine.
    pub async fn connect(config: StoreConfig) -> Result<Self> {
        let store = Self::open(config).await?;
        migrations::apply(&store).await?;
        store.move_old_usage().await?;
        store.list_old_articles().await?;
        Ok(store)
    }

    /// Without its tables.
    pub(crate) async fn open(config: StoreConfig) -> Result<Self> {
        check_scheme(&config.url)?;
        let opening = timeout(OPEN_DEADLINE, open(&config));
        let database = opening.await.map_err(|_elapsed| {
            unavailable(&config.url, "it did not answer in time")
                .with_retry_after(Some(Duration::from_secs(1)))
        })??;
        let directory = file_lock::directory(&config.url);
        // An engine writes lanes one after another, so only others can be late.
        let delivered = match config.is_server() {
            true => Watermark::default(),
            false => Watermark::in_turn(),
        };
        let store = Self {
            shared: Arc::new(Shared {
                database: RwLock::new(Some(database)),
                config,
                is_closed: AtomicBool::new(false),
                nudge: watch::Sender::new(()),
                event_nudge: watch::Sender::new(()),
                known: Known::default(),
                numbered: Watermark::default(),
                delivered,
                lanes: Mutex::default(),
                connection_id: Ulid::new(),
            }),
        };
        if let Some(directory) = directory {
            let shared = Arc::downgrade(&store.shared);
            tokio::spawn(flush::keep_flushed(shared, directory));
        }
        Ok(store)
    }

    /// Whether the database answers, within two seconds.
    pub async fn health(&self) -> Result<()> {
        let asked = Statement::new("RETURN 1").about("the database");
        match timeout(HEALTH_DEADLINE, self.read::<u64>(asked)).await {
            Ok(answer) => Ok(answer.map(|_one| ())?),
            Err(_elapsed) => Err(StoreFailure::Deadline.into()),
        }
    }

    /// Closes the database for all clones; later calls fail with `store_unavailable`. Calls under
    /// way still end. Returns once another engine may open the same files, after 15 seconds at the latest.
    pub async fn close(&self) -> Result<()> {
        self.shared.is_closed.store(true, Ordering::SeqCst);
        let closing = timeout(CLOSE_DEADLINE, async {
            // SurrealDB shuts down, on a task of its own, when its handle is gone.
            drop(self.shared.database.write().await.take());
            if let Some(directory) = file_lock::directory(&self.shared.config.url) {
                file_lock::released(&directory).await;
            }
        });
        closing.await.map_err(|_elapsed| {
            Error::new(
                &codes::STORE_UNAVAILABLE,
                "the database did not close in time; what was written is safe",
            )
        })
    }

    /// Waits while it is flushed.
    pub(crate) async fn database(&self) -> Result<RwLockReadGuard<'_, Database>, StoreFailure> {
        let database = match self.shared.database.try_read() {
            Ok(database) => database,
            Err(_is_flushed) => timeout(WAIT_DEADLINE, self.shared.database.read())
                .await
                .map_err(|_elapsed| StoreFailure::Deadline)?,
        };
        RwLockReadGuard::try_map(database, Option::as_ref).map_err(|_closed| StoreFailure::Closed)
    }

    /// What claims through this store know of the queue.
    pub(crate) fn known(&self) -> &Known {
        &self.shared.known
    }

    /// Of events that wait for their numbers.
    pub(crate) fn numbered(&self) -> &Watermark {
        &self.shared.numbered
    }

    /// Of lanes of webhooks in which something waits.
    pub(crate) fn delivered(&self) -> &Watermark {
        &self.shared.delivered
    }

    /// One statement at a time, of this engine's, where each writes the same row: at once they would meet as conflicts,
    /// and the longest of them lose again and again.
    pub(crate) async fn in_lanes(&self) -> MutexGuard<'_, ()> {
        self.shared.lanes.lock().await
    }

    pub(crate) fn connection_id(&self) -> String {
        self.shared.connection_id.to_string()
    }

    /// Whether no other process has the same database open.
    pub(crate) fn is_embedded(&self) -> bool {
        !self.shared.config.is_server()
    }

    pub(crate) fn nudge(&self) {
        self.shared.nudge.send_replace(());
    }

    /// An event was written.
    pub(crate) fn nudge_of_event(&self) {
        self.shared.event_nudge.send_replace(());
    }

    pub(crate) fn event_nudges(&self) -> watch::Receiver<()> {
        self.shared.event_nudge.subscribe()
    }

    pub(crate) fn nudges(&self) -> watch::Receiver<()> {
        self.shared.nudge.subscribe()
    }
}

async fn open(config: &StoreConfig) -> Result<Database> {
    let opened = Database::open(config).await;
    opened.map_err(|error| open_failure(&config.url, error))
}

fn check_scheme(url: &str) -> Result<()> {
    let scheme = url.split(':').next().unwrap_or_default();
    let advice = match scheme {
        "mem" | "surrealkv" | "ws" | "wss" => return Ok(()),
        "rocksdb" if cfg!(feature = "rocksdb") => return Ok(()),
        "rocksdb" => "this engine is built without it; build with the feature `rocksdb`",
        _ => "take `mem://`, `surrealkv://path` or `ws://host:port`",
    };
    Err(Error::new(
        &codes::INVALID_CONFIG,
        format!("`{scheme}` is no database this engine opens: {advice}"),
    ))
}

/// The conversion of whatever keeps the database from opening.
fn open_failure(url: &str, error: surrealdb::Error) -> Error {
    let reason = if error.message().contains("already locked") {
        "another engine has it open; stop that one, or give this one a `store.url` of its own"
    } else if error.is_not_allowed() {
        "it refuses the user or the password"
    } else if error.is_connection() {
        "it cannot be reached; is the server running?"
    } else {
        "see the log for what it said"
    };
    unavailable(url, reason).with_source(error)
}

fn unavailable(url: &str, reason: &str) -> Error {
    Error::new(
        &codes::STORE_UNAVAILABLE,
        format!("the database `{}` cannot be opened: {reason}", shown(url)),
    )
}

/// The URL without a user's name and password.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) if scheme.starts_with("ws") => format!("{scheme}://{}", &rest[at + 1..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_passwords() {
        assert_eq!(
            shown("ws://root:secret@host:8000/rpc"),
            "ws://host:8000/rpc"
        );
        assert_eq!(shown("surrealkv:///data/a@b"), "surrealkv:///data/a@b");
        assert_eq!(shown("mem://"), "mem://");
    }

    #[test]
    fn only_known_schemes_pass() {
        for url in [
            "mem://",
            "surrealkv://data/store",
            "ws://db:8000",
            "wss://db",
        ] {
            assert!(check_scheme(url).is_ok(), "{url}");
        }
        for url in ["postgres://db", "data/store", ""] {
            let refused = check_scheme(url).map_err(|error| error.code().name);
            assert_eq!(refused, Err("invalid_config"), "{url}");
        }
    }
}
