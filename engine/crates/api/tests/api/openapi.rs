//! The OpenAPI document, and the page that shows it.

use std::collections::BTreeSet;

use expect_test::expect_file;
use inkstone_testkit::api_client::TestApi;
use serde_json::Value;

/// After a wanted change: `UPDATE_EXPECT=1 cargo test -p inkstone-api`.
#[test]
fn the_document_is_as_it_was() {
    let document = serde_json::to_string_pretty(&inkstone_api::openapi()).unwrap();
    expect_file!["../snapshots/openapi.json"].assert_eq(&format!("{document}\n"));
}

#[test]
fn every_reference_leads_somewhere() {
    let document = inkstone_api::openapi();
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_operation_is_described_and_says_how_it_fails() {
    let document = inkstone_api::openapi();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name}");
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
            assert!(ids.insert(operation["operationId"].to_string()), "{name}");
            let replies = operation["responses"].as_object().unwrap();
            let failures = replies.iter().filter(|(status, _)| status.starts_with('4'));
            for (status, reply) in failures.clone() {
                let content = reply["content"].as_object();
                let is_told =
                    content.is_some_and(|it| it.values().all(|it| it["schema"].is_object()));
                assert!(is_told, "{name}: {status} has no schema");
            }
            let successes = replies.iter().filter(|(status, _)| status.starts_with('2'));
            let bodies = successes
                .map(|(_, reply)| reply)
                .chain(operation.get("requestBody"));
            for body in bodies {
                let content = body["content"].as_object();
                for (media_type, shown) in content.into_iter().flatten() {
                    let has_example = shown.get("example").or(shown.get("examples")).is_some();
                    assert!(
                        has_example
                            || !(media_type.ends_with("/json") || media_type.ends_with("+json")),
                        "{name}: {media_type} has no example"
                    );
                }
            }
            if path.starts_with("/v1/") {
                assert!(failures.count() > 0, "{name} never fails");
                assert!(operation["responses"]["500"].is_object(), "{name}");
                let is_public = path.starts_with("/v1/auth/");
                assert_eq!(operation["security"].is_array(), !is_public, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_running_engine_names_itself_and_shows_the_page() {
    let api = TestApi::start().await;
    let document = api.anonymous().get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], "0.0.0-test");
    assert_eq!(document["servers"][0]["url"], "http://localhost:7878");
    assert_eq!(api.anonymous().get("/docs").await.status, 303);
    let page = api.anonymous().get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("swagger-ui"), "{}", page.text());
    let script = api.anonymous().get("/docs/swagger-initializer.js").await;
    assert!(script.text().contains("/openapi.json"), "{}", script.text());
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
}

fn collect_references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(target) if name == "$ref" => {
                        into.insert(target.to_owned());
                    }
                    _ => collect_references(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, into)),
        _ => {}
    }
}
