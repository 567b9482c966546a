//! Lists of jobs. Each page reads one index from one place on, in bounded pieces, and keeps what fits: no filter
//! looks at more than [`MOST_READ`] jobs, however many there are.

use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{BatchId, JobId};
use inkstone_domain::job::{Job, JobBatch, JobFilter};

use super::row::{CountedBatchRow, JobRow};
use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::statement::Statement;

const PIECE: u64 = 200;
const MOST_READ: u64 = 2_000;
/// After all keys.
pub(super) const END_OF_KEYS: &str = "z";

impl SurrealStore {
    pub(super) async fn jobs_that_fit(
        &self,
        filter: &JobFilter,
        page: &PageRequest,
    ) -> Result<Page<Job>, StoreFailure> {
        let place: Place<JobId> = Place::of(page)?;
        // Everything that the index knows fits, then, and one piece is the page.
        let piece = match is_index_enough(filter) {
            true => place.rows,
            false => PIECE,
        };
        let mut before = place.before;
        let mut fitting = Vec::new();
        for _ in 0..MOST_READ.div_ceil(piece) {
            let rows: Vec<JobRow> = self.read(piece_of(filter, before, piece)).await?;
            let is_last = (rows.len() as u64) < piece;
            let jobs: Vec<Job> = read_all(rows)?;
            before = jobs.last().map(|job| job.id).or(before);
            fitting.extend(jobs.into_iter().filter(|job| filter.fits(job)));
            if is_last || fitting.len() as u64 >= place.rows {
                return Ok(place.page(fitting, |job: &Job| job.id));
            }
        }
        // The next page goes on where this one stopped looking.
        Ok(Page {
            items: fitting,
            next_cursor: before.map(|id| id.to_string()),
        })
    }

    pub(super) async fn counted_batch(
        &self,
        id: BatchId,
    ) -> Result<Option<JobBatch>, StoreFailure> {
        let statement = Statement::new(
            "{
                LET $batch = SELECT * FROM ONLY type::record('job_batch', $batch_key);
                IF $batch = NONE { RETURN NONE };
                LET $statuses = SELECT VALUE status FROM job WITH INDEX job_batch
                    WHERE batch = $batch_key;
                RETURN { batch: $batch, statuses: $statuses };
            }",
        )
        .bind("batch_key", id.to_string());
        let row: Option<CountedBatchRow> = self.read(statement).await?;
        row.map(JobBatch::try_from).transpose()
    }
}

/// The narrowest index there is for it, and what it asks of the index.
fn index_of(filter: &JobFilter) -> (&'static str, &'static str) {
    match filter {
        JobFilter { batch: Some(_), .. } => ("job_batch", "batch = $batch AND"),
        JobFilter { owner: Some(_), .. } => ("job_owner", "owner = $owner AND"),
        JobFilter {
            status: Some(_), ..
        } => ("job_state", "status = $status AND"),
        JobFilter {
            project: Some(_), ..
        } => ("job_project", "project = $project AND"),
        _ => ("job_newest", ""),
    }
}

fn is_index_enough(filter: &JobFilter) -> bool {
    let asked = [
        filter.batch.is_some(),
        filter.owner.is_some(),
        filter.status.is_some(),
        filter.project.is_some(),
    ];
    let by_index = asked.iter().filter(|it| **it).count();
    by_index <= 1 && filter.kind.is_none() && filter.priority.is_none()
}

pub(super) fn piece_of(filter: &JobFilter, before: Option<JobId>, rows: u64) -> Statement {
    let (index, condition) = index_of(filter);
    let before = before.map_or_else(|| END_OF_KEYS.to_owned(), |id| id.to_string());
    Statement::new(format!(
        "SELECT * FROM job WITH INDEX {index} WHERE {condition} key < $before \
         ORDER BY key DESC LIMIT $rows"
    ))
    .bind("batch", filter.batch.map(|batch| batch.to_string()))
    .bind("owner", filter.owner.map(|owner| owner.to_string()))
    .bind(
        "status",
        filter.status.map(|status| status.as_str().to_owned()),
    )
    .bind("project", filter.project.clone())
    .bind("before", before)
    .bind("rows", rows)
}
