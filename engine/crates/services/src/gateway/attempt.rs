//! One attempt: a deployment is asked, within bounds of time, up to the first piece of its answer.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use inkstone_domain::chat::{Chunk, ChunkStream, Request};
use inkstone_domain::ports::GuestCall;
use inkstone_domain::{Error, Result, codes};
use tokio::time::Instant;
use tracing::Instrument;

use super::breaker::Pass;
use super::deployments::{Deployments, all_rest};
use super::plan::Candidate;
use super::settlement::{Caller, Settlement};
use super::usage::UsageRecorder;
use inkstone_domain::gateway::ReliabilityConfig;

/// What attempts need, whoever they ask.
pub(crate) struct Attempts {
    pub deployments: Deployments,
    pub recorder: UsageRecorder,
    pub config: ReliabilityConfig,
}

/// An answer that has begun.
pub(crate) struct Started {
    pub candidate: Candidate,
    pub first: Chunk,
    pub rest: ChunkStream,
    pub settlement: Settlement,
    /// When the whole answer must be there.
    pub deadline: Option<Instant>,
    pub span: tracing::Span,
}

impl Attempts {
    /// Asks, and waits for the first piece. However it ends, it is settled and the deployment's state noted.
    pub async fn begin(
        &self,
        caller: &Arc<Caller>,
        candidate: Candidate,
        number: u32,
        request: Request,
    ) -> Result<Started> {
        let pass = let_pass(&candidate)?;
        let span = call_span("chat", &candidate, caller, number);
        let mut settlement = Settlement::begin(
            self.recorder.clone(),
            Arc::clone(caller),
            candidate.clone(),
            pass,
            number,
        );
        let call = settlement.guest_call();
        let name = candidate.route.name.as_str();
        let request = Request {
            model: candidate.route.model.clone(),
            ..request
        };
        let began = Instant::now();
        let started = async {
            let mut chunks = candidate.route.provider.complete(&call, request).await?;
            match chunks.next().await {
                Some(Ok(first)) => Ok((first, chunks)),
                Some(Err(error)) => Err(error),
                None => Err(Error::new(
                    &codes::UPSTREAM_ERROR,
                    format!("`{name}` ended its answer without a word; try again"),
                )),
            }
        };
        let bound = shorter(self.config.first_token, self.config.total);
        let started = within(bound, started.instrument(span.clone()), || {
            too_late(name, "did not begin its answer")
        });
        match started.await {
            Ok((first, rest)) => {
                settlement.first_chunk();
                self.deployments.begun(&candidate.deployment, pass);
                Ok(Started {
                    candidate,
                    first,
                    rest,
                    settlement,
                    deadline: self.config.total.map(|total| began + total),
                    span,
                })
            }
            Err(error) => {
                settlement.failed(&error);
                self.deployments
                    .ended(&candidate.deployment, pass, Err(&error));
                Err(error)
            }
        }
    }

    /// A call that is answered in one piece, such as vectors: asked, bounded and settled. `spent` tells
    /// what an answer has cost, in tokens and searches.
    pub async fn whole<T, F: Future<Output = Result<T>>>(
        &self,
        verb: &'static str,
        caller: &Arc<Caller>,
        candidate: &Candidate,
        number: u32,
        ask: impl FnOnce(GuestCall) -> F,
        spent: impl FnOnce(&T) -> (inkstone_domain::chat::Usage, u64),
    ) -> Result<T> {
        let pass = let_pass(candidate)?;
        let mut settlement = Settlement::begin(
            self.recorder.clone(),
            Arc::clone(caller),
            candidate.clone(),
            pass,
            number,
        );
        settlement.goes_in_parts();
        let work = ask(settlement.guest_call());
        let name = candidate.route.name.as_str();
        let work = work.instrument(call_span(verb, candidate, caller, number));
        let done = within(self.config.total, work, || too_late(name, "did not answer")).await;
        match &done {
            Ok(answer) => {
                let (usage, search_units) = spent(answer);
                settlement.spent(usage);
                settlement.searched(search_units);
                settlement.succeeded();
                self.deployments.ended(&candidate.deployment, pass, Ok(()));
            }
            Err(error) => {
                settlement.failed(error);
                self.deployments
                    .ended(&candidate.deployment, pass, Err(error));
            }
        }
        done
    }
}

/// A deployment that rests is not asked; after its rest exactly one call is.
fn let_pass(candidate: &Candidate) -> Result<Pass> {
    let deployment = &candidate.deployment;
    let pass = deployment.pass();
    pass.ok_or_else(|| all_rest(&deployment.name, deployment.rest()))
}

fn call_span(
    verb: &'static str,
    candidate: &Candidate,
    caller: &Caller,
    number: u32,
) -> tracing::Span {
    tracing::info_span!(
        "model_call",
        verb,
        plugin.id = candidate.route.plugin.manifest.id,
        model = candidate.route.name,
        request.id = caller.request_id,
        attempt = number,
        job.id = caller.job.map(tracing::field::display),
    )
}

/// Waits for no longer than `bound`.
async fn within<T>(
    bound: Option<Duration>,
    work: impl Future<Output = Result<T>>,
    late: impl FnOnce() -> Error,
) -> Result<T> {
    match bound {
        None => work.await,
        Some(bound) => match tokio::time::timeout(bound, work).await {
            Ok(done) => done,
            Err(_) => Err(late()),
        },
    }
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// `upstream_timeout`.
pub(crate) fn too_late(name: &str, what: &str) -> Error {
    Error::new(
        &codes::UPSTREAM_TIMEOUT,
        format!("`{name}` {what} in time; try again, or raise the bounds in `[gateway]`"),
    )
}
