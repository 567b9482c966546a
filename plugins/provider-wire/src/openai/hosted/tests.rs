//! What a [`Service`] says, as it goes out.

use super::*;
use crate::fields::ROUTING;
use inkstone_plugin::json::json;
use inkstone_plugin::testing;
use serde_json::Value;

const PLAIN: Service = Service {
    base_url: "https://api.example.org/v1",
    credential: "example",
    dialect: Dialect::Compatible,
    include_usage: true,
    lacks: &[],
    thoughts: Thoughts::LeftOut,
    key_check: KeyCheck::Models,
    routing: ROUTING,
};

/// The body that goes out, or the error.
fn body(service: Service, settings: Value, request: Request) -> Result<Value> {
    let stream = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    testing::reset();
    testing::settings(&settings);
    testing::http(move |_| Ok(testing::response(200).body(stream)));
    service.open()?.complete(request)?.count();
    let sent = testing::http_requests().pop().expect("a request");
    Ok(serde_json::from_slice(&sent.body.unwrap_or_default()).unwrap())
}

fn with_everything() -> Request {
    let mut request = Request::new("m").user("Hi");
    request.sampling.top_k = Some(40);
    request.sampling.repeat_penalty = Some(1.1);
    request.sampling.frequency_penalty = Some(0.5);
    request.sampling.presence_penalty = Some(0.5);
    request.sampling.seed = Some(7);
    request.sampling.max_tokens = Some(9);
    request.logprobs = Some(2);
    request
}

#[test]
fn each_dialect_has_its_words() {
    for (dialect, tokens, seed) in [
        (Dialect::OpenAi, "max_completion_tokens", "seed"),
        (Dialect::Compatible, "max_tokens", "seed"),
        (Dialect::Mistral, "max_tokens", "random_seed"),
    ] {
        let service = Service { dialect, ..PLAIN };
        let body = body(service, json!({}), with_everything()).unwrap();
        assert_eq!(body[tokens], 9, "{dialect:?}");
        assert_eq!(body[seed], 7, "{dialect:?}");
        let others = ["max_completion_tokens", "max_tokens", "seed", "random_seed"];
        for other in others.iter().filter(|word| ![tokens, seed].contains(word)) {
            assert_eq!(body.get(other), None, "{dialect:?} {other}");
        }
    }
}

#[test]
fn what_a_service_lacks_is_refused_by_name_or_left_out() {
    for (field, word) in [
        (Field::TopK, "top_k"),
        (Field::RepeatPenalty, "repeat_penalty"),
        (Field::FrequencyPenalty, "frequency_penalty"),
        (Field::PresencePenalty, "presence_penalty"),
        (Field::Seed, "seed"),
        (Field::Logprobs, "logprobs"),
    ] {
        let lacks: &'static [Field] = Box::leak(Box::new([field]));
        let service = Service { lacks, ..PLAIN };
        assert!(
            body(PLAIN, json!({}), with_everything())
                .unwrap()
                .get(word)
                .is_some()
        );
        let error = body(service, json!({}), with_everything()).unwrap_err();
        assert!(
            error.message.starts_with(&format!("`{word}`: ")),
            "{error:?}"
        );
        let drops = json!({"drop_unsupported": true});
        let left = body(service, drops, with_everything()).unwrap();
        assert_eq!(left.get(word), None);
        let request = Request {
            drop_unsupported: true,
            ..with_everything()
        };
        let left = body(service, json!({}), request).unwrap();
        assert_eq!(left.get(word), None);
    }
}

#[test]
fn what_asks_for_nothing_is_not_refused() {
    let lacks = &[
        Field::RepeatPenalty,
        Field::FrequencyPenalty,
        Field::PresencePenalty,
    ];
    let mut request = Request::new("m").user("Hi");
    request.sampling.repeat_penalty = Some(1.0);
    request.sampling.frequency_penalty = Some(0.0);
    request.sampling.presence_penalty = Some(0.0);
    let body = body(Service { lacks, ..PLAIN }, json!({}), request).unwrap();
    assert_eq!(body.get("frequency_penalty"), None);
}

/// A key for one model must not reach another by a second list of names.
#[test]
fn fields_that_choose_another_model_are_refused_unless_the_admin_allows_them() {
    for field in ROUTING {
        let extra = json!({*field: ["someone/dearer"], "logit_bias": {}}).to_string();
        let request = || Request {
            extra: Some(extra.clone()),
            drop_unsupported: true,
            ..Request::new("m").user("Hi")
        };
        let error = body(PLAIN, json!({}), request()).unwrap_err();
        assert_eq!(error.kind, inkstone_plugin::ErrorKind::InvalidInput);
        assert!(
            error.message.starts_with(&format!("`{field}` ")),
            "{error:?}"
        );
        assert!(testing::http_requests().is_empty(), "{field}");
        let sent = body(PLAIN, json!({"allow_routing": true}), request()).unwrap();
        assert_eq!(sent[*field], json!(["someone/dearer"]));
    }
}

#[test]
fn address_and_credential_are_the_services_unless_the_admin_says_otherwise() {
    testing::reset();
    testing::http(|_| Ok(testing::response(200).json(&json!({"data": []}))));
    PLAIN.open().unwrap().models().unwrap();
    let sent = testing::http_requests().pop().unwrap();
    assert_eq!(sent.url, "https://api.example.org/v1/models");
    assert_eq!(sent.credential.as_deref(), Some("example"));

    testing::settings(&json!({"base_url": "http://127.0.0.1:1/v1/", "credential": ""}));
    PLAIN.open().unwrap().models().unwrap();
    let sent = testing::http_requests().pop().unwrap();
    assert_eq!(sent.url, "http://127.0.0.1:1/v1/models");
    assert_eq!(sent.credential, None);
}

#[test]
fn the_credential_is_checked_where_it_counts() {
    for (key_check, urls, words) in [
        (KeyCheck::Models, vec!["/models"], "offers 0 models"),
        (
            KeyCheck::Path("/key"),
            vec!["/key", "/models"],
            "offers 0 models",
        ),
        (
            KeyCheck::None,
            vec!["/models"],
            "the credential was not checked",
        ),
    ] {
        testing::reset();
        testing::http(|_| Ok(testing::response(200).json(&json!({"data": []}))));
        let service = Service { key_check, ..PLAIN };
        let said = service.open().unwrap().validate().unwrap();
        assert!(said.ends_with(words), "{said}");
        let sent = testing::http_requests().into_iter();
        let sent: Vec<String> = sent.map(|request| request.url).collect();
        let urls = urls.iter().map(|path| format!("{}{path}", PLAIN.base_url));
        assert_eq!(sent, urls.collect::<Vec<_>>());
    }
}

#[test]
fn a_model_that_reranks_is_not_offered_where_nobody_is_asked_to() {
    testing::reset();
    let list = json!({"data": [{"id": "a"}, {"id": "b-rerank"}, {"id": "c-embed"}]});
    testing::http(move |_| Ok(testing::response(200).json(&list)));
    let models = PLAIN.open().unwrap().models().unwrap();
    assert_eq!(models, [Model::chat("a"), Model::embedding("c-embed")]);
}
