//! What is known of each `provider/model` that was called: whether it rests, how busy and how fast it is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use inkstone_domain::usage::Outcome;
use inkstone_domain::{Error, ErrorKind, codes};
use metrics::{Counter, Histogram};
use tokio::time::Instant;

use super::breaker::{Breaker, Pass};
use crate::models::Route;
use inkstone_domain::gateway::ReliabilityConfig;

/// All of them, by model, version and role.
pub(crate) struct Deployments {
    known: RwLock<HashMap<String, Arc<Deployment>>>,
    cooldown_failures: u32,
    cooldown: Duration,
}

/// Names beyond this many get a state of their own for each call only: they come from outside.
const MOST: usize = 10_000;

/// One of them.
pub(crate) struct Deployment {
    pub name: String,
    never_rests: bool,
    breaker: Mutex<Breaker>,
    under_way: AtomicU32,
    /// Exponentially weighted mean of the time to the first piece; 0 is none yet.
    first_chunk_us: AtomicU64,
    pub meters: Meters,
}

/// Handles of the common metrics, made once.
pub(crate) struct Meters {
    succeeded: Counter,
    failed: Counter,
    cancelled: Counter,
    pub first_chunk: Histogram,
    pub duration: Histogram,
    pub input_tokens: Counter,
    pub output_tokens: Counter,
    opened: Counter,
}

impl Deployments {
    pub fn new(config: &ReliabilityConfig) -> Self {
        Self {
            known: RwLock::default(),
            cooldown_failures: config.cooldown_failures.max(1),
            cooldown: config.cooldown,
        }
    }

    /// Each version of a plugin has its own: a canary that fails says nothing of the stable one. A canary
    /// never rests, since its rollout must see how it does.
    pub fn of(&self, route: &Route) -> Arc<Deployment> {
        let role = if route.is_canary { "canary" } else { "stable" };
        let key = format!("{}@{} {role}", route.name, route.plugin.manifest.version);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&key) {
            return Arc::clone(found);
        }
        drop(known);
        let made = Arc::new(Deployment::new(route));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            return made;
        }
        Arc::clone(known.entry(key).or_insert(made))
    }

    /// Those that rest.
    pub fn resting(&self) -> Vec<Arc<Deployment>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let resting = known.values().filter(|one| !one.breaker().is_closed());
        resting.cloned().collect()
    }

    /// An answer has begun: enough for a deployment that was resting, and too little to forget faults of
    /// one that was not.
    pub fn begun(&self, deployment: &Deployment, pass: Pass) {
        if !deployment.breaker().is_closed() {
            self.ended(deployment, pass, Ok(()));
        }
    }

    /// Somebody looked at it, beside the calls, and it works.
    pub fn recovered(&self, deployment: &Deployment) {
        if deployment.breaker().recovered() {
            serves_again(deployment);
        }
    }

    /// Notes how a call ended. A fault that is the request's own says nothing of the deployment.
    pub fn ended(&self, deployment: &Deployment, pass: Pass, end: Result<(), &Error>) {
        let now = Instant::now();
        let mut breaker = deployment.breaker();
        match end {
            Ok(()) => {
                if breaker.succeeded(pass) {
                    serves_again(deployment);
                }
            }
            Err(error) if is_fault(error) && !deployment.never_rests => {
                let asked = match error.kind() {
                    ErrorKind::RateLimited => error.retry_after(),
                    _ => None,
                };
                if breaker.failed(pass, now, self.cooldown_failures, self.cooldown, asked) {
                    deployment.meters.opened.increment(1);
                    tracing::warn!(
                        deployment = deployment.name,
                        error.code = error.code().name,
                        rest_ms = breaker.rest(now).unwrap_or_default().as_millis() as u64,
                        "the deployment rests after faults"
                    );
                }
            }
            Err(_) => breaker.unknown(pass, now),
        }
    }
}

fn serves_again(deployment: &Deployment) {
    tracing::info!(deployment = deployment.name, "the deployment serves again");
}

/// Whether an error speaks against the deployment. What one caller's input may bring about speaks against nobody:
/// else a caller could take the deployment from all others.
fn is_fault(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Upstream | ErrorKind::Unavailable | ErrorKind::Timeout => true,
        ErrorKind::RateLimited => true,
        ErrorKind::Internal => error.code().blames_plugin() && !error.code().depends_on_input(),
        _ => false,
    }
}

impl Deployment {
    fn new(route: &Route) -> Self {
        let plugin = || route.plugin.manifest.id.clone();
        let requests = |outcome: &'static str| metrics::counter!("inkstone_chat_requests_total", "plugin" => plugin(), "outcome" => outcome);
        let tokens = |direction: &'static str| metrics::counter!("inkstone_tokens_total", "plugin" => plugin(), "direction" => direction);
        Self {
            name: route.name.clone(),
            never_rests: route.is_canary,
            breaker: Mutex::default(),
            under_way: AtomicU32::new(0),
            first_chunk_us: AtomicU64::new(0),
            meters: Meters {
                succeeded: requests("succeeded"),
                failed: requests("failed"),
                cancelled: requests("cancelled"),
                first_chunk: metrics::histogram!("inkstone_chat_first_chunk_seconds", "plugin" => plugin()),
                duration: metrics::histogram!("inkstone_chat_duration_seconds", "plugin" => plugin()),
                input_tokens: tokens("input"),
                output_tokens: tokens("output"),
                opened: metrics::counter!("inkstone_deployment_rests_total", "plugin" => plugin()),
            },
        }
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn would_pass(&self) -> bool {
        self.breaker().would_pass(Instant::now())
    }

    /// Takes the one try where it has rested; `None` where no call passes.
    pub fn pass(&self) -> Option<Pass> {
        self.breaker().pass(Instant::now())
    }

    pub fn rest(&self) -> Option<Duration> {
        self.breaker().rest(Instant::now())
    }

    /// The call that passed was given up.
    pub fn given_up(&self, pass: Pass) {
        self.breaker().unknown(pass, Instant::now());
    }

    pub fn under_way(&self) -> u32 {
        self.under_way.load(Ordering::Relaxed)
    }

    pub fn first_chunk_us(&self) -> u64 {
        self.first_chunk_us.load(Ordering::Relaxed)
    }

    pub fn first_chunk(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        // A lost update of two at once costs a little of the mean, and no lock.
        let mean = match self.first_chunk_us() {
            0 => us,
            before => (before * 7 + us) / 8,
        };
        self.first_chunk_us.store(mean, Ordering::Relaxed);
        self.meters.first_chunk.record(took.as_secs_f64());
    }

    pub fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Succeeded => &self.meters.succeeded,
            Outcome::Failed => &self.meters.failed,
            Outcome::Cancelled => &self.meters.cancelled,
        };
        counter.increment(1);
    }
}

/// A call under way, for who is least busy.
pub(crate) struct UnderWay(Arc<Deployment>);

impl UnderWay {
    pub fn of(deployment: &Arc<Deployment>) -> Self {
        deployment.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(deployment))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Nobody behind a name may be called at the moment. Without a `wait` one call tries it right now.
pub(crate) fn all_rest(name: &str, wait: Option<Duration>) -> Error {
    Error::new(
        &codes::MODEL_UNAVAILABLE,
        format!("`{name}` failed too often and rests; it is tried again by itself"),
    )
    .with_retry_after(wait)
}
