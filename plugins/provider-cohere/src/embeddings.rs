//! Vectors of texts, in as many requests as the batch size asks.

use inkstone_plugin::provider::{EmbedReply, EmbedRequest, Error, Result, Usage};
use provider_wire::told::Told;
use provider_wire::upstream;

use crate::client::Client;
use crate::wire::embed::{EmbedBody, EmbedReplyBody};

/// One vector per input, in their order.
pub fn embed(client: &Client, request: &EmbedRequest) -> Result<EmbedReply> {
    let settings = &client.settings;
    let mut vectors = Vec::with_capacity(request.inputs.len());
    let mut told = Told::default();
    for texts in request.inputs.chunks(settings.embedding_batch_size) {
        let body = EmbedBody {
            model: &request.model,
            input_type: settings.input_type,
            texts,
            embedding_types: ["float"],
            output_dimension: request.dimensions,
        };
        let response = client
            .upstream
            .post("/v2/embed", &body, "application/json")?;
        let reply: EmbedReplyBody = upstream::read(response)?;
        let received = reply.embeddings.float.len();
        if received != texts.len() {
            return Err(Error::upstream(format!(
                "the upstream sent {received} vectors for {} texts",
                texts.len()
            )));
        }
        let tokens = reply.meta.unwrap_or_default().input_tokens();
        told.add(Usage::new(tokens, 0));
        vectors.extend(reply.embeddings.float);
    }
    let length = vectors.first().map_or(0, Vec::len);
    let is_sound = |vector: &Vec<f32>| {
        vector.len() == length && length > 0 && vector.iter().all(|number| number.is_finite())
    };
    if !vectors.iter().all(is_sound) {
        return Err(Error::upstream(
            "the upstream sent vectors that are empty, of different lengths, or hold what is no number",
        ));
    }
    Ok(EmbedReply {
        vectors,
        usage: told.usage(),
    })
}
