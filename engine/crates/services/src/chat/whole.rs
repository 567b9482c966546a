//! Calls that are answered in one piece: texts as vectors, and documents in order.

use std::sync::Arc;

use inkstone_domain::chat::{EmbedReply, EmbedRequest, RerankReply, RerankRequest};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use super::{Chat, Embedded, Estimate, RequestContext, Reranked, check_may_spend};
use crate::gateway::estimate;
use crate::gateway::plan::{Candidate, Stage};
use crate::gateway::settlement::{Caller, Held};
use crate::gateway::tries::{Course, Resolve};
use crate::models::ModelKindAsked;

/// As services bill a reranking, by searches of so many documents.
const DOCUMENTS_PER_SEARCH: usize = 100;

impl Chat {
    /// Turns texts into vectors. Needs the role creator.
    pub async fn embed(
        self: &Arc<Self>,
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
        let Some(key) = &context.idempotency_key else {
            return self.vectors(principal, context, request, None).await;
        };
        let same = ("embed", request.clone());
        let (caller, context) = (principal.clone(), context.clone());
        let call = |chat: Arc<Self>, held| async move {
            chat.vectors(&caller, &context, request, Some(held)).await
        };
        let (mut embedded, is_replay): (Embedded, bool) =
            self.once_whole(principal, key, &same, call).await?;
        embedded.facts.told(is_replay);
        Ok(embedded)
    }

    async fn vectors(
        &self,
        principal: &Principal,
        context: &RequestContext,
        request: EmbedRequest,
        held: Option<Held>,
    ) -> Result<Embedded> {
        let kind = ModelKindAsked::Embedding;
        let (stage, resolve) = self.plan(principal, context, &request.model, kind)?;
        let tokens = request
            .inputs
            .iter()
            .map(|text| estimate::tokens_of(text.len()));
        let estimate = Estimate {
            input_tokens: tokens.sum(),
            output_tokens: 0,
            search_units: 0,
        };
        let caller = self
            .admit(principal, context, &stage, estimate, held)
            .await?;
        let inputs = &request;
        self.embedded(principal, context, &caller, stage, resolve, inputs)
            .await
    }

    /// Vectors within what was reserved already.
    pub(super) async fn embedded(
        &self,
        principal: &Principal,
        context: &RequestContext,
        caller: &Arc<Caller>,
        stage: Stage,
        resolve: Resolve,
        inputs: &EmbedRequest,
    ) -> Result<Embedded> {
        let mut course = Course::new(stage);
        let attempts = &self.tries.attempts;
        let ask = |candidate: Candidate, number| async move {
            let request = EmbedRequest {
                model: candidate.route.model.clone(),
                ..inputs.clone()
            };
            let wanted = request.inputs.len();
            let provider = &candidate.route.provider;
            let work = async |call| {
                let mut reply = provider.embed(&call, request).await?;
                reply.usage = estimate::told_or(reply.usage, caller.input_tokens);
                one_vector_each(reply, wanted, &candidate.route.name)
            };
            let spent = |reply: &EmbedReply| (reply.usage, 0);
            let reply = attempts.whole("embed", caller, &candidate, number, work, spent);
            Ok((reply.await?, candidate))
        };
        let (reply, candidate) = self.tries.whole(&mut course, &resolve, ask).await?;
        let route = &candidate.route;
        self.models
            .answered(principal.user, &context.request_id, route);
        Ok(Embedded {
            model: route.name.clone(),
            plugin: route.plugin.manifest.id.clone(),
            plugin_version: route.plugin.manifest.version.clone(),
            plugin_digest: route.plugin.digest.clone(),
            facts: self.facts(&course, caller),
            reply,
        })
    }

    /// Puts documents in the order in which they answer a query. Needs the role creator.
    pub async fn rerank(
        self: &Arc<Self>,
        principal: &Principal,
        context: &RequestContext,
        request: RerankRequest,
    ) -> Result<Reranked> {
        check_may_spend(principal)?;
        if request.documents.is_empty() {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "there is nothing to rank; give at least one document",
            ));
        }
        let Some(key) = &context.idempotency_key else {
            return self.ranked(principal, context, request, None).await;
        };
        let same = ("rerank", request.clone());
        let (caller, context) = (principal.clone(), context.clone());
        let call = |chat: Arc<Self>, held| async move {
            chat.ranked(&caller, &context, request, Some(held)).await
        };
        let (mut ranked, is_replay): (Reranked, bool) =
            self.once_whole(principal, key, &same, call).await?;
        ranked.facts.told(is_replay);
        Ok(ranked)
    }

    async fn ranked(
        &self,
        principal: &Principal,
        context: &RequestContext,
        request: RerankRequest,
        held: Option<Held>,
    ) -> Result<Reranked> {
        let kind = ModelKindAsked::Rerank;
        let (stage, resolve) = self.plan(principal, context, &request.model, kind)?;
        let words: usize = request.documents.iter().map(String::len).sum();
        let estimate = Estimate {
            input_tokens: estimate::tokens_of(words + request.query.len()),
            output_tokens: 0,
            search_units: request.documents.len().div_ceil(DOCUMENTS_PER_SEARCH) as u64,
        };
        let caller = self
            .admit(principal, context, &stage, estimate, held)
            .await?;
        let mut course = Course::new(stage);
        let (attempts, caller, documents) = (&self.tries.attempts, &caller, &request);
        let ask = |candidate: Candidate, number| async move {
            let request = RerankRequest {
                model: candidate.route.model.clone(),
                ..documents.clone()
            };
            let provider = &candidate.route.provider;
            let work = async |call| {
                let mut reply = provider.rerank(&call, request).await?;
                if reply.search_units == 0 {
                    reply.usage = estimate::told_or(reply.usage, caller.input_tokens);
                }
                Ok::<_, Error>(reply)
            };
            let spent = |reply: &RerankReply| (reply.usage, reply.search_units);
            let reply = attempts.whole("rerank", caller, &candidate, number, work, spent);
            Ok((reply.await?, candidate.clone()))
        };
        let (reply, candidate) = self.tries.whole(&mut course, &resolve, ask).await?;
        let route = &candidate.route;
        self.models
            .answered(principal.user, &context.request_id, route);
        Ok(Reranked {
            model: route.name.clone(),
            plugin: route.plugin.manifest.id.clone(),
            plugin_version: route.plugin.manifest.version.clone(),
            facts: self.facts(&course, caller),
            reply,
        })
    }
}

fn one_vector_each(reply: EmbedReply, wanted: usize, name: &str) -> Result<EmbedReply> {
    if reply.vectors.len() == wanted {
        return Ok(reply);
    }
    Err(Error::new(
        &codes::UPSTREAM_ERROR,
        format!(
            "`{name}` gave {} vectors for {wanted} texts",
            reply.vectors.len()
        ),
    ))
}
