//! Vectors of texts, in as many requests as the batch size asks.

use inkstone_plugin::provider::{EmbedReply, EmbedRequest, Error, Result, Usage};
use provider_wire::told::Told;
use provider_wire::upstream;

use crate::client::Client;
use crate::model_name;
use crate::wire::embeddings::{BatchBody, BatchReply, EmbedBody};

/// One vector per input, in their order.
pub fn embed(client: &Client, request: &EmbedRequest) -> Result<EmbedReply> {
    let model = model_name::resource(&request.model)?;
    let path = format!("/{model}:batchEmbedContents");
    let mut vectors = Vec::with_capacity(request.inputs.len());
    let mut told = Told::default();
    for inputs in request.inputs.chunks(client.settings.embedding_batch_size) {
        let requests = inputs
            .iter()
            .map(|text| EmbedBody::new(&model, text, request.dimensions));
        let body = BatchBody {
            requests: requests.collect(),
        };
        let response = client.upstream.post(&path, &body, "application/json")?;
        let reply: BatchReply = upstream::read(response)?;
        let received = reply.embeddings.len();
        if received != inputs.len() {
            return Err(Error::upstream(format!(
                "the upstream sent {received} vectors for {} texts",
                inputs.len()
            )));
        }
        let usage = Usage::from(reply.usage_metadata.unwrap_or_default());
        told.add(Usage::new(usage.input_tokens, 0));
        for embedding in reply.embeddings {
            vectors.push(embedding.into_numbers()?);
        }
    }
    let length = vectors.first().map_or(0, Vec::len);
    if vectors.iter().any(|vector| vector.len() != length) {
        return Err(Error::upstream(
            "the upstream sent vectors of different lengths",
        ));
    }
    Ok(EmbedReply {
        vectors,
        usage: told.usage(),
    })
}

#[cfg(test)]
mod tests;
