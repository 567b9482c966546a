//! The tables' history. Each file of `migrations/` is applied once, in order, in a transaction that also
//! records it; what was released is never edited, a change is a new file. Beside each lies its way back, with
//! what an older engine cannot hold. One engine at a time holds the lease on all of this.

mod file;
mod lease;
mod script;

use chrono::{DateTime, Utc};
use inkstone_domain::{Error, Result, codes};
use surrealdb::types::SurrealValue;

use self::file::Migration;
use self::lease::Lease;
use self::script::Script;
use crate::connection::{StoreConfig, SurrealStore};
use crate::failure::StoreFailure;
use crate::statement::Statement;

macro_rules! migrations {
    ($($name:literal)*) => {
        &[$(Migration {
            name: $name,
            forward: include_str!(concat!("../migrations/", $name, ".surql")),
            down: include_str!(concat!("../migrations/", $name, ".down.surql")),
        }),*]
    };
}

const MIGRATIONS: &[Migration] = migrations! {
    "0001_accounts"
    "0002_articles"
    "0003_jobs"
    "0004_events"
    "0005_plugin_kv"
    "0006_usage"
    "0007_rollouts"
    "0008_gateway"
    "0009_usage_blocks"
    "0010_people"
    "0011_projects"
    "0012_articles"
    "0013_content_rest"
    "0014_media"
    "0015_transfers"
    "0016_identities"
    "0017_job_kinds"
    "0018_newest_lists"
    "0019_lean_articles"
    "0021_events"
    "0022_webhooks"
    "0023_search_settings"
    "0024_notifications"
    "0025_publications"
    "0026_job_queue"
    "0027_document_changes"
    "0028_chunks"
    "0029_schedules"
    "0030_planned_publications"
    "0031_handler_faults"
    "0032_job_stalls"
    "0033_webhook_lanes"
    "0034_sign_ins"
    "0035_keys_and_audit"
    "0037_article_languages"
    "0038_notes"
};

/// The way back from here needs rows that only this program can unpack.
const PACKED_LEDGER: &str = "0009_usage_blocks";

const DEFINE_HISTORY: &str = "
    DEFINE TABLE IF NOT EXISTS migration SCHEMAFULL;
    DEFINE FIELD IF NOT EXISTS name ON migration TYPE string;
    DEFINE FIELD IF NOT EXISTS sha256 ON migration TYPE string;
    DEFINE FIELD IF NOT EXISTS applied_at ON migration TYPE datetime;
";

#[derive(SurrealValue)]
struct MigrationRow {
    name: String,
    sha256: String,
    applied_at: DateTime<Utc>,
}

/// A migration of this engine, and when the database took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationState {
    /// Such as `0012_articles`.
    pub name: &'static str,
    pub applied_at: Option<DateTime<Utc>>,
}

/// What to do where an older engine cannot hold all that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losses {
    Refuse,
    Accept,
}

/// What a way back did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayBack {
    /// Newest first.
    pub undone: Vec<&'static str>,
    /// What is gone, such as `3 content types, 1 prompt`; empty where nothing is.
    pub lost: String,
}

/// The history of a database that no engine has open, for people to look at and to change.
pub struct Migrations {
    store: SurrealStore,
}

impl Migrations {
    /// Opens the database and leaves its tables as they are; fails as [`SurrealStore::connect`] does.
    pub async fn open(config: StoreConfig) -> Result<Self> {
        let store = SurrealStore::open(config).await?;
        Ok(Self { store })
    }

    /// All migrations of this engine. `store_unavailable` where the database has others.
    pub async fn status(&self) -> Result<Vec<MigrationState>> {
        let applied = history(&self.store).await?;
        let states = MIGRATIONS.iter().map(|migration| MigrationState {
            name: migration.name,
            applied_at: row_of(&applied, migration).map(|row| row.applied_at),
        });
        Ok(states.collect())
    }

    /// Applies what is missing, and says what that was, oldest first.
    pub async fn up(&self) -> Result<Vec<&'static str>> {
        Ok(apply_missing(&self.store, MIGRATIONS).await?)
    }

    /// Goes back until `to` is the newest migration by number; 0 leaves nothing. `conflict` where something
    /// would be lost and that is not accepted: then nothing is done.
    pub async fn down(&self, to: u32, losses: Losses) -> Result<WayBack> {
        go_back(&self.store, to, losses).await
    }

    /// As [`SurrealStore::close`].
    pub async fn close(&self) -> Result<()> {
        self.store.close().await
    }
}

/// Applies what is missing. Engines that start at once wait for the one that does it.
pub(crate) async fn apply(store: &SurrealStore) -> Result<(), StoreFailure> {
    apply_missing(store, MIGRATIONS).await.map(|_applied| ())
}

async fn apply_missing(
    store: &SurrealStore,
    migrations: &'static [Migration],
) -> Result<Vec<&'static str>, StoreFailure> {
    if missing(store, migrations).await?.is_empty() && !lease::is_held(store).await? {
        return Ok(Vec::new());
    }
    let lease = Lease::take(store).await?;
    // Who held it before may have done all of it, or gone back.
    let missing = missing(store, migrations).await?;
    let mut applied = Vec::new();
    for migration in missing {
        Script::forward(migration, &lease).run(store).await?;
        tracing::info!(
            migration = migration.name,
            "brought the database up to date"
        );
        applied.push(migration.name);
    }
    lease.give_back().await?;
    Ok(applied)
}

async fn go_back(store: &SurrealStore, to: u32, losses: Losses) -> Result<WayBack> {
    if to != 0 && !MIGRATIONS.iter().any(|it| it.number() == Some(to)) {
        return Err(Error::new(
            &codes::INVALID_INPUT,
            format!("there is no migration {to:04}; `inkstone migrate status` names all"),
        ));
    }
    let lease = Lease::take(store).await?;
    let gone_back = go_back_with(store, to, losses, &lease).await;
    lease.give_back().await?;
    gone_back
}

async fn go_back_with(
    store: &SurrealStore,
    to: u32,
    losses: Losses,
    lease: &Lease,
) -> Result<WayBack> {
    let applied = history(store).await?;
    let undone: Vec<&'static Migration> = MIGRATIONS
        .iter()
        .rev()
        .filter(|it| it.number() > Some(to) && row_of(&applied, it).is_some())
        .collect();
    if undone.is_empty() {
        return Ok(WayBack {
            undone: Vec::new(),
            lost: String::new(),
        });
    }
    let is_unpacked = undone.iter().any(|it| it.name == PACKED_LEDGER);
    if is_unpacked {
        store.unpack_usage().await?;
    }
    let lost = would_lose(store, &undone).await?;
    if losses == Losses::Refuse && !lost.is_empty() {
        if is_unpacked {
            store.move_old_usage().await?;
        }
        let reason = format!(
            "this would be lost: {lost}; keep a backup and accept it, or stay with the newer engine"
        );
        return Err(Error::new(&codes::CONFLICT, reason));
    }
    let mut names = Vec::new();
    for migration in undone {
        Script::back(migration, lease).run(store).await?;
        tracing::info!(migration = migration.name, "undid a migration");
        names.push(migration.name);
    }
    Ok(WayBack {
        undone: names,
        lost,
    })
}

#[derive(SurrealValue)]
struct LossRow {
    what: String,
    count: u64,
}

/// What older engines cannot hold of what is there, in words; empty where they can hold all.
async fn would_lose(
    store: &SurrealStore,
    undone: &[&'static Migration],
) -> Result<String, StoreFailure> {
    let asked: Vec<&str> = undone
        .iter()
        .filter_map(|it| it.back())
        .map(|(losses, _back)| losses)
        .collect();
    let text = format!("RETURN array::flatten([{}])", asked.join(", "));
    let rows: Vec<LossRow> = store.read(Statement::new(text)).await?;
    let some = rows.iter().filter(|row| row.count > 0);
    let words: Vec<String> = some
        .map(|row| format!("{} {}", row.count, row.what))
        .collect();
    Ok(words.join(", "))
}

async fn missing(
    store: &SurrealStore,
    migrations: &'static [Migration],
) -> Result<Vec<&'static Migration>, StoreFailure> {
    let applied = history(store).await?;
    let is_missing = |it: &&Migration| row_of(&applied, it).is_none();
    Ok(migrations.iter().filter(is_missing).collect())
}

/// What was applied, checked.
async fn history(store: &SurrealStore) -> Result<Vec<MigrationRow>, StoreFailure> {
    let define = format!("{DEFINE_HISTORY} {}", lease::DEFINE);
    Script::plain(define).run(store).await?;
    let history = Statement::new("SELECT name, sha256, applied_at FROM migration ORDER BY name");
    let applied: Vec<MigrationRow> = store.read(history).await?;
    check_history(&applied)?;
    Ok(applied)
}

fn row_of<'r>(applied: &'r [MigrationRow], migration: &Migration) -> Option<&'r MigrationRow> {
    applied.iter().find(|row| row.name == migration.name)
}

fn check_history(applied: &[MigrationRow]) -> Result<(), StoreFailure> {
    for row in applied {
        let Some(known) = MIGRATIONS.iter().find(|it| it.name == row.name) else {
            return Err(StoreFailure::Migration(format!(
                "the database was written by a newer engine (it has the migration `{}`); \
                 start that one, let it go back with `inkstone migrate down`, or restore a backup of \
                 this one's time",
                row.name
            )));
        };
        if known.digest() != row.sha256 {
            return Err(StoreFailure::Migration(format!(
                "the migration `{}` was edited after it was applied to this database; \
                 start the engine that wrote it",
                row.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
