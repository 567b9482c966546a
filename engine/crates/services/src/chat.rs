//! The gateway: routes a request to a provider, waits for the first sign of an answer, and settles
//! what was spent however the call ends. Which names mean which model is the work of `models`.

mod settlement;
mod usage;

use std::sync::Arc;
use std::time::Instant;

use futures::{Stream, StreamExt, stream};
use inkstone_domain::chat::{
    Chunk, ChunkStream, EmbedReply, EmbedRequest, FinishReason, Reply, Request, Usage,
};
use inkstone_domain::ids::JobId;
use inkstone_domain::ports::GuestCall;
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};
use tracing::Instrument;

use self::settlement::Settlement;
pub use self::usage::UsageRecorder;
use crate::models::{Models, Route};
use crate::plugins::{Choice, Pins};

/// What goes with a call besides its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    pub request_id: String,
    /// The job it is made for.
    pub job: Option<JobId>,
    /// Versions of plugins a tester asked for.
    pub pins: Pins,
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
    /// Any number of pieces; then, unless it fails, `Finish` and `Usage` exactly once each, in this order.
    pub chunks: ChunkStream,
}

/// Vectors, and who made them.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// `provider/model` that answered.
    pub model: String,
    /// Id of the plugin that answered.
    pub plugin: String,
    pub plugin_version: String,
    /// SHA-256 of the plugin's component, hex.
    pub plugin_digest: String,
    pub reply: EmbedReply,
}

/// Calls language models in the name of a principal.
pub struct Chat {
    models: Arc<Models>,
    recorder: UsageRecorder,
}

impl Chat {
    /// What is spent goes to `recorder`.
    pub fn new(models: Arc<Models>, recorder: UsageRecorder) -> Self {
        Self { models, recorder }
    }

    /// Starts an answer and waits for its first chunk, so that an error that comes first is returned
    /// here. Needs the role creator. Usage is recorded however the call ends.
    pub async fn stream(
        &self,
        principal: &Principal,
        context: &RequestContext,
        request: Request,
    ) -> Result<ChatStream> {
        check_may_spend(principal)?;
        check_messages(&request)?;
        let choice = Choice::of(principal, context);
        let route = self.models.resolve(&request.model, &choice)?;
        let span = call_span("chat", &route, context);
        let mut settlement = self.settlement(principal, context, &route);
        let request = Request {
            model: route.model.clone(),
            ..request
        };
        let call = guest_call(context);
        let started = async {
            let mut chunks = route.provider.complete(&call, request).await?;
            match chunks.next().await {
                Some(Ok(first)) => Ok((first, chunks)),
                Some(Err(error)) => Err(error),
                None => Err(Error::new(
                    &codes::UPSTREAM_ERROR,
                    format!(
                        "`{}` ended its answer without a word; try again",
                        route.name
                    ),
                )),
            }
        };
        match started.instrument(span.clone()).await {
            Ok((first, rest)) => {
                settlement.first_chunk();
                self.models
                    .answered(principal.user, &context.request_id, &route);
                let all = stream::iter([Ok(first)]).chain(rest);
                Ok(ChatStream {
                    model: route.name,
                    plugin: route.plugin.manifest.id.clone(),
                    plugin_version: route.plugin.manifest.version.clone(),
                    plugin_digest: route.plugin.digest.clone(),
                    chunks: Box::pin(settled(all, settlement, span)),
                })
            }
            Err(error) => {
                settlement.failed(&error);
                Err(error)
            }
        }
    }

    /// The whole answer. Conditions as for a stream.
    pub async fn complete(
        &self,
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

    /// Turns texts into vectors. Needs the role creator.
    pub async fn embed(
        &self,
        principal: &Principal,
        context: &RequestContext,
        request: EmbedRequest,
    ) -> Result<Embedded> {
        check_may_spend(principal)?;
        if request.inputs.is_empty() {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "there is nothing to embed; give at least one text",
            ));
        }
        let choice = Choice::of(principal, context);
        let route = self.models.resolve_embedding(&request.model, &choice)?;
        let wanted = request.inputs.len();
        let mut settlement = self.settlement(principal, context, &route);
        let request = EmbedRequest {
            model: route.model.clone(),
            ..request
        };
        let call = guest_call(context);
        let answer = route
            .provider
            .embed(&call, request)
            .instrument(call_span("embed", &route, context))
            .await
            .and_then(|reply| one_vector_each(reply, wanted, &route));
        match answer {
            Ok(reply) => {
                settlement.spent(reply.usage);
                settlement.succeeded();
                self.models
                    .answered(principal.user, &context.request_id, &route);
                Ok(Embedded {
                    model: route.name,
                    plugin: route.plugin.manifest.id.clone(),
                    plugin_version: route.plugin.manifest.version.clone(),
                    plugin_digest: route.plugin.digest.clone(),
                    reply,
                })
            }
            Err(error) => {
                settlement.failed(&error);
                Err(error)
            }
        }
    }

    fn settlement(
        &self,
        principal: &Principal,
        context: &RequestContext,
        route: &Route,
    ) -> Settlement {
        Settlement::begin(self.recorder.clone(), principal.user, context.job, route)
    }
}

/// Passes chunks on, holds back what must come once and last, and settles. The state lives in the
/// stream: dropped halfway, the settlement's own drop counts the call as cancelled.
fn settled(
    chunks: impl Stream<Item = Result<Chunk>> + Send + Unpin + 'static,
    settlement: Settlement,
    span: tracing::Span,
) -> impl Stream<Item = Result<Chunk>> + Send {
    struct Running<S> {
        chunks: S,
        settlement: Settlement,
        finish: Option<FinishReason>,
        usage: Usage,
    }
    enum State<S> {
        Running(Box<Running<S>>),
        Last(Usage),
        Done,
    }
    let begin = State::Running(Box::new(Running {
        chunks,
        settlement,
        finish: None,
        usage: Usage::default(),
    }));
    stream::unfold(begin, move |state| {
        let step = async move {
            let mut running = match state {
                State::Running(running) => running,
                State::Last(usage) => return Some((Ok(Chunk::Usage(usage)), State::Done)),
                State::Done => return None,
            };
            loop {
                match running.chunks.next().await {
                    Some(Ok(Chunk::Finish(reason))) => running.finish = Some(reason),
                    Some(Ok(Chunk::Usage(usage))) => {
                        running.usage = usage;
                        running.settlement.spent(usage);
                    }
                    Some(Ok(chunk)) => return Some((Ok(chunk), State::Running(running))),
                    Some(Err(error)) => {
                        running.settlement.failed(&error);
                        return Some((Err(error), State::Done));
                    }
                    None => {
                        running.settlement.succeeded();
                        let finish = running.finish.unwrap_or(FinishReason::Stop);
                        return Some((Ok(Chunk::Finish(finish)), State::Last(running.usage)));
                    }
                }
            }
        };
        step.instrument(span.clone())
    })
}

/// A provider gets no powers: nesting ends here.
fn guest_call(context: &RequestContext) -> GuestCall {
    GuestCall {
        request_id: context.request_id.clone(),
        ..GuestCall::default()
    }
}

fn call_span(verb: &'static str, route: &Route, context: &RequestContext) -> tracing::Span {
    tracing::info_span!(
        "model_call",
        verb,
        plugin.id = route.plugin.manifest.id,
        model = route.name,
        request.id = context.request_id,
        job.id = context.job.map(tracing::field::display),
    )
}

fn check_may_spend(principal: &Principal) -> Result<()> {
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

fn one_vector_each(reply: EmbedReply, wanted: usize, route: &Route) -> Result<EmbedReply> {
    if reply.vectors.len() == wanted {
        return Ok(reply);
    }
    Err(Error::new(
        &codes::UPSTREAM_ERROR,
        format!(
            "`{}` gave {} vectors for {wanted} texts",
            route.name,
            reply.vectors.len()
        ),
    ))
}

/// Measures a call from its beginning.
pub(crate) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
