//! The engine's own work in the queue, by kind: who does it, and what they are given.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use inkstone_domain::job::{Job, Progress, WorkTask};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::attempt::Attempt;

/// Does the jobs of one kind. A job may be begun several times, even where it got to its end before,
/// so what it does must be the same when it is done twice.
#[async_trait]
pub trait WorkKind: Send + Sync {
    /// As in [`WorkTask::kind`].
    fn name(&self) -> &'static str;
    /// Why this engine cannot do the job, though another one may: then it is left to others, which is no try.
    async fn missing(&self, _work: &Work<'_>) -> Result<Option<Error>> {
        Ok(None)
    }
    /// What it gives is the job's `result`. An error that may pass brings the job back later.
    async fn run(&self, work: &Work<'_>) -> Result<Value>;
}

/// The kinds of work that are done here.
#[derive(Clone, Default)]
pub struct WorkKinds(HashMap<&'static str, Arc<dyn WorkKind>>);

impl WorkKinds {
    pub fn new(kinds: impl IntoIterator<Item = Arc<dyn WorkKind>>) -> Self {
        Self(kinds.into_iter().map(|one| (one.name(), one)).collect())
    }

    pub(super) fn get(&self, kind: &str) -> Result<&dyn WorkKind> {
        let known = self.0.get(kind).map(Arc::as_ref);
        known.ok_or_else(|| {
            let message = format!("the engine does no work of the kind `{kind}`");
            Error::new(&codes::INTERNAL, message)
        })
    }
}

/// A job in the hands of its kind.
pub struct Work<'a> {
    attempt: &'a Attempt<'a>,
    principal: Principal,
    task: &'a WorkTask,
}

impl<'a> Work<'a> {
    pub(super) fn of(attempt: &'a Attempt<'a>, principal: Principal, task: &'a WorkTask) -> Self {
        Self {
            attempt,
            principal,
            task,
        }
    }

    pub fn job(&self) -> &Job {
        &self.attempt.job
    }

    /// Whose job it is, with the role they have now.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub fn project(&self) -> &str {
        &self.task.project
    }

    /// `internal` where the input is not what this kind takes.
    pub fn input<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.task.input.clone()).map_err(|error| {
            Error::new(&codes::INTERNAL, "the job's input cannot be read").with_source(error)
        })
    }

    /// Where the attempt before got to; `None` at the first, or where nothing was saved.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let saved = self.attempt.resume.as_deref().map(serde_json::from_slice);
        saved.transpose().map_err(|error| {
            Error::new(&codes::INTERNAL, "the job's checkpoint cannot be read").with_source(error)
        })
    }

    /// The next attempt goes on from here. `lease_lost` where another worker has the job by now; then
    /// nothing more may be done.
    pub async fn save_checkpoint<T: Serialize>(&self, state: &T) -> Result<()> {
        let state = serde_json::to_vec(state).map_err(|error| {
            let message = "the job's checkpoint cannot be written";
            Error::new(&codes::INTERNAL, message).with_source(error)
        })?;
        self.attempt.save_checkpoint(Bytes::from(state)).await
    }

    /// For those who watch. A new step is a line of the job's log.
    pub fn progress(&self, progress: Progress) {
        self.attempt.progress(progress);
    }

    /// A line of the job's log, for those who look at it later. No secrets, and no content.
    pub fn note(&self, message: &str) {
        self.attempt.notes.add(message);
    }
}
