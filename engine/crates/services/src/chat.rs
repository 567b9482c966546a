//! Calls of models: who may, what they may use, which deployments take the call, and what is told of
//! the answer. How an answer is had is the work of `gateway`; which names mean which model, of `models`.

mod cached;
mod once;
mod upkeep;
mod whole;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use futures::StreamExt;
use inkstone_domain::allowance::Spend;
use inkstone_domain::chat::{ChunkStream, EmbedReply, Reply, Request, RerankReply, Usage};
use inkstone_domain::ids::JobId;
use inkstone_domain::money::Money;
use inkstone_domain::ports::{Clock, Egress, ReplyStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::usage::CacheUse;
use inkstone_domain::{Error, Result, codes};
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use self::cached::Looked;

use crate::gateway::answer::{Answer, Rest};
use crate::gateway::attempt::Attempts;
use crate::gateway::cache::AnswerCache;
use crate::gateway::deployments::Deployments;
use crate::gateway::estimate;
use crate::gateway::guards::Guards;
use crate::gateway::idempotency::Idempotency;
use crate::gateway::images::Images;
use crate::gateway::plan::Stage;
use crate::gateway::settlement::{self, Caller};
use crate::gateway::tries::{Course, Resolve, Tries};
use crate::gateway::{CacheWish, GatewayConfig, Limits, RateInfo, SharedImages, UsageRecorder};
use crate::models::{ModelKindAsked, Models};
use crate::plugins::{Choice, Pins};

/// What goes with a call besides its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    pub request_id: String,
    /// The job it is made for.
    pub job: Option<JobId>,
    /// Versions of plugins a tester asked for.
    pub pins: Pins,
    /// Of any number of calls with the same key one is made.
    pub idempotency_key: Option<String>,
    pub cache: CacheWish,
    /// Of the same request, whatever calls are made of it.
    pub images: SharedImages,
}

/// How an answer was had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// A ULID. A stored answer keeps its own.
    pub id: String,
    pub created_at: DateTime<Utc>,
    /// How many were asked, the one who answered included; 0 where the answer was there already.
    pub attempts: u32,
    pub rate: RateInfo,
    pub cache: CacheUse,
    /// Whether it is the stored answer to an earlier call with the same `Idempotency-Key`.
    pub is_replay: bool,
}

impl Facts {
    /// A kept answer cost no attempt, and says nothing of rates.
    fn told(&mut self, is_replay: bool) {
        if is_replay {
            self.attempts = 0;
            self.rate = RateInfo::default();
            self.is_replay = true;
        }
    }
}

/// An answer under way. Dropping `chunks` cancels the call up to the upstream.
pub struct ChatStream {
    /// `provider/model` that answers.
    pub model: String,
    /// Id of the plugin that answers.
    pub plugin: String,
    pub plugin_version: String,
    /// SHA-256 of the plugin's component, hex.
    pub plugin_digest: String,
    pub facts: Facts,
    /// Any number of pieces; then, unless it fails, `Finish` and `Usage` exactly once each, in this order.
    pub chunks: ChunkStream,
}

/// Vectors, and who made them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedded {
    /// `provider/model` that answered.
    pub model: String,
    /// Id of the plugin that answered.
    pub plugin: String,
    pub plugin_version: String,
    /// SHA-256 of the plugin's component, hex.
    pub plugin_digest: String,
    pub facts: Facts,
    pub reply: EmbedReply,
}

/// Documents in order, and who put them so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reranked {
    /// `provider/model` that answered.
    pub model: String,
    /// Id of the plugin that answered.
    pub plugin: String,
    pub plugin_version: String,
    pub facts: Facts,
    pub reply: RerankReply,
}

/// Calls language models in the name of a principal.
pub struct Chat {
    models: Arc<Models>,
    limits: Arc<Limits>,
    tries: Arc<Tries>,
    cache: Arc<AnswerCache>,
    idempotency: Idempotency,
    made_good: once::MadeGood,
    guards: Arc<Guards>,
    images: Images,
    replies: Arc<dyn ReplyStore>,
    clock: Arc<dyn Clock>,
    drop_unsupported: bool,
    reserved_output_tokens: u32,
}

/// What a [`Chat`] stands on.
pub(crate) struct ChatParts {
    pub models: Arc<Models>,
    pub limits: Arc<Limits>,
    pub recorder: UsageRecorder,
    pub replies: Arc<dyn ReplyStore>,
    pub egress: Arc<dyn Egress>,
    pub clock: Arc<dyn Clock>,
    /// What is written behind callers' backs.
    pub writes: TaskTracker,
    /// This engine, the same after a restart.
    pub engine: String,
}

impl Chat {
    /// Fails where the configuration has a pattern that is none.
    pub(crate) fn new(parts: ChatParts, config: &GatewayConfig) -> Result<Self> {
        let attempts = Attempts {
            deployments: Deployments::new(&config.reliability),
            recorder: parts.recorder,
            config: config.reliability.clone(),
        };
        let cache = AnswerCache::new(
            config.cache.clone(),
            Arc::clone(&parts.replies),
            Arc::clone(&parts.clock),
            parts.writes,
        );
        Ok(Self {
            models: parts.models,
            limits: parts.limits,
            tries: Arc::new(Tries::new(Arc::new(attempts))),
            cache: Arc::new(cache),
            idempotency: Idempotency::new(
                Arc::clone(&parts.replies),
                Arc::clone(&parts.clock),
                parts.engine,
            ),
            made_good: once::MadeGood::default(),
            replies: parts.replies,
            clock: parts.clock,
            guards: Arc::new(Guards::new(&config.guards)?),
            images: Images::new(parts.egress, &config.images),
            drop_unsupported: config.drop_unsupported,
            reserved_output_tokens: config.limits.reserved_output_tokens,
        })
    }

    /// Gives up what this engine was at when it died: for the start.
    pub(crate) async fn recover(&self) -> Result<()> {
        self.idempotency.recover().await
    }

    /// Starts an answer and waits for its first chunk, so that an error that comes first is returned
    /// here. Needs the role creator. Usage is recorded however the call ends.
    pub async fn stream(
        self: &Arc<Self>,
        principal: &Principal,
        context: &RequestContext,
        mut request: Request,
    ) -> Result<ChatStream> {
        check_may_spend(principal)?;
        check_messages(&request)?;
        request.drop_unsupported |= self.drop_unsupported;
        self.guards.check_prompt(&mut request)?;
        match &context.idempotency_key {
            Some(key) => self.once(principal, context, key, request).await,
            None => self.answer(principal, context, request, None).await,
        }
    }

    /// From the cache, or from whom the plan says. `held` is where records shall wait.
    async fn answer(
        self: &Arc<Self>,
        principal: &Principal,
        context: &RequestContext,
        mut request: Request,
        held: Option<settlement::Held>,
    ) -> Result<ChatStream> {
        let kind = ModelKindAsked::Chat;
        let (stage, resolve) = self.plan(principal, context, &request.model, kind)?;
        let place = match self.look(principal, context, &stage.name, &request).await? {
            Looked::Hit(answer) => return Ok(*answer),
            Looked::Miss(place) => place,
        };
        let output = request.sampling.max_tokens;
        let output = output.unwrap_or(self.reserved_output_tokens);
        let estimate = Estimate {
            input_tokens: estimate::input_tokens(&request),
            output_tokens: u64::from(output),
            search_units: 0,
        };
        let caller = self
            .admit(principal, context, &stage, estimate, held)
            .await?;
        let name = &stage.name;
        let keeping = match self
            .compare(principal, context, &caller, name, &request, place)
            .await
        {
            Looked::Hit(answer) => return Ok(*answer),
            Looked::Miss(keeping) => keeping,
        };
        if caller.admission.has_budget() && output > 0 {
            // What is not reserved is not to be spent.
            request.sampling.max_tokens.get_or_insert(output);
        }
        self.images
            .fetch_all(principal.user, &mut request, &context.images)
            .await?;
        let mut course = Course::new(stage);
        let started = self
            .tries
            .answer(&caller, &mut course, &request, &resolve)
            .await?;
        let facts = self.facts(&course, &caller);
        let route = Arc::clone(&started.candidate.route);
        self.models
            .answered(principal.user, &context.request_id, &route);
        let format = request.response_format.clone();
        let rest = Rest {
            tries: Arc::clone(&self.tries),
            caller,
            course,
            request,
            resolve,
        };
        let chunks = Box::pin(Answer::new(started, rest));
        let plugin = &route.plugin;
        let answer = ChatStream {
            model: route.name.clone(),
            plugin: plugin.manifest.id.clone(),
            plugin_version: plugin.manifest.version.clone(),
            plugin_digest: plugin.digest.clone(),
            facts,
            chunks: self.guards.check_answer(&format, chunks),
        };
        Ok(match keeping {
            Some(keeping) => keeping.of(answer),
            None => answer,
        })
    }

    /// The whole answer. Conditions as for a stream.
    pub async fn complete(
        self: &Arc<Self>,
        principal: &Principal,
        context: &RequestContext,
        request: Request,
    ) -> Result<Reply> {
        let mut answer = self.stream(principal, context, request).await?;
        let mut reply = Reply {
            model: answer.model,
            ..Reply::default()
        };
        while let Some(chunk) = answer.chunks.next().await {
            reply.push(chunk?);
        }
        Ok(reply)
    }

    /// Who takes a call of this name, and how names that stand in are resolved. A key may use its models
    /// only, by the name it asks for; who stands in is the admin's choice.
    fn plan(
        &self,
        principal: &Principal,
        context: &RequestContext,
        name: &str,
        kind: ModelKindAsked,
    ) -> Result<(Stage, Resolve)> {
        let resolve = self.resolve(principal, context, kind);
        let stage = resolve(name)?;
        self.models.check_spelling(&stage)?;
        if let Some(key) = &principal.key
            && !key.may_use(name)
            && !key.may_use(&stage.name)
        {
            return Err(Error::new(
                &codes::FORBIDDEN,
                format!(
                    "this key may not use `{}`; it may use {}",
                    stage.name,
                    key.models.join(", ")
                ),
            ));
        }
        Ok((stage, resolve))
    }

    fn resolve(
        &self,
        principal: &Principal,
        context: &RequestContext,
        kind: ModelKindAsked,
    ) -> Resolve {
        let choice = Choice::of(principal, context);
        let tries = Arc::clone(&self.tries);
        let models = Arc::clone(&self.models);
        Arc::new(move |name| models.stage(name, kind, &choice, &tries.attempts.deployments))
    }

    /// Reserves what the call may cost.
    async fn admit(
        &self,
        principal: &Principal,
        context: &RequestContext,
        stage: &Stage,
        estimate: Estimate,
        held: Option<settlement::Held>,
    ) -> Result<Arc<Caller>> {
        let Estimate {
            input_tokens,
            output_tokens,
            search_units,
        } = estimate;
        let usage = Usage {
            input_tokens,
            output_tokens,
            ..Usage::default()
        };
        let prices = stage.candidates.iter().filter_map(|one| one.price);
        let costs = prices.map(|price| price.of(&usage, search_units));
        let estimate = Spend {
            money: costs.max().unwrap_or(Money::ZERO),
            tokens: input_tokens + output_tokens,
        };
        let project = project_of(principal);
        // Bounds of a model hold where its own name is called.
        let model = match stage.candidates.as_slice() {
            [only] => Some(only.route.name.as_str()),
            _ => None,
        };
        let admission = self
            .limits
            .admit(principal, project.as_deref(), model, estimate)
            .await?;
        Ok(Arc::new(Caller {
            user: principal.user,
            key: principal.key.as_ref().map(|key| key.id),
            project,
            job: context.job,
            request_id: context.request_id.clone(),
            admission: Arc::new(admission),
            input_tokens,
            search_units,
            held,
        }))
    }

    fn facts(&self, course: &Course, caller: &Caller) -> Facts {
        Facts {
            id: Ulid::new().to_string(),
            created_at: self.tries.attempts.recorder.now(),
            attempts: course.attempts,
            rate: caller.admission.rate,
            cache: CacheUse::None,
            is_replay: false,
        }
    }
}

/// What a call may take.
#[derive(Clone, Copy)]
struct Estimate {
    input_tokens: u64,
    output_tokens: u64,
    search_units: u64,
}

fn project_of(principal: &Principal) -> Option<String> {
    principal.key.as_ref()?.project.clone()
}

pub(crate) fn check_may_spend(principal: &Principal) -> Result<()> {
    if principal.can_create() {
        return Ok(());
    }
    Err(Error::new(
        &codes::FORBIDDEN,
        "your role may read only; models need the role `creator`",
    ))
}

fn check_messages(request: &Request) -> Result<()> {
    if request.messages.is_empty() {
        return Err(Error::new(
            &codes::INVALID_INPUT,
            "there are no messages; give at least one",
        ));
    }
    Ok(())
}

/// Measures a call from its beginning.
pub(crate) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
