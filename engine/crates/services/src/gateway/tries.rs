//! Tries and their repetition: a fault that may pass is met by another try, after a wait with jitter
//! and within a budget of repetitions; one that stays, by a name that stands in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::future::{Either, select};
use inkstone_domain::chat::Request;
use inkstone_domain::{Error, Result};

use tokio::time::Instant;

use super::attempt::{Attempts, Started};
use super::bucket::Bucket;
use super::plan::{Candidate, Stage, may_fall_back, may_retry};
use super::settlement::Caller;
use inkstone_domain::gateway::ReliabilityConfig;

/// Goes through a plan.
pub(crate) struct Tries {
    pub attempts: Arc<Attempts>,
    /// Repetitions that may be made: each call pays in a part of one. So a broken upstream is asked
    /// hardly more often than a whole one. (Finagle's retry budget.)
    repetitions: Mutex<Bucket>,
    paid_by_a_call: f64,
}

/// Repetitions a minute that are always free: a quiet gateway may try again too.
const FREE_REPETITIONS: u64 = 600;

/// Where a call is: who is left to ask, and how often somebody was.
#[derive(Clone)]
pub(crate) struct Course {
    /// Attempts so far.
    pub attempts: u32,
    stage: Stage,
    /// Names of deployments that were asked for this stage.
    tried: Vec<String>,
    /// Names that stand in, next first.
    waiting: Vec<String>,
    /// Names that had their turn: nobody stands in twice.
    done: Vec<String>,
}

impl Course {
    pub fn new(stage: Stage) -> Self {
        Self {
            attempts: 0,
            done: vec![stage.name.clone()],
            stage,
            tried: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Who is asked now; `model_unavailable` where all rest.
    fn next(&mut self) -> Result<Turn> {
        let picked = self.stage.pick(&self.tried, rand::random()).cloned();
        let candidate = picked.ok_or_else(|| self.stage.nobody())?;
        self.tried.push(candidate.deployment.name.clone());
        Ok(Turn {
            candidate,
            number: self.attempts + 1,
            spare: self.spare(),
        })
    }

    /// Whom to ask too where the first is silent, and after what time.
    fn spare(&self) -> Option<(Duration, Candidate)> {
        let after = self.stage.config.as_ref()?.hedge_after?;
        if !self.stage.has_fresh(&self.tried) {
            return None;
        }
        let spare = self.stage.pick(&self.tried, rand::random())?.clone();
        Some((after, spare))
    }

    /// Moves to somebody who was not asked yet: another deployment, or a name that stands in.
    pub fn moves_on(
        &mut self,
        error: &Error,
        resolve: &(dyn Fn(&str) -> Result<Stage> + Send + Sync),
    ) -> bool {
        self.stage.has_fresh(&self.tried) || self.fall_back(error, resolve)
    }

    /// Takes the next name that stands in after this error, if there is one that can be resolved.
    pub fn fall_back(
        &mut self,
        error: &Error,
        resolve: &(dyn Fn(&str) -> Result<Stage> + Send + Sync),
    ) -> bool {
        let more = self.stage.fallbacks_after(error);
        // A fault has its own stand-ins first; those of the names before wait behind them.
        let mut waiting = more;
        waiting.append(&mut self.waiting);
        waiting.retain(|name| !self.done.contains(name));
        self.waiting = waiting;
        while !self.waiting.is_empty() {
            let name = self.waiting.remove(0);
            self.done.push(name.clone());
            match resolve(&name) {
                Ok(stage) => {
                    self.stage = stage;
                    self.tried.clear();
                    return true;
                }
                Err(error) => tracing::warn!(
                    fallback = name,
                    error = %error,
                    "a model that should stand in cannot be resolved"
                ),
            }
        }
        false
    }
}

/// One attempt to be made.
struct Turn {
    candidate: Candidate,
    number: u32,
    spare: Option<(Duration, Candidate)>,
}

/// Resolves names while a call goes on.
pub(crate) type Resolve = Arc<dyn Fn(&str) -> Result<Stage> + Send + Sync>;

impl Tries {
    pub fn new(attempts: Arc<Attempts>) -> Self {
        let percent = attempts.config.retry_budget_percent;
        let mut repetitions = Bucket::full(FREE_REPETITIONS, Instant::now());
        // What ten seconds bring is enough for a start.
        repetitions.take(FREE_REPETITIONS as f64 * 5.0 / 6.0);
        Self {
            attempts,
            repetitions: Mutex::new(repetitions),
            paid_by_a_call: f64::from(percent) / 100.0,
        }
    }

    /// The first answer that begins. The error is the last one where nobody answers.
    pub async fn answer(
        &self,
        caller: &Arc<Caller>,
        course: &mut Course,
        request: &Request,
        resolve: &Resolve,
    ) -> Result<Started> {
        let mut patience = self.patience();
        loop {
            let error = match course.next() {
                Err(error) => error,
                Ok(turn) => {
                    let Turn {
                        candidate,
                        number,
                        spare,
                    } = turn;
                    let begin = |candidate, number| {
                        let request = request.clone();
                        self.attempts.begin(caller, candidate, number, request)
                    };
                    let first = begin(candidate, number);
                    let (done, made) = match spare {
                        None => (first.await, 1),
                        Some((after, spare)) => {
                            let name = spare.deployment.name.clone();
                            let hedged = hedged(first, after, begin(spare, number + 1)).await;
                            if hedged.1 > 1 {
                                course.tried.push(name);
                            }
                            hedged
                        }
                    };
                    course.attempts += made;
                    match done {
                        Ok(started) => return Ok(started),
                        Err(error) => error,
                    }
                }
            };
            self.after(error, course, &mut patience, resolve).await?;
        }
    }

    /// The same for calls that are answered in one piece.
    pub async fn whole<T, F>(
        &self,
        course: &mut Course,
        resolve: &Resolve,
        ask: impl Fn(Candidate, u32) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut patience = self.patience();
        loop {
            let error = match course.next() {
                Err(error) => error,
                Ok(turn) => {
                    let done = ask(turn.candidate, turn.number).await;
                    course.attempts += 1;
                    match done {
                        Ok(done) => return Ok(done),
                        Err(error) => error,
                    }
                }
            };
            self.after(error, course, &mut patience, resolve).await?;
        }
    }

    fn patience(&self) -> Patience {
        self.repetitions().take(-self.paid_by_a_call);
        Patience::new(&self.attempts.config)
    }

    /// What follows on a fault: another try after a wait, somebody who stands in, or the fault itself.
    async fn after(
        &self,
        error: Error,
        course: &mut Course,
        patience: &mut Patience,
        resolve: &Resolve,
    ) -> Result<()> {
        let has_fresh = course.stage.has_fresh(&course.tried);
        if has_fresh && !may_retry(&error) && may_fall_back(&error) {
            // What this deployment cannot, such as take its credential, another may.
            return Ok(());
        }
        let may_repeat = may_retry(&error) && patience.tries_left > 0;
        if may_repeat && let Some(wait) = self.wait_for(course, &error, patience) {
            patience.tries_left -= 1;
            tracing::debug!(
                error.code = error.code().name,
                wait_ms = wait.as_millis() as u64,
                "trying again"
            );
            tokio::time::sleep(wait).await;
            return Ok(());
        }
        if !course.fall_back(&error, &**resolve) {
            return Err(error);
        }
        *patience = Patience::new(&self.attempts.config);
        Ok(())
    }

    /// How long to wait before another try; `None` where there shall be none.
    fn wait_for(
        &self,
        course: &Course,
        error: &Error,
        patience: &mut Patience,
    ) -> Option<Duration> {
        let wait = match course.stage.has_fresh(&course.tried) {
            // Somebody else is asked, who knows nothing of this fault.
            true => Duration::ZERO,
            false => {
                let longest = self.attempts.config.retry_max;
                let asked = error.retry_after().unwrap_or_default();
                if asked > longest {
                    return None;
                }
                // Jitter comes on top of the longest wait too.
                patience.waits.next()?.min(longest).max(asked)
            }
        };
        let mut repetitions = self.repetitions();
        if repetitions.wait_for(1.0, Instant::now()).is_some() {
            return None;
        }
        repetitions.take(1.0);
        Some(wait)
    }

    fn repetitions(&self) -> MutexGuard<'_, Bucket> {
        self.repetitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever begins first; the other is dropped, and with it its upstream call. Gives the number of attempts.
async fn hedged(
    first: impl Future<Output = Result<Started>>,
    after: Duration,
    second: impl Future<Output = Result<Started>>,
) -> (Result<Started>, u32) {
    let mut first = Box::pin(first);
    if let Ok(done) = tokio::time::timeout(after, &mut first).await {
        return (done, 1);
    }
    let done = match select(first, Box::pin(second)).await {
        Either::Left((Ok(started), _)) | Either::Right((Ok(started), _)) => Ok(started),
        Either::Left((Err(_), second)) => second.await,
        Either::Right((Err(_), first)) => first.await,
    };
    (done, 2)
}

/// How often and after what waits one name is tried again.
struct Patience {
    tries_left: u32,
    waits: backon::ExponentialBackoff,
}

impl Patience {
    fn new(config: &ReliabilityConfig) -> Self {
        let waits = ExponentialBuilder::default()
            .with_min_delay(config.retry_min)
            .with_max_delay(config.retry_max)
            .with_max_times(config.retries as usize)
            .with_jitter();
        Self {
            tries_left: config.retries,
            waits: waits.build(),
        }
    }
}
