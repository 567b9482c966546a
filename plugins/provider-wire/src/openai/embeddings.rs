//! Vectors of texts, in as many requests as the batch size asks.

use inkstone_plugin::provider::{EmbedReply, EmbedRequest, Error, Result, Usage};

use super::Server;
use super::wire::embeddings::{EmbeddingsBody, EmbeddingsReply};
use crate::told::Told;
use crate::upstream;

/// One vector per input, in their order.
pub fn embed(server: &Server, request: &EmbedRequest) -> Result<EmbedReply> {
    let mut vectors = Vec::with_capacity(request.inputs.len());
    let mut told = Told::default();
    for inputs in request
        .inputs
        .chunks(server.options.embedding_batch_size.max(1))
    {
        let body = EmbeddingsBody {
            model: &request.model,
            input: inputs,
            dimensions: request.dimensions,
            encoding_format: "base64",
        };
        let response = server
            .upstream
            .post("/embeddings", &body, "application/json")?;
        let reply: EmbeddingsReply = upstream::read(response)?;
        let usage = reply.usage.map(Usage::from).unwrap_or_default();
        told.add(Usage {
            cached_input_tokens: usage.cached_input_tokens,
            ..Usage::new(usage.input_tokens, 0)
        });
        vectors.extend(in_order(reply, inputs.len())?);
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

/// The vectors in the order of the inputs: exactly one for each.
fn in_order(reply: EmbeddingsReply, inputs: usize) -> Result<Vec<Vec<f32>>> {
    let received = reply.data.len();
    let mut places: Vec<Option<Vec<f32>>> = (0..inputs).map(|_| None).collect();
    for (position, body) in reply.data.into_iter().enumerate() {
        let place = places.get_mut(body.index.unwrap_or(position));
        match place {
            Some(empty @ None) => *empty = Some(body.embedding.into_numbers()?),
            _ => return Err(wrong_count(inputs, received)),
        }
    }
    let vectors: Option<Vec<Vec<f32>>> = places.into_iter().collect();
    vectors.ok_or_else(|| wrong_count(inputs, received))
}

fn wrong_count(inputs: usize, received: usize) -> Error {
    Error::upstream(format!(
        "the upstream sent {received} vectors for {inputs} texts, or not one for each"
    ))
}
