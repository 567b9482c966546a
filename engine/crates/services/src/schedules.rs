//! Schedules: who may make them and what they may ask for. They are jobs to come, so whoever may see, cancel or requeue
//! a job may see, stop or run a schedule. That they run is in `running`, which times they mean in `timing`.

mod running;
mod timing;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{JobId, ScheduleId, UserId};
use inkstone_domain::job::{GenerateTask, Job, Priority};
use inkstone_domain::ports::{Clock, ScheduleStore, UserStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::schedule::{Missed, Pause, Schedule, ScheduleFilter, ScheduleRun, Timing};
use inkstone_domain::{Error, FieldError, Result, codes};
use serde_json::Value;
use tokio::sync::Notify;

pub(crate) use self::timing::{Times, Zone};
use crate::content::check_page;
use crate::jobs::{Jobs, Terms};
use crate::owners::principal_of;
use crate::policy::{self, Act, Standing, Verdict, check_open};
use crate::projects::{check_revision, contended, retries};

/// Of one person; a list gives no more at once.
const MOST: usize = 100;
const MOST_NAME_CHARS: usize = 200;
const CHANGE_ATTEMPTS: usize = 5;
const UTC: &str = "UTC";

/// A schedule to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchedule {
    pub name: String,
    pub when: When,
    pub task: GenerateTask,
    pub priority: Priority,
    pub missed: Missed,
    pub is_paused: bool,
}

/// A time as somebody says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// This or `at`.
    pub cron: Option<String>,
    pub at: Option<DateTime<Utc>>,
    /// Of `cron`; that of before where it is changed, UTC where there is none.
    pub time_zone: Option<String>,
}

/// What is to be otherwise; `None` stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SchedulePatch {
    pub name: Option<String>,
    pub when: When,
    pub input: Option<Value>,
    pub model: Option<String>,
    pub priority: Option<Priority>,
    pub missed: Option<Missed>,
    pub is_paused: Option<bool>,
}

/// Keeps schedules and runs them.
pub struct Schedules {
    store: Arc<dyn ScheduleStore>,
    jobs: Arc<Jobs>,
    users: Arc<dyn UserStore>,
    clock: Arc<dyn Clock>,
    /// Told where another may be next.
    wake: Notify,
}

impl Schedules {
    pub fn new(
        store: Arc<dyn ScheduleStore>,
        jobs: &Arc<Jobs>,
        users: &Arc<dyn UserStore>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            jobs: Arc::clone(jobs),
            users: Arc::clone(users),
            clock: Arc::clone(clock),
            wake: Notify::new(),
        }
    }

    /// Makes one, for whoever may queue its job now: what is wrong with that is said at once. `conflict` where
    /// somebody has as many as they may.
    pub async fn create(&self, principal: &Principal, new: NewSchedule) -> Result<Schedule> {
        let why = "your role may read only; schedules need the role `creator`";
        check_open(principal, Act::SubmitJob, why)?;
        let now = self.clock.now();
        let timing = new
            .when
            .timing(None)
            .map_err(|wrong| invalid(vec![wrong]))?;
        let mut schedule = Schedule {
            id: ScheduleId::new(),
            owner: principal.user,
            name: new.name,
            task: new.task,
            priority: new.priority,
            timing,
            missed: new.missed,
            pause: new.is_paused.then_some(Pause {
                at: now,
                reason: None,
            }),
            next_run_at: None,
            last_run: None,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        check_name(&schedule.name)?;
        plan(&mut schedule, now)?;
        self.check_task(principal, &schedule).await?;
        self.check_room(principal.user).await?;
        self.store.create_schedule(&schedule).await?;
        self.wake.notify_one();
        Ok(schedule)
    }

    /// Newest first; own ones, and for admins all.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: ScheduleFilter,
        page: PageRequest,
    ) -> Result<Page<Schedule>> {
        check_page(&page)?;
        let owner = match principal.is_admin() {
            true => filter.owner,
            false => Some(principal.user),
        };
        let filter = ScheduleFilter { owner, ..filter };
        self.store.list_schedules(&filter, page).await
    }

    /// Own ones, and for admins all; else `not_found`.
    pub async fn get(&self, principal: &Principal, id: ScheduleId) -> Result<Schedule> {
        let may_see = |schedule: &Schedule| {
            policy::decide(standing(principal, schedule), Act::SeeJob).is_allowed()
        };
        let found = self.store.schedule(id).await?.filter(may_see);
        found.ok_or_else(|| not_found(id))
    }

    /// Changes it. Whoever goes on with one that was paused, or gives it another time, plans it from now on: what
    /// passed meanwhile was not missed.
    pub async fn update(
        &self,
        principal: &Principal,
        id: ScheduleId,
        patch: SchedulePatch,
        expected: Option<u64>,
    ) -> Result<Schedule> {
        for _ in 0..CHANGE_ATTEMPTS {
            let before = self.get(principal, id).await?;
            // To stop it costs nothing, all else may spend.
            let act = match patch.is_pause_alone() {
                true => Act::CancelJob,
                false => Act::RequeueJob,
            };
            let verdict = check(principal, &before, act)?;
            check_revision(&format!("schedule `{id}`"), before.revision, expected)?;
            let now = self.clock.now();
            let mut after = patch.on(&before, now)?;
            if after == before {
                return Ok(before);
            }
            check_name(&after.name)?;
            if after.pause != before.pause || after.timing != before.timing {
                plan(&mut after, now)?;
            }
            if after.pause.is_none() || after.task != before.task {
                self.check_as_owner(principal, &after).await?;
            }
            after.revision += 1;
            after.updated_at = now;
            let audit = self.audit(verdict, principal, actions::SCHEDULE_CHANGED, &after);
            let update = self
                .store
                .update_schedule(&after, principal.user, audit.as_ref());
            match update.await {
                Ok(()) => {
                    self.wake.notify_one();
                    return Ok(after);
                }
                Err(error) if retries(&error, expected) => {}
                Err(error) => return Err(error),
            }
        }
        Err(contended("schedule", &id.to_string()))
    }

    /// Jobs that it has queued stay.
    pub async fn remove(&self, principal: &Principal, id: ScheduleId) -> Result<()> {
        let schedule = self.get(principal, id).await?;
        let verdict = check(principal, &schedule, Act::CancelJob)?;
        let audit = self.audit(verdict, principal, actions::SCHEDULE_REMOVED, &schedule);
        let (by, now) = (principal.user, self.clock.now());
        let remove = self
            .store
            .remove_schedule(&schedule, by, now, audit.as_ref());
        remove.await
    }

    /// What became of its times, newest first, with the jobs as far as they are not forgotten; for whoever may see it.
    pub async fn runs(
        &self,
        principal: &Principal,
        id: ScheduleId,
        page: PageRequest,
    ) -> Result<Page<(ScheduleRun, Option<Job>)>> {
        check_page(&page)?;
        self.get(principal, id).await?;
        let runs = self.store.schedule_runs(id, page).await?;
        let mut items = Vec::with_capacity(runs.items.len());
        for run in runs.items {
            let job = match run.outcome.job() {
                Some(job) => self.jobs.find(principal, job).await?,
                None => None,
            };
            items.push((run, job));
        }
        Ok(Page {
            items,
            next_cursor: runs.next_cursor,
        })
    }

    /// Runs of a schedule that is planned, from one time on and before the other; at most `most`.
    pub(crate) fn planned(
        schedule: &Schedule,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        most: usize,
    ) -> Vec<DateTime<Utc>> {
        let (Some(next), Ok(times)) = (schedule.next_run_at, Times::of(&schedule.timing)) else {
            return Vec::new();
        };
        times.between(from.max(next), to).take(most).collect()
    }

    async fn check_room(&self, owner: UserId) -> Result<()> {
        let own = ScheduleFilter {
            owner: Some(owner),
            project: None,
        };
        let page = PageRequest {
            limit: MOST,
            cursor: None,
        };
        let own = self.store.list_schedules(&own, page).await?;
        match own.items.len() < MOST {
            true => Ok(()),
            false => Err(Error::new(
                &codes::CONFLICT,
                format!("you have {MOST} schedules already; remove one first"),
            )),
        }
    }

    /// Whose schedule it is asks for its jobs, whoever changes it.
    async fn check_as_owner(&self, principal: &Principal, schedule: &Schedule) -> Result<()> {
        if schedule.owner == principal.user {
            return self.check_task(principal, schedule).await;
        }
        let owner = principal_of(self.users.as_ref(), schedule.owner).await?;
        self.check_task(&owner, schedule).await
    }

    /// Its job could be queued now.
    async fn check_task(&self, principal: &Principal, schedule: &Schedule) -> Result<()> {
        let (task, terms) = (schedule.task.clone(), terms(schedule));
        let checked = self
            .jobs
            .checked(principal, JobId::new(), task, terms)
            .await;
        checked.map(drop).map_err(below_input)
    }

    fn audit(
        &self,
        verdict: Verdict,
        principal: &Principal,
        action: &'static str,
        schedule: &Schedule,
    ) -> Option<AuditRecord> {
        let subject = format!("schedule:{}", schedule.id);
        let record = AuditRecord::by(principal, self.clock.now(), action, subject);
        let record = record.on_behalf_of(schedule.owner);
        (verdict == Verdict::AllowedAsAdmin).then_some(record)
    }
}

impl When {
    fn timing(self, before: Option<&Timing>) -> Result<Timing, FieldError> {
        let expression = match (self.cron, self.at, before) {
            (Some(_), Some(_), _) => {
                return Err(wrong("/at", "stands instead of `cron`, not beside it"));
            }
            (Some(expression), None, _) => expression,
            (None, Some(at), _) => return at_of(at, self.time_zone.as_deref()),
            (None, None, Some(Timing::Cron { expression, .. })) => expression.clone(),
            (None, None, Some(Timing::At(at))) => return at_of(*at, self.time_zone.as_deref()),
            (None, None, None) => return Err(wrong("/cron", "must be given, or `at`")),
        };
        let zone_before = match before {
            Some(Timing::Cron { time_zone, .. }) => time_zone.as_str(),
            _ => UTC,
        };
        Ok(Timing::Cron {
            expression,
            time_zone: self.time_zone.unwrap_or_else(|| zone_before.to_owned()),
        })
    }
}

fn at_of(at: DateTime<Utc>, time_zone: Option<&str>) -> Result<Timing, FieldError> {
    match time_zone {
        None => Ok(Timing::At(at)),
        Some(_) => {
            let detail = "is for `cron`; `at` has its own offset, such as `+02:00`";
            Err(wrong("/time_zone", detail))
        }
    }
}

impl SchedulePatch {
    fn is_pause_alone(&self) -> bool {
        let pause = Self {
            is_paused: Some(true),
            ..Self::default()
        };
        *self == pause
    }

    fn on(&self, before: &Schedule, now: DateTime<Utc>) -> Result<Schedule> {
        let patch = self.clone();
        let mut after = before.clone();
        let timing = patch.when.timing(Some(&before.timing));
        after.timing = timing.map_err(|wrong| invalid(vec![wrong]))?;
        after.name = patch.name.unwrap_or(after.name);
        after.task.input = patch.input.unwrap_or(after.task.input);
        after.task.model = patch.model.or(after.task.model);
        after.priority = patch.priority.unwrap_or(after.priority);
        after.missed = patch.missed.unwrap_or(after.missed);
        match patch.is_paused {
            Some(true) if after.pause.is_none() => {
                after.pause = Some(Pause {
                    at: now,
                    reason: None,
                });
            }
            Some(false) => after.pause = None,
            _ => {}
        }
        Ok(after)
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.chars().count() <= MOST_NAME_CHARS && !name.contains(char::is_control) {
        return Ok(());
    }
    let detail = format!("must be one line of at most {MOST_NAME_CHARS} characters");
    Err(invalid(vec![wrong("/name", &detail)]))
}

/// Finds its next time. One that is paused may be over.
fn plan(schedule: &mut Schedule, now: DateTime<Utc>) -> Result<()> {
    let times = Times::of(&schedule.timing).map_err(invalid)?;
    let next = times.next_after(now);
    let is_paused = schedule.pause.is_some();
    match (next, &schedule.timing) {
        (None, Timing::Cron { .. }) => {
            let never = wrong("/cron", "names a time that never comes");
            Err(invalid(vec![never]))
        }
        (None, Timing::At(_)) if !is_paused => Err(invalid(vec![wrong("/at", "must lie ahead")])),
        (next, _) => {
            schedule.next_run_at = next.filter(|_| !is_paused);
            Ok(())
        }
    }
}

fn standing(principal: &Principal, schedule: &Schedule) -> Standing {
    Standing::of(principal, schedule.owner == principal.user)
}

fn check(principal: &Principal, schedule: &Schedule, act: Act) -> Result<Verdict> {
    let why = "your role may read only; running schedules needs the role `creator`";
    let hidden = || not_found(schedule.id);
    policy::check(standing(principal, schedule), act, why, hidden)
}

fn terms(schedule: &Schedule) -> Terms {
    Terms {
        priority: schedule.priority,
        ..Terms::default()
    }
}

fn wrong(pointer: &str, detail: &str) -> FieldError {
    FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    }
}

fn invalid(wrong: Vec<FieldError>) -> Error {
    let first = wrong.first();
    let first = first.map_or_else(String::new, |it| {
        format!(": `{}` {}", it.pointer, it.detail)
    });
    let message = format!("the schedule is not valid{first}");
    Error::new(&codes::INVALID_INPUT, message).with_fields(wrong)
}

/// The schema check points into the input, which stands in the schedule.
fn below_input(error: Error) -> Error {
    if error.code() != &codes::SCHEMA_MISMATCH {
        return error;
    }
    let fields = error.fields().iter().map(|field| FieldError {
        pointer: format!("/input{}", field.pointer),
        detail: field.detail.clone(),
    });
    let fields = fields.collect();
    error.with_fields(fields)
}

/// Said for what does not exist and for what must not be seen alike.
fn not_found(id: ScheduleId) -> Error {
    Error::new(&codes::NOT_FOUND, format!("there is no schedule `{id}`"))
}
