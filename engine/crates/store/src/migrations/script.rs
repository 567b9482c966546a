//! Several statements at once: what tables are made of. Everything else is one
//! [`Statement`](crate::statement::Statement).

use std::time::Duration;

use surrealdb::types::{ErrorDetails, QueryError, Variables};
use tokio::time::timeout;

use super::file::Migration;
use super::lease::{self, Lease};
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::statement::until_no_conflict;

/// Of one script: building an index over a large table takes its time.
const DEADLINE: Duration = Duration::from_secs(600);

pub(super) struct Script {
    text: String,
    fence: u64,
    name: &'static str,
    sha256: String,
}

impl Script {
    /// Without a transaction.
    pub(super) fn plain(text: String) -> Self {
        Self {
            text,
            fence: 0,
            name: "",
            sha256: String::new(),
        }
    }

    /// One migration and its record, in one transaction.
    pub(super) fn forward(migration: &Migration, lease: &Lease) -> Self {
        let text = format!(
            "BEGIN; {} CREATE type::record('migration', $name) \
             CONTENT {{ name: $name, sha256: $sha256, applied_at: time::now() }} RETURN NONE; \
             {} COMMIT;",
            lease::CHECK,
            migration.forward
        );
        Self {
            text,
            fence: lease.fence,
            name: migration.name,
            sha256: migration.digest(),
        }
    }

    /// The way back of one, in one transaction.
    pub(super) fn back(migration: &Migration, lease: &Lease) -> Self {
        let back = match migration.back() {
            Some((_losses, back)) => back.to_owned(),
            None => format!("THROW 'refused:no_way_back:{}';", migration.name),
        };
        let text = format!(
            "BEGIN; {} {back} DELETE type::record('migration', $name) RETURN NONE; COMMIT;",
            lease::CHECK
        );
        Self {
            text,
            fence: lease.fence,
            name: migration.name,
            sha256: String::new(),
        }
    }

    pub(super) async fn run(&self, store: &SurrealStore) -> Result<(), StoreFailure> {
        let database = store.database().await?;
        until_no_conflict(|| async {
            let mut variables = Variables::new();
            variables.insert("fence", self.fence);
            variables.insert("name", self.name);
            variables.insert("sha256", self.sha256.as_str());
            let answer = timeout(DEADLINE, database.query(&self.text, variables));
            let outcome = match answer.await.map_err(|_elapsed| StoreFailure::Deadline)? {
                Ok(mut results) => first_cause(results.take_errors().into_values().collect()),
                Err(error) => Some(error),
            };
            match outcome {
                None => Ok(()),
                Some(error) => Err(StoreFailure::from_statement("migration", error)),
            }
        })
        .await
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
