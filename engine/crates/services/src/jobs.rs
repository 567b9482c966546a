//! Generations as background work, as users see it: submit, look, watch, cancel, requeue. The work itself is
//! done by `worker` and `attempt`; what watchers hear while it is done goes through `feed`.

mod attempt;
mod batches;
mod commit;
mod feed;
mod generation;
mod missed;
mod notes;
mod queue;
mod retention;
mod work;
mod worker;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::Stream;
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::{Event, EventBody, Scope};
use inkstone_domain::generation::Template;
use inkstone_domain::ids::{EventId, JobId, UserId};
use inkstone_domain::job::{
    GenerateTask, Job, JobFilter, JobLimits, LogLine, MOST_AWAITED, Progress, Task,
};
use inkstone_domain::ports::{Clock, JobStore, NewJob};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, FieldError, Result, codes};
use tokio_util::sync::CancellationToken;

pub use self::batches::BatchItem;
use self::feed::Feeds;
pub use self::queue::{Queue, Terms};
pub use self::work::{Work, WorkKind, WorkKinds};
pub use self::worker::{Worker, WorkerPowers};
use crate::access::Access;
use crate::chat::RequestContext;
use crate::content::{DEFAULT_PROJECT, check_page, check_project};
use crate::models::Models;
use crate::plugins::{Choice, Plugins};
use crate::policy::{self, Act, Standing, Verdict, check_open};

/// How jobs are run.
#[derive(Debug, Clone)]
pub struct JobsConfig {
    /// Names this process in leases.
    pub worker: String,
    /// A worker that is silent for this long has lost its job. It reports three times as often.
    pub lease: Duration,
    /// How often to look for work, and at jobs that run elsewhere, where nothing signals.
    pub poll_interval: Duration,
    /// How often a job is tried before a fault that may pass makes it a dead letter.
    pub max_attempts: u32,
    /// The first wait after a fault that may pass; it doubles with every one.
    pub retry_delay: Duration,
    /// How many run at the same time, over all engines on the store.
    pub limits: JobLimits,
    /// How long what has ended is kept; `None` is for ever.
    pub kept: Option<TimeDelta>,
}

impl Default for JobsConfig {
    /// A random name, half a minute, a second, ten attempts, a second, no limits, for ever.
    fn default() -> Self {
        Self {
            worker: format!("worker-{}", ulid::Ulid::new()),
            lease: Duration::from_secs(30),
            poll_interval: Duration::from_secs(1),
            max_attempts: 10,
            retry_delay: Duration::from_secs(1),
            limits: JobLimits::default(),
            kept: None,
        }
    }
}

/// What a watcher of a job sees.
#[derive(Debug, Clone, PartialEq)]
pub enum JobUpdate {
    /// How it stands: first, and whenever something may have been missed.
    Snapshot(Job),
    Progress(Progress),
    /// A piece of the text being written.
    Text(String),
    /// The last update.
    Ended(Job),
}

/// Dropping it ends the watch, never the job.
pub type JobUpdates = Pin<Box<dyn Stream<Item = Result<JobUpdate>> + Send>>;

/// A template and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedTemplate {
    /// Id of the plugin.
    pub plugin: String,
    pub template: Template,
}

/// The queue as users see it.
pub struct Jobs {
    store: Arc<dyn JobStore>,
    queue: Queue,
    plugins: Arc<Plugins>,
    models: Arc<Models>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
    config: JobsConfig,
    feeds: Feeds,
    stop: CancellationToken,
}

impl Jobs {
    /// Workers for these jobs come from [`Jobs::worker`]. After `stop` watches end, whether their
    /// jobs have ended or not.
    pub fn new(
        queue: Queue,
        plugins: Arc<Plugins>,
        models: Arc<Models>,
        access: Arc<Access>,
        clock: Arc<dyn Clock>,
        config: JobsConfig,
        stop: CancellationToken,
    ) -> Self {
        Self {
            store: queue.store(),
            queue,
            plugins,
            models,
            access,
            clock,
            config,
            feeds: Feeds::default(),
            stop,
        }
    }

    /// A worker that hears of new jobs and cancels at once, and whose jobs can be watched here live.
    pub fn worker(&self, powers: WorkerPowers) -> Worker {
        Worker {
            store: Arc::clone(&self.store),
            plugins: Arc::clone(&self.plugins),
            models: Arc::clone(&self.models),
            clock: Arc::clone(&self.clock),
            config: self.config.clone(),
            feeds: self.feeds.clone(),
            wake: self.queue.wake(),
            powers,
        }
    }

    /// What can be generated, by plugin.
    pub fn templates(&self) -> Vec<ListedTemplate> {
        let generators = self.plugins.snapshot().generators();
        let listed = generators.iter().flat_map(|one| {
            one.port.templates().iter().map(|template| ListedTemplate {
                plugin: one.plugin.manifest.id.clone(),
                template: template.clone(),
            })
        });
        listed.collect()
    }

    /// Queues a generation after checking plugin, template, input, model, project and what it waits for. Needs
    /// the role creator, and in a project other than `default` that of an editor; `not_found` for strangers of
    /// the project, `conflict` where it is archived.
    pub async fn submit(
        &self,
        principal: &Principal,
        task: GenerateTask,
        terms: Terms,
    ) -> Result<Job> {
        let new = self.checked(principal, JobId::new(), task, terms).await?;
        self.queue.submit(new).await
    }

    /// A job as it would be queued, under the conditions of [`Jobs::submit`].
    pub(crate) async fn checked(
        &self,
        principal: &Principal,
        id: JobId,
        task: GenerateTask,
        terms: Terms,
    ) -> Result<NewJob> {
        let why = "your role may read only; generating needs the role `creator`";
        check_open(principal, Act::SubmitJob, why)?;
        let choice = Choice::of(principal, &context_of(id, &task));
        let generator = self.plugins.snapshot().generator(&task.plugin, &choice)?;
        generator.port.check_input(&task.template, &task.input)?;
        if let Some(model) = &task.model {
            self.models.resolve(model, &choice)?;
        }
        check_project(&task.project)?;
        self.enter(principal, &task.project).await?;
        self.check_awaited(principal, &terms.after).await?;
        let task = Task::Generate(task);
        Ok(self.queue.new_job(id, principal.user, task, terms))
    }

    /// Everybody may write into `default`.
    async fn enter(&self, principal: &Principal, project: &str) -> Result<()> {
        if project == DEFAULT_PROJECT {
            return Ok(());
        }
        let act = Act::CreateArticle;
        self.access.enter_to_spend(principal, project, act).await?;
        Ok(())
    }

    /// They may see those they wait for.
    async fn check_awaited(&self, principal: &Principal, after: &[JobId]) -> Result<()> {
        if after.len() > MOST_AWAITED {
            let detail = format!("a job waits for at most {MOST_AWAITED} others");
            let field = FieldError {
                pointer: "/after".to_owned(),
                detail: detail.clone(),
            };
            return Err(Error::new(&codes::INVALID_INPUT, detail).with_fields(vec![field]));
        }
        for id in after {
            self.get(principal, *id).await?;
        }
        Ok(())
    }

    /// Something was queued elsewhere: by another engine, or with something else in one transaction.
    pub(crate) fn look(&self) {
        self.queue.wake().notify_one();
    }

    /// For the engine's own work.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Own ones, and for admins all; else `not_found`.
    pub async fn get(&self, principal: &Principal, id: JobId) -> Result<Job> {
        let found = self.store.job(id).await?;
        let mut job = found
            .filter(|job| verdict(principal, job, Act::SeeJob).is_allowed())
            .ok_or_else(|| not_found(id))?;
        // The store hears of progress only with the heartbeat.
        if !job.status.is_final()
            && let Some(progress) = self.feeds.progress(id)
        {
            job.progress = progress;
        }
        Ok(job)
    }

    /// For the engine itself.
    pub(crate) async fn stored(&self, id: JobId) -> Result<Option<Job>> {
        self.store.job(id).await
    }

    /// The same for what may have been forgotten.
    pub(crate) async fn find(&self, principal: &Principal, id: JobId) -> Result<Option<Job>> {
        match self.get(principal, id).await {
            Err(error) if error.code() == &codes::NOT_FOUND => Ok(None),
            found => found.map(Some),
        }
    }

    /// Newest first; own ones, and for admins all. A page may be short, and even empty, and not the last.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: JobFilter,
        page: PageRequest,
    ) -> Result<Page<Job>> {
        check_page(&page)?;
        let owner = match principal.is_admin() {
            true => filter.owner,
            false => Some(principal.user),
        };
        let filter = JobFilter { owner, ..filter };
        self.store.list_jobs(&filter, page).await
    }

    /// What its attempts said, oldest first; for whoever may see the job.
    pub async fn log(&self, principal: &Principal, id: JobId) -> Result<Vec<LogLine>> {
        self.get(principal, id).await?;
        self.store.job_log(id).await
    }

    /// Puts a job that failed, died or was cancelled into the queue once more, for its owner, who needs what
    /// asking for it needs, or for admins. A dead letter goes on from its last checkpoint. It waits for no
    /// other job. `conflict` for all that ended well or not yet.
    pub async fn requeue(&self, principal: &Principal, id: JobId) -> Result<Job> {
        let job = self.get(principal, id).await?;
        let why = "your role may read only; requeuing needs the role `creator`";
        let standing = Standing::of(principal, job.owner == principal.user);
        let verdict = policy::check(standing, Act::RequeueJob, why, || not_found(id))?;
        if let Task::Generate(task) = &job.task {
            self.enter(principal, &task.project).await?;
        }
        let event = self.event(principal.user, EventBody::JobRequeued { job: id });
        let line = LogLine::new(event.at, 0, &format!("requeued by {}", principal.user));
        let event = event.within(Scope::of_job(&job));
        let requeue = self.store.requeue(id, &line, &event);
        let job = match verdict {
            // As with a cancel.
            Verdict::AllowedAsAdmin => {
                let audit = self.audit(principal, actions::JOB_REQUEUED, &job);
                self.access.audit().around(audit, requeue).await?
            }
            _ => requeue.await?,
        };
        self.queue.there_is_more();
        Ok(job)
    }

    /// Asks a job to stop: a queued one ends at once, a running one soon; `conflict` where it has
    /// ended.
    pub async fn cancel(&self, principal: &Principal, id: JobId) -> Result<Job> {
        let job = self.get(principal, id).await?;
        let event = self.event(principal.user, EventBody::JobCancelled { job: id });
        let cancel = self.store.request_cancel(id, event);
        let job = match verdict(principal, &job, Act::CancelJob) {
            // The transaction of the queue knows nothing of the log, so the intent goes first.
            Verdict::AllowedAsAdmin => {
                let audit = self.audit(principal, actions::JOB_CANCELLED, &job);
                self.access.audit().around(audit, cancel).await?
            }
            _ => cancel.await?,
        };
        self.feeds.nudge(id);
        // What waits for it is cancelled, too.
        self.queue.there_is_more();
        Ok(job)
    }

    /// Follows a job to its end, or to that of the engine, wherever the job runs. A slow watcher misses pieces of text rather than
    /// holding up the work, and gets a snapshot then.
    pub async fn watch(&self, principal: &Principal, id: JobId) -> Result<JobUpdates> {
        self.get(principal, id).await?;
        // Listen first, then read: what happens between the two is heard.
        let listener = self.feeds.listen(id);
        let job = self.get(principal, id).await?;
        let updates = feed::follow(
            Arc::clone(&self.store),
            listener,
            job,
            self.config.poll_interval,
            self.stop.clone(),
        );
        Ok(Box::pin(updates))
    }

    fn audit(&self, principal: &Principal, action: &'static str, job: &Job) -> AuditRecord {
        let subject = format!("job:{}", job.id);
        AuditRecord::by(principal, self.clock.now(), action, subject).on_behalf_of(job.owner)
    }

    fn event(&self, actor: UserId, body: EventBody) -> Event {
        Event {
            id: EventId::new(),
            at: self.clock.now(),
            actor,
            body,
        }
    }
}

fn verdict(principal: &Principal, job: &Job, act: Act) -> Verdict {
    policy::decide(Standing::of(principal, job.owner == principal.user), act)
}

/// What goes with every call made for a job.
fn context_of(id: JobId, task: &GenerateTask) -> RequestContext {
    RequestContext {
        request_id: id.to_string(),
        job: Some(id),
        pins: task.pins.iter().cloned().collect(),
        ..RequestContext::default()
    }
}

/// Said for what does not exist and for what must not be seen alike.
fn not_found(id: JobId) -> Error {
    Error::new(&codes::NOT_FOUND, format!("there is no job {id}"))
}
