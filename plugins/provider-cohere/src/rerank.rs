//! Documents in the order in which they answer a query. Cohere bills searches instead of tokens.

use inkstone_plugin::provider::{RerankReply, RerankRequest, Result, Usage};
use provider_wire::{ranking, upstream};

use crate::client::Client;
use crate::wire::rerank::{RerankBody, RerankReplyBody};

/// The best documents first.
pub fn rerank(client: &Client, request: &RerankRequest) -> Result<RerankReply> {
    if request.documents.is_empty() {
        // There is nothing to put in order, and the API refuses an empty list.
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
    let response = client
        .upstream
        .post("/v2/rerank", &body, "application/json")?;
    let reply: RerankReplyBody = upstream::read(response)?;
    let meta = reply.meta.unwrap_or_default();
    Ok(RerankReply {
        results: ranking::in_order(request, reply.results)?,
        usage: Usage::new(meta.input_tokens(), 0),
        search_units: meta.search_units(),
    })
}
