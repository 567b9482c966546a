//! Settles one attempt: exactly one line in the ledger and one count in the metrics, whether it
//! succeeded, failed, or was dropped by a caller who left.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use inkstone_domain::chat::{Chunk, Usage};
use inkstone_domain::ids::{JobId, KeyId, UsageId, UserId};
use inkstone_domain::money::Money;
use inkstone_domain::outbound::Handed;
use inkstone_domain::ports::GuestCall;
use inkstone_domain::usage::{CacheUse, Outcome, UsageRecord};
use inkstone_domain::{Error, ErrorKind};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::breaker::Pass;
use super::deployments::{Deployment, UnderWay};
use super::estimate::{self, Written};
use super::limits::Admission;
use super::plan::Candidate;
use super::usage::UsageRecorder;

/// More tokens or searches than any call can take: the figures come from a plugin.
const MOST: u64 = 1_000_000_000;

/// For whom a call is made; all its attempts share it.
pub(crate) struct Caller {
    pub user: UserId,
    pub key: Option<KeyId>,
    pub project: Option<String>,
    pub job: Option<JobId>,
    pub request_id: String,
    pub admission: Arc<Admission>,
    /// By the caller's own words, where the upstream does not tell.
    pub input_tokens: u64,
    /// The same, of a reranking.
    pub search_units: u64,
    /// Where records go that must wait for something; else they are recorded at once.
    pub held: Option<Held>,
}

impl Caller {
    /// For another call within what was reserved for this one.
    pub fn again(&self) -> Self {
        Self {
            project: self.project.clone(),
            request_id: self.request_id.clone(),
            admission: Arc::clone(&self.admission),
            held: self.held.clone(),
            ..*self
        }
    }
}

/// Records that wait.
pub(crate) type Held = Arc<Mutex<Vec<UsageRecord>>>;

/// An attempt whose end is not known yet. Dropping it counts it as cancelled.
pub(crate) struct Settlement {
    recorder: UsageRecorder,
    caller: Arc<Caller>,
    candidate: Candidate,
    pass: Pass,
    attempt: u32,
    began: Instant,
    /// What of it an upstream has.
    handed: Arc<Handed>,
    in_parts: bool,
    first_chunk: Option<Duration>,
    usage: Option<Usage>,
    search_units: Option<u64>,
    written: Written,
    outcome: Option<Outcome>,
    _under_way: UnderWay,
    /// A shutdown waits for it.
    _counted: TaskTrackerToken,
}

impl Settlement {
    pub fn begin(
        recorder: UsageRecorder,
        caller: Arc<Caller>,
        candidate: Candidate,
        pass: Pass,
        attempt: u32,
    ) -> Self {
        Self {
            _counted: recorder.call_token(),
            _under_way: UnderWay::of(&candidate.deployment),
            recorder,
            caller,
            candidate,
            pass,
            attempt,
            began: Instant::now(),
            handed: Arc::default(),
            in_parts: false,
            first_chunk: None,
            usage: None,
            search_units: None,
            written: Written::default(),
            outcome: None,
        }
    }

    /// What goes with the call into the plugin. A provider gets no powers: nesting ends here.
    pub fn guest_call(&self) -> GuestCall {
        GuestCall {
            request_id: self.caller.request_id.clone(),
            caller: Some(self.caller.user),
            handed: Some(Arc::clone(&self.handed)),
            ..GuestCall::default()
        }
    }

    pub fn first_chunk(&mut self) {
        let took = self.began.elapsed();
        self.first_chunk = Some(took);
        self.candidate.deployment.first_chunk(took);
    }

    /// Takes note of what comes, for an end that nobody tells the cost of.
    pub fn saw(&mut self, chunk: &Chunk) {
        self.written.add(chunk);
    }

    /// The last figure counts: providers report totals. What no call can take is cut: the figures come
    /// from a plugin.
    pub fn spent(&mut self, usage: Usage) {
        // Nothing but zeros is nothing told: then it is estimated.
        if usage == Usage::default() {
            return;
        }
        self.usage = Some(Usage {
            input_tokens: usage.input_tokens.min(MOST),
            output_tokens: usage.output_tokens.min(MOST),
            cached_input_tokens: usage.cached_input_tokens.min(MOST),
            reasoning_tokens: usage.reasoning_tokens.min(MOST),
        });
    }

    /// None is nothing told, too.
    pub fn searched(&mut self, units: u64) {
        self.search_units = (units > 0).then_some(units.min(MOST));
    }

    /// What was spent by now, told or estimated.
    pub fn usage(&self) -> Usage {
        self.usage
            .unwrap_or_else(|| self.written.usage(self.caller.input_tokens))
    }

    /// The call is texts alone, which may go to the upstream in several requests.
    pub fn goes_in_parts(&mut self) {
        self.in_parts = true;
    }

    /// What an upstream has of a call that was not answered: of one in parts those that it took. The rest never went,
    /// or was refused.
    fn usage_handed(&self) -> Usage {
        if !self.in_parts {
            return self.usage();
        }
        self.usage.unwrap_or_else(|| {
            let taken = estimate::tokens_of(self.handed.body_bytes());
            self.written.usage(self.caller.input_tokens.min(taken))
        })
    }

    pub fn deployment(&self) -> &Deployment {
        &self.candidate.deployment
    }

    pub fn pass(&self) -> Pass {
        self.pass
    }

    pub fn succeeded(&mut self) {
        self.settle(Outcome::Succeeded, None);
    }

    pub fn failed(&mut self, error: &Error) {
        let outcome = match error.kind() {
            ErrorKind::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        };
        self.settle(outcome, Some(error.code().name.to_owned()));
    }

    fn settle(&mut self, outcome: Outcome, error_code: Option<String>) {
        if self.outcome.replace(outcome).is_some() {
            return;
        }
        // Who has the request bills it, though it never said a word; who refused it, or was not reached, does not.
        let has_begun = self.first_chunk.is_some() || outcome == Outcome::Succeeded;
        let is_billed = has_begun || self.handed.is_taken();
        let (usage, search_units) = match is_billed {
            true => (
                match has_begun {
                    true => self.usage(),
                    false => self.usage_handed(),
                },
                self.search_units.unwrap_or(self.caller.search_units),
            ),
            false => (self.usage.unwrap_or_default(), 0),
        };
        let deployment = &self.candidate.deployment;
        deployment.count(outcome);
        let took = self.began.elapsed();
        deployment.meters.duration.record(took.as_secs_f64());
        deployment.meters.input_tokens.increment(usage.input_tokens);
        deployment
            .meters
            .output_tokens
            .increment(usage.output_tokens);
        let plugin = &self.candidate.route.plugin;
        plugin.stats.tokens(usage.input_tokens, usage.output_tokens);
        let price = self.candidate.price;
        let record = UsageRecord {
            id: UsageId::new(),
            at: self.recorder.now(),
            request_id: self.caller.request_id.clone(),
            attempt: self.attempt,
            user: self.caller.user,
            key: self.caller.key,
            project: self.caller.project.clone(),
            job: self.caller.job,
            plugin: plugin.manifest.id.clone(),
            plugin_version: plugin.manifest.version.clone(),
            model: self.candidate.route.name.clone(),
            usage,
            cost: price.map_or(Money::ZERO, |price| price.of(&usage, search_units)),
            cache: CacheUse::None,
            outcome,
            error_code,
            latency_ms: as_ms(took),
            first_chunk_ms: self.first_chunk.map(as_ms),
        };
        self.caller.admission.spent(&record);
        match &self.caller.held {
            Some(held) => held
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(record),
            None => self.recorder.record(record),
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if self.outcome.is_none() {
            self.candidate.deployment.given_up(self.pass);
        }
        self.settle(Outcome::Cancelled, None);
    }
}

fn as_ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
