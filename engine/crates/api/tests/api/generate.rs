//! `/v1/templates` and `/v1/generate/{plugin}/{template}`.

use inkstone_testkit::api_client::{Identity, TestApi};
use serde_json::json;

use crate::check;

const PATH: &str = "/v1/generate/generator-fake/article";

#[tokio::test]
async fn a_template_says_where_to_send_its_input() {
    let api = TestApi::start().await;
    let list = api.viewer().get("/v1/templates").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let template = &list["data"][0];
    assert_eq!(template["plugin"], "generator-fake");
    assert_eq!(template["id"], "article");
    assert_eq!(template["path"], PATH);
    assert_eq!(template["input_schema"]["required"], json!(["topic"]));
}

#[tokio::test]
async fn a_generation_is_queued() {
    let api = TestApi::start().await;
    let client = api.creator();
    let made = client.post("/v1/projects", json!({"slug": "sea"})).await;
    assert_eq!(made.status, 201);
    let body = json!({"input": {"topic": "tides"}, "model": "quick", "project": "sea"});
    let hidden = api.stranger().post(PATH, body.clone()).await;
    check::problem(&hidden, 404, "not_found");
    let reply = api.creator().post(PATH, body).await;
    assert_eq!(reply.status, 202);
    let job = reply.json();
    let location = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(reply.header("location"), location);
    assert_eq!(job["status"], "queued");
    assert_eq!(job["plugin"], "generator-fake");
    assert_eq!(job["template"], "article");
    assert_eq!(job["input"], json!({"topic": "tides"}));
    assert_eq!(job["model"], "quick");
    assert_eq!(job["project"], "sea");
    assert_eq!(job["owner"], api.user(Identity::Creator).to_string());
    assert_eq!(job["progress"], json!({"step": "", "done": 0, "total": 0}));
    assert_eq!(job["article"], json!(null));
    assert_eq!(api.creator().get(&location).await.json(), job);
}

#[tokio::test]
async fn the_project_is_default_unless_named() {
    let api = TestApi::start().await;
    let job = api
        .creator()
        .post(PATH, json!({"input": {"topic": "tides"}}))
        .await
        .json();
    assert_eq!(job["project"], "default");
    assert_eq!(job["model"], json!(null));
}

#[tokio::test]
async fn an_input_that_does_not_fit_is_refused_before_a_job_is_queued() {
    let api = TestApi::start().await;
    let reply = api
        .creator()
        .post(PATH, json!({"input": {"topic": 7}}))
        .await;
    let problem = check::problem(&reply, 400, "schema_mismatch");
    assert_eq!(
        problem["errors"],
        json!([{"pointer": "/input/topic", "detail": "must be a string"}]),
        "the pointer is into the body"
    );
    let reply = api.creator().post(PATH, json!({})).await;
    check::problem(&reply, 400, "invalid_input");
    assert_eq!(
        api.creator().get("/v1/jobs").await.json()["data"],
        json!([])
    );
}

#[tokio::test]
async fn unknown_plugins_templates_and_models() {
    let api = TestApi::start().await;
    let input = json!({"input": {"topic": "tides"}});
    for (path, code) in [
        ("/v1/generate/generator-none/article", "unknown_plugin"),
        ("/v1/generate/research-fake/article", "unknown_plugin"),
        ("/v1/generate/generator-fake/novel", "unknown_template"),
    ] {
        check::problem(&api.creator().post(path, input.clone()).await, 404, code);
    }
    let body = json!({"input": {"topic": "tides"}, "model": "nobody/m"});
    check::problem(&api.creator().post(PATH, body).await, 404, "unknown_model");
}
