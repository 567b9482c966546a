//! The tables' history. Each file of `migrations/` is applied once, in order, in a transaction that
//! also records it; a file that was released is never edited, a change is a new file.

use sha2::{Digest, Sha256};
use surrealdb::types::{ErrorDetails, QueryError, SurrealValue};

use crate::connection::SurrealStore;
use crate::failure::{Refusal, StoreFailure};
use crate::row::hex;
use crate::statement::Statement;

struct Migration {
    name: &'static str,
    text: &'static str,
}

macro_rules! migrations {
    ($($name:literal)*) => {
        &[$(Migration {
            name: $name,
            text: include_str!(concat!("../migrations/", $name, ".surql")),
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
};

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
}

/// Applies what is missing. Two engines may do so at once: each migration is taken by one of them.
pub(crate) async fn apply(store: &SurrealStore) -> Result<(), StoreFailure> {
    run_script(store, DEFINE_HISTORY, None).await?;
    let history = Statement::new("SELECT name, sha256 FROM migration ORDER BY name");
    let applied: Vec<MigrationRow> = store.read(history).await?;
    check_history(&applied)?;
    for migration in MIGRATIONS {
        if applied.iter().any(|row| row.name == migration.name) {
            continue;
        }
        // The record comes first: where another engine was quicker, nothing else is tried.
        let script = format!(
            "BEGIN; CREATE type::record('migration', $name) \
             CONTENT {{ name: $name, sha256: $sha256, applied_at: time::now() }} RETURN NONE; \
             {} COMMIT;",
            migration.text
        );
        match run_script(store, &script, Some(migration)).await {
            Ok(()) => tracing::info!(
                migration = migration.name,
                "brought the database up to date"
            ),
            Err(StoreFailure::Refused {
                refusal: Refusal::AlreadyExists,
                ..
            }) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

fn check_history(applied: &[MigrationRow]) -> Result<(), StoreFailure> {
    for row in applied {
        let Some(known) = MIGRATIONS.iter().find(|it| it.name == row.name) else {
            return Err(StoreFailure::Migration(format!(
                "the database was written by a newer engine (it has the migration `{}`); \
                 start that one, or restore a backup of this one's time",
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

/// Several statements at once: what tables are made of. Everything else is one [`Statement`].
async fn run_script(
    store: &SurrealStore,
    script: &str,
    migration: Option<&Migration>,
) -> Result<(), StoreFailure> {
    const ATTEMPTS: usize = 10;
    let database = store.database()?;
    let mut attempt = 1;
    loop {
        let mut query = database.query(script);
        if let Some(migration) = migration {
            query = query
                .bind(("name", migration.name))
                .bind(("sha256", migration.digest()));
        }
        let outcome = match query.await {
            Ok(mut results) => {
                let errors = results.take_errors().into_values();
                first_cause(errors.collect())
            }
            Err(error) => Some(error),
        };
        let Some(error) = outcome else {
            return Ok(());
        };
        let failure = StoreFailure::from_statement("migration", error);
        if !failure.is_conflict() || attempt == ATTEMPTS {
            return Err(failure);
        }
        // Only engines that start together meet here, each with a handful of scripts.
        attempt += 1;
        tokio::task::yield_now().await;
    }
}

/// In a failed transaction every statement fails; one of them says why.
fn first_cause(errors: Vec<surrealdb::Error>) -> Option<surrealdb::Error> {
    let is_echo = |error: &surrealdb::Error| {
        matches!(
            error.details(),
            ErrorDetails::Query(Some(QueryError::NotExecuted | QueryError::Cancelled))
        )
    };
    let (echoes, causes): (Vec<_>, Vec<_>) = errors.into_iter().partition(is_echo);
    causes.into_iter().chain(echoes).next()
}

impl Migration {
    fn digest(&self) -> String {
        hex(&Sha256::digest(self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, sha256: String) -> MigrationRow {
        MigrationRow {
            name: name.to_owned(),
            sha256,
        }
    }

    #[test]
    fn names_rise() {
        assert!(MIGRATIONS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn foreign_and_edited_histories_are_refused() {
        let first = &MIGRATIONS[0];
        assert!(check_history(&[row(first.name, first.digest())]).is_ok());
        assert!(check_history(&[row(first.name, "00".repeat(32))]).is_err());
        assert!(check_history(&[row("9999_future", first.digest())]).is_err());
    }
}
