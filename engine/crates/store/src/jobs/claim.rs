//! Whose turn it is. Queued jobs lie in lanes, one for each priority, project and kind. The index `job_ready` has
//! lane after lane, each in the order of its times: so the head of a lane, and the next lane after it, are one
//! step in the index each, however many jobs there are. A claim looks at the heads of some lanes, chooses one by
//! what runs, and takes its head in a transaction. How many run is counted among the running ones, which are as
//! many as there are workers: no counter can drift. Most claims go by what is known from the last look (see `known`).

use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::job::{ClaimedJob, JobLimits, Priority, Task};
use surrealdb::types::SurrealValue;

use super::known::{Began, Load};
use super::row::{ClaimRow, due};
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::statement::Statement;

/// Lanes whose heads are compared. Where there are more, the first project of which nothing runs does, and the next
/// claim goes on behind it.
const LANES_COMPARED: usize = 16;
/// Others may take what was chosen, but then they have something.
const MOST_CHOICES: usize = 200;

const RUNNING: &str = "
    SELECT key, project, kind, lease_until FROM job WITH INDEX job_state WHERE status = 'running'
";
pub(super) const NEXT_HEAD: &str = "\
    SELECT lane, project, kind, run_at, key, place FROM job WITH INDEX job_ready \
    WHERE status = 'queued' AND place > $place ORDER BY place LIMIT 1";
/// Without an end: with both, the database filters what it scans, to the end of the queue where nothing is due.
pub(super) const FROM_FRONT: &str = "\
    SELECT lane, project, kind, run_at, key, place FROM job WITH INDEX job_ready \
    WHERE status = 'queued' AND place >= $front ORDER BY place LIMIT 1";
/// It gives `$next`.
const FIND_ABANDONED: &str = "
    LET $next = SELECT key, status, lease_until FROM ONLY type::record('job', $job_key);
    IF $next = NONE OR $next.status != 'running' OR $next.lease_until > $now { RETURN NONE };
";
/// Whoever claims within a limit writes its row, so two at once are a conflict.
const CHECK_PROJECT: &str = "
    LET $of_project = SELECT VALUE key FROM job WITH INDEX job_state
        WHERE status = 'running' AND lease_until > $now AND project = $project;
    IF array::len($of_project) >= $project_limit { RETURN NONE };
    UPSERT type::record('job_limit', 'project ' + $project) SET claimed_at = time::now() RETURN NONE;
";
const CHECK_KIND: &str = "
    LET $of_kind = SELECT VALUE key FROM job WITH INDEX job_state
        WHERE status = 'running' AND lease_until > $now AND (kind ?? 'generate') = $kind;
    IF array::len($of_kind) >= $kind_limit { RETURN NONE };
    UPSERT type::record('job_limit', 'kind ' + $kind) SET claimed_at = time::now() RETURN NONE;
";
const TAKE: &str = "
    LET $job = UPDATE ONLY type::record('job', $next.key) SET
        status = 'running',
        attempts += 1,
        stalls = (stalls ?? 0) + 1,
        fence += 1,
        worker = $worker,
        lease_until = $lease_until,
        started_at = started_at ?? $now
        RETURN AFTER;
    LET $checkpoint = SELECT * FROM ONLY type::record('job_checkpoint', $next.key);
    RETURN { job: $job, checkpoint: $checkpoint, stalls: $job.stalls, missed_since: $job.missed_since };
";

#[derive(SurrealValue)]
struct RunningRow {
    key: String,
    project: String,
    kind: Option<String>,
    lease_until: Option<DateTime<Utc>>,
}

#[derive(SurrealValue)]
struct HeadRow {
    lane: String,
    project: String,
    kind: Option<String>,
    run_at: DateTime<Utc>,
    key: String,
    place: String,
}

/// What was chosen.
struct Choice {
    place: Place,
    project: String,
    kind: String,
}

enum Place {
    /// The job.
    Abandoned(String),
    Lane {
        lane: String,
        front: String,
    },
}

/// What may run beside what runs in the hands of workers that are alive.
struct Room<'a> {
    limits: &'a JobLimits,
    now: DateTime<Utc>,
    load: Load,
}

/// How the lanes are found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// By what is known.
    Known,
    /// In the whole queue.
    Whole,
}

impl SurrealStore {
    pub(super) async fn claim_next(
        &self,
        worker: &str,
        lease: Duration,
        limits: &JobLimits,
        now: DateTime<Utc>,
    ) -> Result<Option<ClaimedJob>, StoreFailure> {
        for _ in 0..MOST_CHOICES {
            let Some(choice) = self.choose(limits, now).await? else {
                return Ok(None);
            };
            let statement = taking(&choice, limits, now)
                .bind("worker", worker)
                .bind("now", now)
                .bind("lease_until", now + lease);
            let claimed: Option<ClaimRow> = self.write(statement).await?;
            if let Some(claimed) = claimed {
                let claimed = ClaimedJob::try_from(claimed)?;
                let key = claimed.job.id.to_string();
                self.known().claimed(&key, &choice.project, &choice.kind);
                return Ok(Some(claimed));
            }
            // Either somebody was faster, or more runs than was known.
            if !limits.is_none() {
                self.known().doubt();
            }
        }
        Ok(None)
    }

    async fn choose(
        &self,
        limits: &JobLimits,
        now: DateTime<Utc>,
    ) -> Result<Option<Choice>, StoreFailure> {
        if let Some(known) = self.choose_known(limits, now).await? {
            return Ok(known);
        }
        let _one = self.known().one_look().await;
        // Whoever looked before may have found what this would.
        if let Some(known) = self.choose_known(limits, now).await? {
            return Ok(known);
        }
        let began = self.known().begin_whole();
        let choice = self.look(limits, now, began).await?;
        let is_abandoned = |choice: &Choice| matches!(choice.place, Place::Abandoned(_));
        if !choice.as_ref().is_some_and(is_abandoned) {
            self.known().looked(began, now, choice.is_none());
        }
        Ok(choice)
    }

    /// By what is known; `None` where that is not enough.
    async fn choose_known(
        &self,
        limits: &JobLimits,
        now: DateTime<Utc>,
    ) -> Result<Option<Option<Choice>>, StoreFailure> {
        let is_alone = self.is_embedded();
        // Who must not be above a limit has to know exactly what runs.
        let Some(load) = self
            .known()
            .load(now)
            .filter(|_| is_alone || limits.is_none())
        else {
            return Ok(None);
        };
        let room = Room { limits, now, load };
        let choice = self.choose_lane(&room, Look::Known).await?;
        let is_enough = choice.is_some() || (is_alone && self.known().is_all());
        Ok(is_enough.then_some(choice))
    }

    /// In the whole queue.
    async fn look(
        &self,
        limits: &JobLimits,
        now: DateTime<Utc>,
        began: Began,
    ) -> Result<Option<Choice>, StoreFailure> {
        let running: Vec<RunningRow> = self.read(Statement::new(RUNNING)).await?;
        let (mut alive, mut abandoned) = (Vec::new(), Vec::new());
        for row in running {
            match row.lease_until.is_some_and(|until| until > now) {
                true => alive.push((row.key, row.project, kind_of(row.kind))),
                false => abandoned.push(row),
            }
        }
        let load = self.known().runs(alive, began);
        let room = Room { limits, now, load };
        abandoned.sort_by(|a, b| (a.lease_until, &a.key).cmp(&(b.lease_until, &b.key)));
        // Their owners have waited longest, and what they take up is free.
        for row in abandoned {
            let kind = kind_of(row.kind);
            if room.allows(&row.project, &kind) {
                return Ok(Some(Choice {
                    place: Place::Abandoned(row.key),
                    project: row.project,
                    kind,
                }));
            }
        }
        self.choose_lane(&room, Look::Whole).await
    }

    async fn choose_lane(
        &self,
        room: &Room<'_>,
        look: Look,
    ) -> Result<Option<Choice>, StoreFailure> {
        for priority in Priority::ALL {
            if let Some(head) = self.best_lane(priority, room, look).await? {
                return Ok(Some(Choice {
                    place: Place::Lane {
                        lane: head.lane,
                        front: head.place,
                    },
                    project: head.project,
                    kind: kind_of(head.kind),
                }));
            }
        }
        Ok(None)
    }

    /// Of the project with the fewest that run the lane with the oldest head. Once around all lanes, or until
    /// enough were compared and one of a project of which nothing runs is among them: with that, a claim takes no
    /// more steps than there are workers, whatever waits.
    async fn best_lane(
        &self,
        priority: Priority,
        room: &Room<'_>,
        look: Look,
    ) -> Result<Option<HeadRow>, StoreFailure> {
        let first = format!("{}:", priority.rank());
        let start = self.known().start(priority);
        // Before all lanes of the priority.
        let mut at = start.clone().unwrap_or_else(|| first.clone());
        let mut is_around = start.is_none();
        let mut best: Option<(u32, HeadRow)> = None;
        let mut compared = 0;
        loop {
            let head = match look {
                Look::Known => self.known_head_after(&at, &first).await?,
                Look::Whole => self.head_after(&at, &first).await?,
            };
            let Some(head) = head else {
                if is_around {
                    break;
                }
                is_around = true;
                at.clone_from(&first);
                continue;
            };
            if is_around && start.as_ref().is_some_and(|start| head.lane > *start) {
                break;
            }
            at.clone_from(&head.lane);
            compared += 1;
            let running = room.of_project(&head.project);
            let is_due = head.run_at <= room.now;
            if is_due && room.allows(&head.project, &kind_of(head.kind.clone())) {
                let is_better = best.as_ref().is_none_or(|(least, oldest)| {
                    (running, head.run_at, &head.key) < (*least, oldest.run_at, &oldest.key)
                });
                if is_better {
                    best = Some((running, head));
                }
            }
            let is_idle = best.as_ref().is_some_and(|(running, _)| *running == 0);
            if compared >= LANES_COMPARED && is_idle {
                self.known().begin_at(priority, at);
                break;
            }
        }
        Ok(best.map(|(_, head)| head))
    }

    /// Of the next lane, in the whole queue.
    async fn head_after(&self, lane: &str, letters: &str) -> Result<Option<HeadRow>, StoreFailure> {
        let began = self.known().begin();
        let next = Statement::new(format!("RETURN ({NEXT_HEAD})[0]")).bind("place", end_of(lane));
        let head: Option<HeadRow> = self.read(next).await?;
        if let Some(head) = &head {
            self.known().saw(&head.lane, &head.place, began);
        }
        // Those of lower priorities come behind it.
        Ok(head.filter(|head| head.lane.starts_with(letters)))
    }

    /// Of the next lane that is known and not empty.
    async fn known_head_after(
        &self,
        lane: &str,
        letters: &str,
    ) -> Result<Option<HeadRow>, StoreFailure> {
        let mut after = lane.to_owned();
        loop {
            let began = self.known().begin();
            let Some((lane, front)) = self.known().lane_after(&after, letters) else {
                return Ok(None);
            };
            let next = Statement::new(format!("RETURN ({FROM_FRONT})[0]")).bind("front", front);
            let head: Option<HeadRow> = self.read(next).await?;
            if let Some(head) = head.filter(|head| head.lane == lane) {
                self.known().saw(&head.lane, &head.place, began);
                return Ok(Some(head));
            }
            self.known().saw_nothing(&lane, began);
            after = lane;
        }
    }
}

fn taking(choice: &Choice, limits: &JobLimits, now: DateTime<Utc>) -> Statement {
    let find = match &choice.place {
        Place::Abandoned(_) => FIND_ABANDONED.to_owned(),
        Place::Lane { .. } => {
            format!(
                "LET $next = ({FROM_FRONT})[0]; IF $next = NONE OR $next.place > $until {{ RETURN NONE }};"
            )
        }
    };
    let project_limit = limits.of_project(&choice.project);
    let kind_limit = limits.of_kind(&choice.kind);
    let check_project = project_limit.map_or("", |_| CHECK_PROJECT);
    let check_kind = kind_limit.map_or("", |_| CHECK_KIND);
    let statement = Statement::new(format!("{{ {find} {check_project} {check_kind} {TAKE} }}"))
        .about("queue")
        .bind("project", choice.project.as_str())
        .bind("kind", choice.kind.as_str())
        .bind("project_limit", project_limit)
        .bind("kind_limit", kind_limit);
    match &choice.place {
        Place::Abandoned(key) => statement.bind("job_key", key.as_str()),
        Place::Lane { lane, front } => statement
            .bind("front", front.as_str())
            .bind("until", format!("{lane} {}~", due(now))),
    }
}

impl Room<'_> {
    fn of_project(&self, slug: &str) -> u32 {
        self.load.projects.get(slug).copied().unwrap_or_default()
    }

    fn allows(&self, project: &str, kind: &str) -> bool {
        let of_kind = self.load.kinds.get(kind).copied().unwrap_or_default();
        let is_below = |limit: Option<u32>, running| limit.is_none_or(|limit| running < limit);
        is_below(self.limits.of_project(project), self.of_project(project))
            && is_below(self.limits.of_kind(kind), of_kind)
    }
}

/// After all places of a lane, and before the next one.
fn end_of(lane: &str) -> String {
    format!("{lane} ~")
}

fn kind_of(column: Option<String>) -> String {
    column.unwrap_or_else(|| Task::GENERATE.to_owned())
}
