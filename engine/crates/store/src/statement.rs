//! Running statements. Each one is a single top-level SurrealQL statement, mostly a block in braces,
//! and so exactly one transaction. Writes that meet a conflict are run again, here and nowhere else.

use std::borrow::Cow;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use surrealdb::types::{SurrealValue, Value, Variables};
use tokio::time::timeout;

use crate::connection::SurrealStore;
use crate::failure::StoreFailure;

/// Of one attempt.
const DEADLINE: Duration = Duration::from_secs(30);
const MAX_RETRIES: usize = 40;

/// One transaction, with what it is about (for messages) and its parameters.
#[derive(Clone)]
pub(crate) struct Statement {
    text: Cow<'static, str>,
    subject: String,
    variables: Variables,
    tells: bool,
}

impl Statement {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            subject: "record".to_owned(),
            variables: Variables::new(),
            tells: false,
        }
    }

    /// Such as ``article `art_…` ``: messages put `the` or `there is no` before it.
    pub(crate) fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// It writes an event.
    pub(crate) fn telling(mut self) -> Self {
        self.tells = true;
        self
    }

    /// The same, telling how it is run instead of its rows.
    #[cfg(test)]
    pub(crate) fn explained(mut self) -> Self {
        self.text = format!("{} EXPLAIN FULL", self.text).into();
        self
    }

    pub(crate) fn bind(mut self, name: &'static str, value: impl SurrealValue) -> Self {
        self.variables.insert(name, value);
        self
    }
}

impl SurrealStore {
    /// Runs a statement that only reads.
    pub(crate) async fn read<T: SurrealValue>(
        &self,
        statement: Statement,
    ) -> Result<T, StoreFailure> {
        self.attempt(&statement).await
    }

    /// Runs a statement that writes, again and again with jitter while it meets conflicts: those are
    /// normal under concurrency, and nothing of a refused attempt is kept.
    pub(crate) async fn write<T: SurrealValue>(
        &self,
        statement: Statement,
    ) -> Result<T, StoreFailure> {
        let written = until_no_conflict(|| self.attempt(&statement)).await?;
        if statement.tells {
            self.nudge_of_event();
        }
        Ok(written)
    }

    /// One record by its id.
    pub(crate) async fn record<T: SurrealValue>(
        &self,
        table: &'static str,
        key: String,
    ) -> Result<Option<T>, StoreFailure> {
        // None has an empty key, and the database refuses to look for one.
        if key.is_empty() {
            return Ok(None);
        }
        let database = self.database().await?;
        within_deadline(table, database.select(table, key)).await
    }

    async fn attempt<T: SurrealValue>(&self, statement: &Statement) -> Result<T, StoreFailure> {
        let database = self.database().await?;
        within_deadline(&statement.subject, async {
            let variables = statement.variables.clone();
            let mut results = database.query(&statement.text, variables).await?;
            T::from_value(results.take::<Value>(0)?)
        })
        .await
    }
}

async fn within_deadline<T>(
    subject: &str,
    running: impl Future<Output = Result<T, surrealdb::Error>>,
) -> Result<T, StoreFailure> {
    timeout(DEADLINE, running)
        .await
        .map_err(|_elapsed| StoreFailure::Deadline)?
        .map_err(|error| StoreFailure::from_statement(subject, error))
}

pub(crate) async fn until_no_conflict<T, A>(attempt: impl FnMut() -> A) -> Result<T, StoreFailure>
where
    A: Future<Output = Result<T, StoreFailure>>,
{
    again_while(StoreFailure::is_conflict, attempt).await
}

/// The one place where conflicts are met: `attempt` is one transaction.
pub(crate) async fn again_while<T, E, A>(
    is_conflict: impl FnMut(&E) -> bool,
    attempt: impl FnMut() -> A,
) -> Result<T, E>
where
    A: Future<Output = Result<T, E>>,
{
    let patience = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(1))
        .with_max_delay(Duration::from_millis(250))
        .with_factor(1.5)
        .with_max_times(MAX_RETRIES)
        .with_jitter();
    attempt.retry(patience).when(is_conflict).await
}
