//! Documents in order. OpenAI itself has no such route; vLLM, llama.cpp and Jina have it in the same words.

use inkstone_plugin::provider::{RerankReply, RerankRequest, Result, Usage};

use super::Server;
use super::wire::rerank::{RerankBody, RerankReplyBody};
use crate::{ranking, upstream};

/// The best documents first.
pub fn rerank(server: &Server, request: &RerankRequest) -> Result<RerankReply> {
    if request.documents.is_empty() {
        // There is nothing to put in order, and servers refuse an empty list.
        return Ok(RerankReply {
            results: Vec::new(),
            usage: Usage::default(),
            search_units: 0,
        });
    }
    let body = RerankBody {
        model: &request.model,
        query: &request.query,
        documents: &request.documents,
        top_n: request.top_n,
    };
    let response = server.upstream.post("/rerank", &body, "application/json")?;
    let reply: RerankReplyBody = upstream::read(response)?;
    Ok(RerankReply {
        results: ranking::in_order(request, reply.results)?,
        usage: reply.usage.map(Usage::from).unwrap_or_default(),
        search_units: 0,
    })
}
