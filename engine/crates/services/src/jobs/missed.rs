//! A job that cannot be done here, as this engine is now: its plugin is not loaded, its kind not known, or what it needs
//! lies with another engine. Plugins are
//! rolled out engine by engine, disabled for a minute, or cannot be fetched at a start; so the job is left to others
//! and to later, and that is no try. What nobody could do for a day is a dead letter.

use std::time::Duration;

use backon::Retryable;
use chrono::TimeDelta;
use inkstone_domain::job::Task;
use inkstone_domain::{Error, codes};

use super::attempt::{Attempt, ended_sentence, store_patience};
use crate::plugins::is_not_loaded;

/// The shortest and the longest wait; in between it is as long as the job has been passed on already.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The shortest of the engine's own work: another engine has what this one has not.
const FIRST_WAIT_OF_WORK: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// How long engines pass a job on.
const PATIENCE: TimeDelta = TimeDelta::hours(24);

impl Attempt<'_> {
    pub(super) fn was_missed_long(&self) -> bool {
        self.missed_for() >= PATIENCE
    }

    /// Back into the queue, for another engine or for what this one loads later.
    pub(super) async fn pass_on(&self, error: Error) -> &'static str {
        let error = self.missed(&error);
        let delay = self.missed_for().to_std().unwrap_or_default();
        let first = match &self.job.task {
            Task::Generate(_) => FIRST_WAIT,
            Task::Work(_) => FIRST_WAIT_OF_WORK,
        };
        let delay = delay.clamp(first, LONGEST_WAIT);
        // Said once, and not whenever an engine looks.
        if self.missed_since.is_none() {
            tracing::warn!(error = ?error, "the job cannot be done here now, and is left to others");
            self.notes.add(&ended_sentence(error.message()));
            self.write_notes().await;
        }
        let now = self.worker.clock.now();
        let run_at = now + TimeDelta::from_std(delay).unwrap_or_default();
        let shown = self.shown(&error);
        let store = &self.worker.store;
        let done = (|| store.pass_on(self.job.id, self.fence, &shown, now, run_at))
            .retry(store_patience())
            .when(Error::is_transient)
            .await;
        self.written(
            done,
            "the job waits for an engine that can do it",
            "passed_on",
        )
    }

    /// What is missing, for people.
    pub(super) fn missed(&self, error: &Error) -> Error {
        let why = error.message();
        let waits = match self.was_missed_long() {
            true => "no engine had it for a day",
            false => "the job waits for an engine that has it, or until it is loaded",
        };
        let message = match &self.job.task {
            Task::Generate(task) => format!(
                "the plugin `{}`, as the job needs it, is not loaded here; {waits} ({why})",
                task.plugin
            ),
            Task::Work(_) => format!("{why}; {waits}"),
        };
        Error::new(error.code(), message)
    }

    fn missed_for(&self) -> TimeDelta {
        let now = self.worker.clock.now();
        self.missed_since
            .map_or_else(TimeDelta::zero, |since| now - since)
    }
}

/// Whether another engine, or this one later, may have it: when the job was submitted, one had.
pub(super) fn is_not_here(error: &Error) -> bool {
    is_not_loaded(error) || error.code() == &codes::UNKNOWN_TEMPLATE
}
