//! The tables `schedule` and `schedule_run`. Every write of a schedule checks its revision inside its own
//! transaction, so of two engines at one time only one queues the job.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{ScheduleId, ScheduleRunId, UserId};
use inkstone_domain::job::Priority;
use inkstone_domain::ports::ScheduleStore;
use inkstone_domain::schedule::{
    FiredRun, Firing, KEPT_RUNS, Schedule, ScheduleFilter, ScheduleRun,
};
use surrealdb::types::SurrealValue;

use crate::articles::read_all;
use crate::audit::{APPEND_AUDIT, bind_audit, transaction};
use crate::connection::SurrealStore;
use crate::events::{EventRow, tell};
use crate::failure::StoreFailure;
use crate::jobs::NewRow;
use crate::pages::Place;
use crate::row::{RowResult, from_json, parse, to_json, unknown_word};
use crate::statement::Statement;

const TABLE: &str = "schedule";
const RUNS: &str = "schedule_run";

const CREATE: &str = concat!(
    "{
    IF record::exists(type::record('schedule', $row.key)) { THROW 'refused:already_exists' };
    CREATE type::record('schedule', $row.key) CONTENT $row RETURN NONE;
",
    tell!(),
    "
    RETURN NONE;
}"
);
const UPDATE: &str = concat!(
    "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('schedule', $row.key);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored };
    UPDATE type::record('schedule', $row.key) CONTENT $row RETURN NONE;
",
    tell!()
);
const REMOVE: &str = concat!(
    "
    LET $stored = SELECT VALUE key FROM ONLY type::record('schedule', $key);
    IF $stored = NONE { THROW 'refused:not_found' };
    DELETE type::record('schedule', $key) RETURN NONE;
    LET $runs = SELECT VALUE key FROM schedule_run WITH INDEX schedule_run_newest WHERE schedule = $key;
    DELETE $runs.map(|$run| type::record('schedule_run', $run)) RETURN NONE;
",
    tell!()
);
/// Around it stand the braces; an entry in the audit log comes between its parts. As many runs may be surplus as are new.
const FIRE: [&str; 2] = [
    concat!(
        "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('schedule', $row.key);
    IF $stored = NONE OR $stored != $row.revision - 1 { RETURN false };
    UPDATE type::record('schedule', $row.key) CONTENT $row RETURN NONE;
    FOR $fired IN $runs {
        LET $run_id = type::record('schedule_run', $fired.run.key);
        IF record::exists($run_id) = false {
            CREATE $run_id CONTENT $fired.run RETURN NONE;
            IF $fired.new_job != NONE {
                CREATE type::record('job', $fired.new_job.job.key) CONTENT $fired.new_job.job RETURN NONE;
",
        tell!("$fired.new_job.event", "{}"),
        "
            };
            IF $fired.event != NONE {
",
        tell!("$fired.event", "{}"),
        "
            };
        };
    };
"
    ),
    "
    LET $surplus = SELECT VALUE key FROM schedule_run WITH INDEX schedule_run_newest
        WHERE schedule = $row.key ORDER BY key DESC LIMIT $new_runs START $kept_runs;
    DELETE $surplus.map(|$run| type::record('schedule_run', $run)) RETURN NONE;
    RETURN true;
",
];
/// Without an end, as with the lanes of jobs.
const NEXT: &str = "SELECT * FROM schedule WITH INDEX schedule_next
    WHERE is_planned = true AND next_run_at > $beginning ORDER BY next_run_at LIMIT $limit";

#[derive(SurrealValue)]
struct ScheduleRow {
    key: String,
    owner: String,
    name: String,
    project: String,
    task: String,
    timing: String,
    pause: Option<String>,
    last_run: Option<String>,
    rank: u32,
    missed: String,
    is_planned: bool,
    next_run_at: DateTime<Utc>,
    revision: u64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
struct RunRow {
    key: String,
    schedule: String,
    run: String,
}

/// A run with what it writes beside itself.
#[derive(SurrealValue)]
struct FiredRow {
    run: RunRow,
    new_job: Option<NewRow>,
    event: Option<EventRow>,
}

#[async_trait]
impl ScheduleStore for SurrealStore {
    async fn create_schedule(&self, schedule: &Schedule) -> Result<()> {
        let statement = Statement::new(CREATE)
            .about(subject(schedule.id))
            .bind("row", ScheduleRow::of(schedule)?)
            .tell(schedule.created())?;
        Ok(self.write(statement).await?)
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>> {
        let row: Option<ScheduleRow> = self.record(TABLE, id.to_string()).await?;
        Ok(row.map(Schedule::try_from).transpose()?)
    }

    async fn list_schedules(
        &self,
        filter: &ScheduleFilter,
        page: PageRequest,
    ) -> Result<Page<Schedule>> {
        let place: Place<ScheduleId> = Place::of(&page)?;
        let rows: Vec<ScheduleRow> = self.read(page_of(filter, &place)).await?;
        Ok(place.page(read_all(rows)?, |schedule: &Schedule| schedule.id))
    }

    async fn update_schedule(
        &self,
        schedule: &Schedule,
        by: UserId,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let statement = transaction(UPDATE, audit)
            .about(subject(schedule.id))
            .bind("row", ScheduleRow::of(schedule)?)
            .tell(schedule.changed(by))?;
        Ok(self.write(statement).await?)
    }

    async fn remove_schedule(
        &self,
        schedule: &Schedule,
        by: UserId,
        at: DateTime<Utc>,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let statement = transaction(REMOVE, audit)
            .about(subject(schedule.id))
            .bind("key", schedule.id.to_string())
            .tell(schedule.removed(by, at))?;
        Ok(self.write(statement).await?)
    }

    async fn next_schedules(&self, limit: usize) -> Result<Vec<Schedule>> {
        let rows: Vec<ScheduleRow> = self.read(next_up(limit)).await?;
        Ok(read_all(rows)?)
    }

    async fn fire(&self, firing: &Firing) -> Result<bool> {
        let [runs, rest] = FIRE;
        let append = firing.audit.as_ref().map_or("", |_| APPEND_AUDIT);
        let rows = firing.runs.iter();
        let rows: RowResult<Vec<FiredRow>> = rows
            .map(|fired| FiredRow::of(&firing.schedule, fired))
            .collect();
        let rows = rows?;
        let new_jobs = rows.iter().filter_map(|row| row.new_job.as_ref());
        let places: Vec<_> = new_jobs.map(NewRow::to_place).collect();
        let mut statement = Statement::new(format!("{{ {runs} {append} {rest} }}"))
            .about(subject(firing.schedule.id))
            .bind("row", ScheduleRow::of(&firing.schedule)?)
            .bind("runs", rows)
            .bind("kept_runs", KEPT_RUNS as u64)
            .bind("new_runs", firing.runs.len() as u64)
            .telling();
        if let Some(audit) = &firing.audit {
            statement = bind_audit(statement, audit);
        }
        let fired = self.write(statement).await?;
        for place in places {
            self.put_job(place);
        }
        Ok(fired)
    }

    async fn schedule_runs(&self, id: ScheduleId, page: PageRequest) -> Result<Page<ScheduleRun>> {
        let place: Place<ScheduleRunId> = Place::of(&page)?;
        let rows: Vec<RunRow> = self.read(runs_of(id, &place)).await?;
        Ok(place.page(read_all(rows)?, |run: &ScheduleRun| run.id))
    }
}

fn next_up(limit: usize) -> Statement {
    Statement::new(NEXT)
        .bind("beginning", DateTime::UNIX_EPOCH)
        .bind("limit", limit.min(u32::MAX as usize))
}

/// By the narrowest index there is; somebody has a bounded number of them.
fn page_of(filter: &ScheduleFilter, place: &Place<ScheduleId>) -> Statement {
    let (index, condition) = match (filter.owner, &filter.project) {
        (Some(_), Some(_)) => (
            "schedule_owner",
            "owner = $owner AND project = $project AND",
        ),
        (Some(_), None) => ("schedule_owner", "owner = $owner AND"),
        (None, Some(_)) => ("schedule_project", "project = $project AND"),
        (None, None) => ("schedule_newest", ""),
    };
    Statement::new(format!(
        "SELECT * FROM schedule WITH INDEX {index} WHERE {condition} key < $before \
         ORDER BY key DESC LIMIT $rows"
    ))
    .bind("owner", filter.owner.map(|owner| owner.to_string()))
    .bind("project", filter.project.clone())
    .bind("before", key_before(place))
    .bind("rows", place.rows)
}

fn runs_of(id: ScheduleId, place: &Place<ScheduleRunId>) -> Statement {
    Statement::new(
        "SELECT * FROM schedule_run WITH INDEX schedule_run_newest \
         WHERE schedule = $schedule AND key < $before ORDER BY key DESC LIMIT $rows",
    )
    .bind("schedule", id.to_string())
    .bind("before", key_before(place))
    .bind("rows", place.rows)
}

/// Where none is given, what comes after all keys.
fn key_before<K: ToString>(place: &Place<K>) -> String {
    let before = place.before.as_ref();
    before.map_or_else(|| "z".to_owned(), ToString::to_string)
}

fn subject(id: ScheduleId) -> String {
    format!("schedule `{id}`")
}

impl ScheduleRow {
    fn of(schedule: &Schedule) -> RowResult<Self> {
        let pause = schedule.pause.as_ref();
        let last_run = schedule.last_run.as_ref();
        Ok(Self {
            key: schedule.id.to_string(),
            owner: schedule.owner.to_string(),
            name: schedule.name.clone(),
            project: schedule.task.project.clone(),
            task: to_json(TABLE, &schedule.task)?,
            timing: to_json(TABLE, &schedule.timing)?,
            pause: pause.map(|pause| to_json(TABLE, pause)).transpose()?,
            last_run: last_run.map(|run| to_json(TABLE, run)).transpose()?,
            rank: u32::from(schedule.priority.rank()),
            missed: schedule.missed.as_str().to_owned(),
            is_planned: schedule.next_run_at.is_some(),
            next_run_at: schedule.next_run_at.unwrap_or_default(),
            revision: schedule.revision,
            created_at: schedule.created_at,
            updated_at: schedule.updated_at,
        })
    }
}

impl TryFrom<ScheduleRow> for Schedule {
    type Error = StoreFailure;

    fn try_from(row: ScheduleRow) -> RowResult<Self> {
        let of_rank = |priority: &Priority| u32::from(priority.rank()) == row.rank;
        let priority = Priority::ALL.into_iter().find(of_rank);
        let unknown_rank = || unknown_word(TABLE, "rank", &row.rank.to_string());
        Ok(Self {
            id: parse(TABLE, &row.key)?,
            owner: parse(TABLE, &row.owner)?,
            task: from_json(TABLE, &row.task)?,
            priority: priority.ok_or_else(unknown_rank)?,
            timing: from_json(TABLE, &row.timing)?,
            missed: parse(TABLE, &row.missed)?,
            pause: option(row.pause.as_deref())?,
            next_run_at: row.is_planned.then_some(row.next_run_at),
            last_run: option(row.last_run.as_deref())?,
            name: row.name,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn option<T: serde::de::DeserializeOwned>(text: Option<&str>) -> RowResult<Option<T>> {
    text.map(|text| from_json(TABLE, text)).transpose()
}

impl FiredRow {
    fn of(schedule: &Schedule, fired: &FiredRun) -> RowResult<Self> {
        let job = fired.job.as_ref();
        // That the job is queued is told first.
        let new_job = job.map(|job| NewRow::of(job, None)).transpose()?;
        let event = schedule.ran(&fired.run);
        Ok(Self {
            run: RunRow {
                key: fired.run.id.to_string(),
                schedule: schedule.id.to_string(),
                run: to_json(RUNS, &fired.run)?,
            },
            new_job,
            event: event.map(EventRow::of).transpose()?,
        })
    }
}

impl TryFrom<RunRow> for ScheduleRun {
    type Error = StoreFailure;

    fn try_from(row: RunRow) -> RowResult<Self> {
        from_json(RUNS, &row.run)
    }
}

#[cfg(test)]
mod tests;
