//! Schedules in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{ScheduleId, UserId};
use inkstone_domain::ports::ScheduleStore;
use inkstone_domain::schedule::{Firing, KEPT_RUNS, Schedule, ScheduleFilter, ScheduleRun};

use super::projects::mismatch;
use super::{MemStore, State, already_exists, not_found, page_of};

#[async_trait]
impl ScheduleStore for MemStore {
    async fn create_schedule(&self, schedule: &Schedule) -> Result<()> {
        let mut state = self.state();
        if state.schedules.contains_key(&schedule.id) {
            return Err(already_exists("schedule", schedule.id));
        }
        state.schedules.insert(schedule.id, schedule.clone());
        state.tell_of(schedule.created());
        Ok(())
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>> {
        Ok(self.state().schedules.get(&id).cloned())
    }

    async fn list_schedules(
        &self,
        filter: &ScheduleFilter,
        page: PageRequest,
    ) -> Result<Page<Schedule>> {
        let state = self.state();
        let newest_first = state.schedules.iter().rev();
        let fitting = newest_first.filter(|(_, schedule)| filter.fits(schedule));
        let keyed = fitting.map(|(id, schedule)| (*id, schedule.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }

    async fn update_schedule(
        &self,
        schedule: &Schedule,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        let stored = state.schedules.get_mut(&schedule.id);
        let stored = stored.ok_or_else(|| not_found("schedule", schedule.id))?;
        if stored.revision + 1 != schedule.revision {
            return Err(mismatch());
        }
        stored.clone_from(schedule);
        state.append_some_audit(audit);
        state.tell_of(schedule.changed(by));
        Ok(())
    }

    async fn remove_schedule(
        &self,
        schedule: &Schedule,
        by: UserId,
        at: DateTime<Utc>,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        if state.schedules.remove(&schedule.id).is_none() {
            return Err(not_found("schedule", schedule.id));
        }
        state
            .schedule_runs
            .retain(|_, run| run.schedule != schedule.id);
        state.append_some_audit(audit);
        state.tell_of(schedule.removed(by, at));
        Ok(())
    }

    async fn next_schedules(&self, limit: usize) -> Result<Vec<Schedule>> {
        let state = self.state();
        let planned = state.schedules.values();
        let planned = planned.filter(|schedule| schedule.next_run_at.is_some());
        let mut planned: Vec<Schedule> = planned.cloned().collect();
        planned.sort_by_key(|schedule| schedule.next_run_at);
        planned.truncate(limit);
        Ok(planned)
    }

    async fn fire(&self, firing: &Firing) -> Result<bool> {
        let mut state = self.state();
        let schedule = &firing.schedule;
        let stored = state.schedules.get_mut(&schedule.id);
        let Some(stored) = stored.filter(|it| it.revision + 1 == schedule.revision) else {
            return Ok(false);
        };
        stored.clone_from(schedule);
        for fired in &firing.runs {
            if state.schedule_runs.contains_key(&fired.run.id) {
                continue;
            }
            state.schedule_runs.insert(fired.run.id, fired.run.clone());
            if let Some(job) = fired.job.clone() {
                state.put_job(job, None);
            }
            if let Some(told) = schedule.ran(&fired.run) {
                state.tell_of(told);
            }
        }
        state.append_some_audit(firing.audit.as_ref());
        state.forget_runs(schedule.id);
        Ok(true)
    }

    async fn schedule_runs(&self, id: ScheduleId, page: PageRequest) -> Result<Page<ScheduleRun>> {
        let state = self.state();
        let newest_first = state.schedule_runs.iter().rev();
        let own = newest_first.filter(|(_, run)| run.schedule == id);
        let keyed = own.map(|(id, run)| (*id, run.clone()));
        page_of(keyed, &page, |cursor| cursor.parse().ok())
    }
}

impl State {
    fn forget_runs(&mut self, id: ScheduleId) {
        let newest_first = self.schedule_runs.values().rev();
        let own = newest_first.filter(|run| run.schedule == id);
        let surplus: Vec<_> = own.skip(KEPT_RUNS).map(|run| run.id).collect();
        for run in surplus {
            self.schedule_runs.remove(&run);
        }
    }
}
