//! Schedules, and what became of their times.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::audit::AuditRecord;
use crate::content::{Page, PageRequest};
use crate::ids::{ScheduleId, UserId};
use crate::schedule::{Firing, Schedule, ScheduleFilter, ScheduleRun};

/// Every change is told in its transaction.
#[async_trait]
pub trait ScheduleStore: Send + Sync {
    /// `already_exists` where its id is taken.
    async fn create_schedule(&self, schedule: &Schedule) -> Result<()>;
    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>>;
    /// Newest first.
    async fn list_schedules(
        &self,
        filter: &ScheduleFilter,
        page: PageRequest,
    ) -> Result<Page<Schedule>>;
    /// `revision_mismatch` where what is stored is not one revision before it.
    async fn update_schedule(
        &self,
        schedule: &Schedule,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// With its runs; jobs that it has queued stay.
    async fn remove_schedule(
        &self,
        schedule: &Schedule,
        by: UserId,
        at: DateTime<Utc>,
        audit: Option<&AuditRecord>,
    ) -> Result<()>;
    /// Those that are to run, in the order of their times, at most `limit`; also such as are not due yet.
    async fn next_schedules(&self, limit: usize) -> Result<Vec<Schedule>>;
    /// Writes runs, queues their jobs and changes the schedule, all or nothing. False, and nothing is done, where
    /// the stored one is not one revision before it: whoever runs it at the same time was first. A run that is
    /// there already is not made again. Only the newest [`crate::schedule::KEPT_RUNS`] are kept.
    async fn fire(&self, firing: &Firing) -> Result<bool>;
    /// Newest time first.
    async fn schedule_runs(&self, id: ScheduleId, page: PageRequest) -> Result<Page<ScheduleRun>>;
}
