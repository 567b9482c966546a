//! Jobs that are asked for together.

use inkstone_domain::ids::{BatchId, JobId};
use inkstone_domain::job::{GenerateTask, JobBatch, MOST_AWAITED, MOST_OF_A_BATCH};
use inkstone_domain::ports::{NewBatch, NewJob};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, FieldError, Result, codes};

use super::{Jobs, Terms};
use crate::policy::{self, Act, Standing};

const MOST_NAME_CHARS: usize = 200;

/// One job of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchItem {
    pub task: GenerateTask,
    pub terms: Terms,
    /// Places, from 0, of jobs before it in the batch that must succeed first.
    pub after_items: Vec<usize>,
}

impl Jobs {
    /// Queues all of them or none, each under the conditions of [`Jobs::submit`].
    pub async fn submit_batch(
        &self,
        principal: &Principal,
        name: &str,
        items: Vec<BatchItem>,
    ) -> Result<JobBatch> {
        let batch = self.checked_batch(principal, name, items).await?;
        self.queue.submit_batch(batch).await
    }

    /// A batch as it would be queued.
    pub(crate) async fn checked_batch(
        &self,
        principal: &Principal,
        name: &str,
        items: Vec<BatchItem>,
    ) -> Result<NewBatch> {
        if name.chars().count() > MOST_NAME_CHARS {
            let detail = format!("a name has at most {MOST_NAME_CHARS} characters");
            return Err(invalid("/name".to_owned(), detail));
        }
        if items.is_empty() || items.len() > MOST_OF_A_BATCH {
            let detail = format!("a batch has 1 to {MOST_OF_A_BATCH} jobs");
            return Err(invalid("/jobs".to_owned(), detail));
        }
        let mut jobs = Vec::with_capacity(items.len());
        for (place, item) in items.into_iter().enumerate() {
            let checked = self.checked(principal, JobId::new(), item.task, item.terms);
            let mut new = checked.await.map_err(|error| within_item(error, place))?;
            for awaited in item.after_items {
                let earlier = jobs.get(awaited).map(|job: &NewJob| job.id);
                let id = earlier.ok_or_else(|| {
                    let detail = "a job waits for jobs that stand before it in the batch";
                    invalid(format!("/jobs/{place}/after_jobs"), detail.to_owned())
                })?;
                if !new.after.contains(&id) {
                    new.after.push(id);
                }
            }
            if new.after.len() > MOST_AWAITED {
                let detail = format!("a job waits for at most {MOST_AWAITED} others");
                return Err(invalid(format!("/jobs/{place}/after_jobs"), detail));
            }
            jobs.push(new);
        }
        Ok(NewBatch {
            id: BatchId::new(),
            owner: principal.user,
            name: name.to_owned(),
            jobs,
            created_at: self.clock.now(),
        })
    }

    /// How far it is: for its owner and admins; else `not_found`.
    pub async fn batch(&self, principal: &Principal, id: BatchId) -> Result<JobBatch> {
        let may_see = |batch: &JobBatch| {
            let standing = Standing::of(principal, batch.owner == principal.user);
            policy::decide(standing, Act::SeeJob).is_allowed()
        };
        let found = self.store.batch(id).await?.filter(may_see);
        found.ok_or_else(|| Error::new(&codes::NOT_FOUND, format!("there is no batch {id}")))
    }
}

fn invalid(pointer: String, detail: String) -> Error {
    let field = FieldError {
        pointer,
        detail: detail.clone(),
    };
    Error::new(&codes::INVALID_INPUT, detail).with_fields(vec![field])
}

/// Says which of them it is. The schema check points into the input, all else into the job.
fn within_item(error: Error, place: usize) -> Error {
    let root = match error.code() == &codes::SCHEMA_MISMATCH {
        true => format!("/jobs/{place}/generate/input"),
        false => format!("/jobs/{place}/generate"),
    };
    let fields = error.fields().iter().map(|field| FieldError {
        pointer: format!("{root}{}", field.pointer),
        detail: field.detail.clone(),
    });
    let fields = fields.collect();
    error
        .context(format!("job {place} of the batch"))
        .with_fields(fields)
}
