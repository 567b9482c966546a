//! What the tests of every hosted provider ask: whether its manifest says the same as its code, what it sends, and
//! what it makes of an answer.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::{Chunk, Provider, Request, Result};
use inkstone_plugin::testing;
use serde_json::Value;

use super::{Service, Settings};
use crate::testing::assert_defaults_agree;

/// Panics where the manifest declares other defaults than the code has.
pub fn assert_manifest_agrees(service: &Service, manifest: &str) {
    let own = Settings::default();
    let expected = json!({
        "base_url": service.base_url,
        "credential": service.credential,
        "models": own.models,
        "embedding_models": own.embedding_models,
        "drop_unsupported": own.drop_unsupported,
        "embedding_batch_size": own.embedding_batch_size,
        "timeout_ms": own.timeout_ms,
    });
    assert_defaults_agree(manifest, &expected);
}

/// What the provider makes of this stream.
///
/// # Errors
/// The first one of the stream.
pub fn read(provider: &impl Provider, stream: &str) -> Result<Vec<Chunk>> {
    answer(stream);
    provider.complete(Request::new("m").user("Hi"))?.collect()
}

/// The JSON body that goes out for this request.
///
/// # Errors
/// That of the provider, before anything was sent.
pub fn sent(provider: &impl Provider, request: Request) -> Result<Value> {
    answer("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    provider.complete(request)?.for_each(drop);
    let request = testing::http_requests().pop().expect("it was sent");
    Ok(serde_json::from_slice(&request.body.unwrap_or_default()).expect("JSON"))
}

/// A request that uses every field of sampling.
pub fn with_all_sampling() -> Request {
    let mut request = Request::new("m").user("Hi");
    request.sampling.temperature = Some(0.5);
    request.sampling.top_p = Some(0.5);
    request.sampling.top_k = Some(40);
    request.sampling.repeat_penalty = Some(1.5);
    request.sampling.frequency_penalty = Some(0.5);
    request.sampling.presence_penalty = Some(0.5);
    request.sampling.seed = Some(7);
    request.sampling.max_tokens = Some(9);
    request
}

fn answer(stream: &str) {
    let stream = stream.to_owned();
    testing::reset();
    testing::http(move |_| Ok(testing::response(200).body(stream.as_str())));
}
