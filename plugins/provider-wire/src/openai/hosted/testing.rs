//! What the tests of every hosted provider ask: whether its manifest says the same as its code, what it sends, and
//! what it makes of an answer.

use inkstone_plugin::json::json;
use inkstone_plugin::provider::{
    Chunk, ErrorKind, JsonSchemaFormat, Provider, Request, ResponseFormat, Result,
};
use inkstone_plugin::testing;
use serde_json::Value;

use super::{Service, Settings};
use crate::testing::assert_defaults_agree;

/// Panics where the manifest declares other defaults than the code has.
pub fn assert_manifest_agrees(service: &Service, manifest: &str) {
    let own = Settings::default();
    let mut expected = json!({
        "base_url": service.base_url,
        "credential": service.credential,
        "models": own.models,
        "embedding_models": own.embedding_models,
        "drop_unsupported": own.drop_unsupported,
        "embedding_batch_size": own.embedding_batch_size,
        "timeout_ms": own.timeout_ms,
    });
    // Most services have no field that routes.
    if manifest.contains("properties.allow_routing]") {
        expected["allow_routing"] = json!(own.allow_routing);
    }
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

/// Panics unless a request with one of these fields is refused by the field's name, and goes out without it where the
/// request says that it may be dropped.
pub fn assert_lacks(provider: &impl Provider, fields: &[&str]) {
    for field in fields {
        let error = sent(provider, with_only(field)).expect_err(field);
        assert_eq!(error.kind, ErrorKind::Unsupported, "{field}");
        let named = format!("`{field}`: ");
        assert!(error.message.starts_with(&named), "{}", error.message);
        let request = Request {
            drop_unsupported: true,
            ..with_only(field)
        };
        let body = sent(provider, request).expect(field);
        assert_eq!(body.get(*field), None);
    }
}

/// Panics unless a request with one of these fields goes out.
pub fn assert_has(provider: &impl Provider, fields: &[&str]) {
    for field in fields {
        let body = sent(provider, with_only(field)).expect(field);
        assert!(body.get(*field).is_some(), "{field}");
    }
}

fn with_only(field: &str) -> Request {
    let mut request = Request::new("m").user("Hi");
    let sampling = &mut request.sampling;
    match field {
        "top_k" => sampling.top_k = Some(40),
        "repeat_penalty" => sampling.repeat_penalty = Some(1.5),
        "frequency_penalty" => sampling.frequency_penalty = Some(0.5),
        "presence_penalty" => sampling.presence_penalty = Some(0.5),
        "seed" => sampling.seed = Some(7),
        "logprobs" => request.logprobs = Some(2),
        "response_format.json_schema" => {
            request.response_format = ResponseFormat::JsonSchema(JsonSchemaFormat {
                name: "answer".to_owned(),
                schema: "{}".to_owned(),
                strict: true,
            });
        }
        _ => panic!("no such field: {field}"),
    }
    request
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
